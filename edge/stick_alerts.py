"""Take alerts from the root of a stick: what is plugged in is read, nothing of it is believed."""

import hashlib

from edge.content import Parts, standing_manifests
from hw import ports
from protocols.errors import Fault, RemoteFault
from protocols.limits import OFFLINE_ALERT_BYTES_MAX, STICK_FILES_MAX
from protocols.play_values import AlertsSet
from protocols.records import HEALTH

SUFFIX = ".offline-alert.json"
# Files already judged, so that a stick left in its port is not judged again every three seconds.
_SEEN_MAX = 256


class StickAlerts:
    """Judge the alerts of every stick of one node."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._seen: list[bytes] = []

    async def look(self, stick: ports.Storage, names: "list[str]") -> None:
        """Take what is new among the files of a stick's root."""
        looked = 0
        for name in names:
            if name.endswith(SUFFIX) and looked < STICK_FILES_MAX:
                looked += 1
                await self._file(stick, name)

    async def _file(self, stick: ports.Storage, name: str) -> None:
        try:
            data = _read(stick, name)
            digest = bytes(hashlib.sha256(data).digest())
            if digest not in self._seen:
                await self._judge(stick, name, data, digest)
        except Fault as fault:
            # The stick, the disk or a file beside the alert failed: it is looked at again.
            self._parts.faults.note("stick", fault)

    async def _judge(self, stick: ports.Storage, name: str, data: bytes, digest: bytes) -> None:
        try:
            taken = await self._parts.offline.take(data, self._parts.manifests.units(), stick)
        except RemoteFault as fault:
            if fault.code.startswith("blob."):
                raise
            self._note(digest)
            body = {"file": name[:64], "code": fault.code, "message": fault.message[:200]}
            self._parts.book.write(HEALTH, "refused", body)
            return
        self._note(digest)
        self._parts.faults.clear("stick")
        body = {"unit": taken.unit, "alert": taken.alert.id, "carrier": "stick"}
        self._parts.book.write(HEALTH, "offline-alert", body)
        found = standing_manifests(self._parts.manifests, self._parts.offline)
        self._parts.feed.publish(AlertsSet(found, True))

    def _note(self, digest: bytes) -> None:
        self._seen.append(digest)
        if len(self._seen) > _SEEN_MAX:
            self._seen.pop(0)


def _read(stick: ports.Storage, name: str) -> bytes:
    reader = stick.open(name)
    if reader is None:
        return b""
    try:
        return reader.read(OFFLINE_ALERT_BYTES_MAX + 1)
    finally:
        reader.close()
