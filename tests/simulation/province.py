"""The hub of a simulated province: its real decisions over a store in memory.

Publishing, ingest, serving and renewal are `hub`'s own functions; only the socket and SQLite are
left out. Keys come from the seed, so that a run is the same every time. Files stand in a temporary
folder, in memory where the machine has one.
"""

import asyncio
import copy
import hashlib
import os
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub import answers, bulletins, fleet, records_api, static_files
from hub.approvers import KeyOpener
from hub.blobs import Blobs
from hub.config import Config
from hub.pack import Packs
from hub.production import Production
from hub.publishing import Publisher, Signature
from hub.repository import ceremony, signers
from hub.repository.durable import Disk
from hub.repository.online_keys import OnlineKeys
from hub.repository.registry import Unit
from hub.repository.roles import ONLINE_HOLDERS
from hub.services import AnswerKey, AnswerKeys, Services
from hub.store_memory import MemoryLedger
from protocols import wav
from protocols.errors import Fault, RemoteFault
from protocols.pack import read_have

PROVINCE, COMMUNES = "00.prov", ("03.a", "03.b")
UNITS = {PROVINCE: [], "03.a": [PROVINCE], "03.b": [PROVINCE]}
HAMLETS = ("h1", "h2")
UTC_OFFSET_MIN = 420
# 2026-03-02 00:00 in Viet Nam, a Monday: when every run begins.
START_MS = 1_772_384_400_000
# The simulated card's samples a second: a day's programme is then kilobytes, not megabytes. The
# files' heads say 16 kHz, as the format demands.
RATE_HZ = 100
HOST = "hub.example"
# The hub looks every hour; a day of it is one look here.
RENEW_MS = 86_400_000
_FOLDER = "/dev/shm"


def local_clock(at_ms):
    """Return (day number, second of the day) in Viet Nam of true Unix milliseconds."""
    second = at_ms // 1000 + UTC_OFFSET_MIN * 60
    return second // 86400, second % 86400


