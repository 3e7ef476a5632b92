"""A desk at which people run `chieng-tool`, each typing the passphrase that was shown to them."""

import io
import re
import shutil
import time
from pathlib import Path

from tuf.ngclient import Updater

from hub.repository import request, wrapped_key
from hub.repository.online_keys import OnlineKeys
from hub.repository.repository import Repository
from hub.repository.wrapped_key import Cost
from tools.console import Console
from tools.main import run

# Stock clients read the wall clock, so the desk is dated by it.
NOW_S = int(time.time())
CHEAP = Cost(memory_kib=8, passes=1, lanes=1)
SHOWN = re.compile(r"^(?:Key|Khóa) (\S+) (?:stands|nằm) .*\n.*: (\S+)$", re.MULTILINE)
KEY_ID = re.compile(r"^    ([0-9a-f]{64})$", re.MULTILINE)


class Desk:
    """Run commands against one hub's data folder and remember the sheets."""

    def __init__(self, folder, language="en"):
        self.folder = folder
        self.language = language
        self.data = folder / "data"
        self.sheets = {}
        self.now_s = NOW_S

    def stick(self, holder):
        """Return `HOLDER=FOLDER` for a person's own stick."""
        path = self.folder / "sticks" / holder
        path.mkdir(parents=True, exist_ok=True)
        return f"{holder}={path}"

    def key(self, kind, holder):
        """Return the path of a person's key file."""
        return self.folder / "sticks" / holder / f"{kind}-{holder}.json"

    def run(self, *arguments, typed=None, say=()):
        """Run a command; people type the passphrase of each `--key`. Return (code, out, err)."""
        words = [str(word) for word in arguments]
        lines = list(say)
        for at, word in enumerate(words):
            if word == "--key":
                lines.append(self.sheets[words[at + 1].rsplit("/", 1)[1].removesuffix(".json")])
        source = io.StringIO("\n".join(typed if typed is not None else lines) + "\n")
        out, errors = io.StringIO(), io.StringIO()
        console = Console(self.language, out, source, errors)
        code = run(words, console, self.now_s, CHEAP)
        self.sheets.update(SHOWN.findall(out.getvalue()))
        return code, out.getvalue(), errors.getvalue()

    def ok(self, *arguments, **names):
        """Run a command that must succeed and return what it printed."""
        code, out, errors = self.run(*arguments, **names)
        assert code == 0, errors
        return out

    def keys(self, verb, *arguments, **names):
        """Run `keys VERB --data DATA …`, which must succeed, a few seconds later."""
        self.now_s += 5
        return self.ok("keys", verb, "--data", self.data, *arguments, **names)

    def found(self):
        """Hold the ceremony with a commune, its province and two approvers each."""
        places = {kind: [] for kind in ("root", "targets", "firmware", "registrar")}
        for holder in ("an", "binh", "chi"):
            places["root"] += ["--root", self.stick(holder)]
        for kind in ("targets", "firmware", "registrar"):
            places[kind] = [f"--{kind}", self.stick(kind[0])]
        groups = ["--group", "00", "--group", "03"]
        out = self.keys("found", *groups, *[word for words in places.values() for word in words])
        for unit, above in (("00.prov", []), ("03.a", ["--ancestor", "00.prov"])):
            options = []
            for number in (1, 2):
                holder = f"{unit}.{number}"
                self.ok("keys", "new", "--holder", self.stick(holder))
                options += ["--approver", self.key("approver", holder)]
            self.keys("unit", "--unit", unit, *above, *options, "--key", self.key("registrar", "r"))
        return out

    def roots(self, *holders):
        """Return the options that bring root holders' keys."""
        return [word for holder in holders for word in ("--key", self.key("root", holder))]

    def key_ids(self, role):
        """Return the full key ids of a role from the printed record."""
        out = self.keys("record")
        part = re.split(r"^(\S+)  \d+/\d+  \S+$", out, flags=re.MULTILINE)
        return KEY_ID.findall(part[part.index(role) + 1])

    # What the hub and its nodes would do meanwhile

    def repository(self):
        """Open the hub's repository."""
        return Repository(self.data / "repository", OnlineKeys(self.data / "keys" / "online"))

    def export(self, manifest, unit="03.a", kind="unit"):
        """Export a bundle or alerts to be signed; return the file."""
        self.now_s += 5
        name = {"unit": f"units/{unit}/bundle.json", "alert": f"alerts/{unit}/alert.json"}[kind]
        change = self.repository().propose(f"{kind}-{unit}", {name: manifest}, self.now_s)
        path = self.folder / f"{kind}-{unit}.request.json"
        path.write_bytes(change.to_bytes())
        return path

    def publish(self, manifest, approver="03.a.1", unit="03.a"):
        """Publish a bundle signed by one approver, as the hub's page would."""
        path = self.export(manifest, unit)
        document = wrapped_key.decode(self.key("approver", approver).read_bytes())
        signer = wrapped_key.unwrap_signer(document, self.sheets[f"approver-{approver}"])
        path.write_bytes(request.read(path.read_bytes()).sign([signer]).to_bytes())
        return self.keys("accept", path)

    def reads(self, name="steady", unit="03.a"):
        """Return the bundle that a stock client reads; it keeps what it trusted under its name."""
        folder = self.folder / "clients" / name
        bootstrap = None
        if not folder.exists():
            (folder / "targets").mkdir(parents=True)
            bootstrap = (self.folder / "sticks" / "an" / "1.root.json").read_bytes()
        updater = Updater(
            str(folder),
            f"{self.url}/units/{unit}/metadata/",
            str(folder / "targets"),
            f"{self.url}/targets/",
            bootstrap=bootstrap,
        )
        info = updater.get_targetinfo(f"units/{unit}/bundle.json")
        return Path(updater.download_target(info)).read_bytes()

    def still_reads(self, content=b"programme"):
        """Check that an old and a new client read the commune's bundle."""
        assert self.reads() == content
        shutil.rmtree(self.folder / "clients" / "new", ignore_errors=True)
        assert self.reads("new") == content