class Sound:
    """A medium as it was approved: its file, and the samples that a card must then be given."""

    def __init__(self, seconds, seed):
        drawn = hashlib.sha256(str(seed).encode()).digest()
        samples = (drawn * (seconds * RATE_HZ * 2 // len(drawn) + 1))[: seconds * RATE_HZ * 2]
        self.pcm = samples
        self.data = wav.head(16000, len(samples), 0) + samples
        self.seconds = seconds


class Answers(AnswerKeys):
    """The hub's answer keys; a notary hears of all they sign."""

    def __init__(self, repository, notary):
        super().__init__(repository)
        self._notary = notary
        self._noted = None

    def current(self):
        key = super().current()
        if self._noted is None or self._noted.key_id != key.key_id:
            signer = self._repository.online.signers()[key.key_id]
            public = bytes.fromhex(signer.public_key.keyval["public"])

            def sign(message):
                signature = key.sign(message)
                self._notary.signed(public, signature, message)
                return signature

            self._noted = AnswerKey(key.key_id, sign)
        return self._noted


class Hub:
    """Serve the nodes of a province; `now_ms()` is the true time."""

    def __init__(self, seed, now_ms, notary):
        self._seed = seed
        self._keys = 0
        self._kept = tempfile.TemporaryDirectory(dir=_FOLDER if os.path.isdir(_FOLDER) else None)
        folder = Path(self._kept.name)
        self.now_ms = now_ms
        config = Config(folder, UTC_OFFSET_MIN, 60, now_ms=now_ms)
        online = self._online_keys(config.online_keys)
        founders = ceremony.Founders(*([self._signer() for _ in range(n)] for n in (3, 1, 1, 1)))
        repository = ceremony.found(
            config.repository, online, founders, ["00", "03"], now_ms() // 1000
        )
        self.approvers = {}
        for unit, ancestors in UNITS.items():
            self.approvers[unit] = self._signer()
            keys = [self.approvers[unit].public_key]
            repository.add_unit(Unit(unit, keys), ancestors, founders.registrars, now_ms() // 1000)
        blobs = Blobs(config.blobs)
        ledger = MemoryLedger()
        self.services = Services(
            config,
            ledger,
            blobs,
            repository,
            Publisher(config, ledger, repository, blobs),
            Production(config, ledger, blobs),
            KeyOpener(),
            Answers(repository, notary),
            None,
            notary.is_signed,
        )
        self._packs = Packs(self.services)
        self._files = static_files.MetadataFiles()
        self.store = ledger.store
        self.root = (config.repository / "metadata/1.root.json").read_bytes()
        self.is_up = True
        # Called whenever a batch of records was taken, whether or not its answer arrives.
        self.took = lambda: None

    def close(self):
        """Remove the folder."""
        self._kept.cleanup()

    async def open(self):
        """Enter the units; call it once."""
        now_s = self.now_ms() // 1000

        def enter(store):
            for unit, above in UNITS.items():
                row = {"unit": unit, "valid_from": "2025-07-01", "name": unit, "kind": "unit"}
                fleet.add_unit(store, {**row, "parent": above[0] if above else None}, "sim", now_s)
                for hamlet in HAMLETS:
                    fleet.add_hamlet(store, unit, hamlet, hamlet, "sim", now_s)

        await self.services.ledger.write(enter)

    async def run(self):
        """Renew signatures in time, until cancelled."""
        while True:
            await asyncio.sleep(RENEW_MS / 1000)
            await self.services.publisher.recover()

    async def register(self, node, unit, hamlet, public_key):
        """Register a node with its key."""
        form = fleet.NodeForm(node, unit, node, "speaker", public_key, hamlet)
        now_s = self.now_ms() // 1000
        await self.services.ledger.write(lambda store: fleet.add_node(store, form, "sim", now_s))

    async def publish(self, unit, name, sound, legal_class, timing, hamlets=()):
        """Write, make, approve and publish one bulletin, as the pages do."""
        services, now_s = self.services, self.now_ms() // 1000
        draft = bulletins.Draft(
            unit, name, "vi-VN", legal_class, "text", "", "vi-VN", None, hamlets, timing
        )
        await services.ledger.write(lambda s: bulletins.create(s, name, draft, "author", now_s))
        blob = services.blobs.put_bytes(sound.data)
        forms = (("opus", "audio/ogg"), ("pcm16", "audio/wav"))
        profile, media_type = forms[len(sound.data) // RATE_HZ % 2]
        rendition = {"profile": profile, "media_type": media_type, **blob._asdict()}
        rendition["duration_ms"] = sound.seconds * 1000
        made = {"renditions": [rendition], "frames": [], "spoken": "text"}
        await services.ledger.write(lambda s: bulletins.made(s, name, 1, made, now_s))
        await self.approve(unit, name)
        return rendition

    async def approve(self, unit, name, action="publish"):
        """Sign a bulletin, or with `recall` its removal."""
        signature = Signature("approver", self.approvers[unit])
        outcome = await self.services.publisher.approve(name, [signature], action)
        assert outcome.published

    async def answer(self, method, path, headers, body):
        """Answer a node's request: (status, headers, body), or None while the hub is down."""
        if not self.is_up:
            return None
        try:
            if method == "POST" and path == "/v1/records":
                given = records_api.Post(method, HOST, path, headers, body)
                found, data = await records_api.take(self.services, given)
                self.took()
                return 200, {name.lower(): value for name, value in found.items()}, data
            return self._file(path, headers)
        except Fault as fault:
            return answers.status_of(fault), {}, answers.fault_body(fault)

    def _file(self, path, headers):
        parts = path.split("/")[2:]
        root = self.services.config.repository
        found = None
        if parts[0] == "units" and parts[2].startswith("pack?"):
            return self._pack(parts[1], parts[2][5:])
        if parts[0] == "units" and parts[2] == "metadata":
            found = static_files.find_metadata(root, self._files, parts[1], parts[3])
        elif parts[0] == "targets":
            found = static_files.find_target(root, self._files, "/".join(parts[1:]))
        elif parts[0] == "blobs":
            return self._blob(parts[1], headers)
        if found is None:
            raise answers.not_found()
        data, etag = found
        etag = '"' + etag + '"'
        if headers.get("if-none-match") == etag:
            return 304, {"etag": etag}, b""
        return 200, {"etag": etag}, data

    def _pack(self, unit, query):
        given = dict(pair.split("=") for pair in query.split("&"))
        root, timestamp = read_have(given["have"])
        found = self._packs.choose(unit, root, timestamp, given.get("media", ""))
        if found is None:
            return 204, {}, b""
        return 200, {"etag": f'"{found.root}.{found.timestamp}"'}, b"".join(found.pieces())

    def _blob(self, sha256, headers):
        path = self.services.blobs.path(sha256)
        if not path.is_file():
            raise answers.not_found()
        data = path.read_bytes()
        first, last = (int(number) for number in headers["range"][6:].split("-"))
        if first >= len(data):
            raise RemoteFault("http.range", "past the end", "Ask for less.")
        last = min(last, len(data) - 1)
        span = f"bytes {first}-{last}/{len(data)}"
        return 206, {"content-range": span}, data[first : last + 1]

    def versions(self, unit):
        """Return the newest approved version of every bundle that a unit's nodes read."""
        found = {}
        for row in self.store.find("publications", {"kind": "bundle", "state": "published"}):
            if row["unit"] in (unit, *UNITS[unit]):
                found[row["unit"]] = max(row["version"], found.get(row["unit"], 0))
        return found

    def copy(self):
        """Return a backup of the database."""
        return copy.deepcopy(self.store._rows)

    def restore(self, backup):
        """Put a backup in the place of the database, keeping what was published since."""
        for table in ("records", "record_heads", "plays", "node_status", "faults"):
            self.store._rows[table] = copy.deepcopy(backup[table])

    def _signer(self):
        self._keys += 1
        drawn = hashlib.sha256(f"{self._seed}/key/{self._keys}".encode()).digest()
        return signers.of_private(Ed25519PrivateKey.from_private_bytes(drawn))

    def _online_keys(self, folder):
        for holder in ONLINE_HOLDERS:
            Disk().write(folder / f"{holder}.1.pem", self._signer().private_bytes, 0o600)
        return OnlineKeys.create(folder)
