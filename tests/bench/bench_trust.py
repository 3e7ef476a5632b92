"""Trust for a province of 155 communes: time against tuf.ngclient, bytes, and heap on 32 bits.

Prints `name value goal`. Both clients read the same files over the same kind of fetcher from memory
and keep theirs on the same disk; each round begins with an empty store. The heap is found by
giving 32-bit MicroPython less and less until a cold refresh no longer ends.
"""

import asyncio
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from edge.metadata_fetch import MetadataFetch
from hub.repository import signers
from hub.repository.ceremony import Founders, found
from hub.repository.online_keys import OnlineKeys
from hub.repository.registry import Unit
from hw import ports
from hw.linux.storage import Storage
from hw.linux.verifier import Verifier
from protocols import bundle
from tests.hub.repository_world import serving

TOP = Path(__file__).resolve().parents[2]
COMMUNES = 155
GROUP_UNITS = 8
ROUNDS = 40
BASE = "http://memory"
NOW_S = int(time.time())


class Province:
    """A province with one approver a unit, a bundle in one commune and one of the province."""

    def __init__(self, folder: Path):
        groups = [f"{number:02}" for number in range(-(-COMMUNES // GROUP_UNITS) + 1)]
        founders = Founders.generate()
        online = OnlineKeys.create(folder / "online")
        self.root = folder / "repository"
        self.repository = found(self.root, online, founders, groups, NOW_S)
        self.approvers = {}
        self._served: dict[str, bytes | None] = {}
        units = ["00.prov"]
        units += [f"{groups[1 + at // GROUP_UNITS]}.c{at:03}" for at in range(COMMUNES)]
        for unit in units:
            self.approvers[unit] = signers.generate()
            ancestors = [] if unit == "00.prov" else ["00.prov"]
            keys = [self.approvers[unit].public_key]
            self.repository.add_unit(Unit(unit, keys), ancestors, founders.registrars, NOW_S)
        self.unit = units[1]
        self.publish("00.prov", 1)
        self.publish(self.unit, 1)

    def publish(self, unit: str, version: int) -> None:
        """Sign a bundle without content: what it weighs is not metadata."""
        manifest = bundle.build(
            {
                **{"version": version, "unit": unit, "ancestors": [], "issued_s": NOW_S},
                **{"valid_from_s": NOW_S, "valid_until_s": NOW_S + 400 * 86400},
                **{"utc_offset_min": 420, "items": [], "rules": [], "pages": []},
                **{"policy": {}, "fallback": []},
            }
        )
        self.repository.sign_bundle(unit, [self.approvers[unit]], manifest, NOW_S + version)
        self._served = {}

    def read(self, url: str) -> bytes | None:
        """Return what the hub serves at an address, or None; from memory the second time."""
        if url not in self._served:
            self._served[url] = self._find(url)
        return self._served[url]

    def _find(self, url: str) -> bytes | None:
        parts = url.removeprefix(BASE + "/").split("/")
        for path in (self.root / "/".join(parts), self.root / "metadata" / parts[-1]):
            if path.is_file():
                return path.read_bytes()
        return None


class Answer(ports.Response):
    """Give bytes from memory."""

    def __init__(self, data: bytes | None):
        self.status = 404 if data is None else 200
        self.headers = {}
        self._data = data or b""

    async def read(self, count: int) -> bytes:
        """Return the next bytes."""
        piece, self._data = self._data[:count], self._data[count:]
        return piece

    async def close(self) -> None:
        """Release nothing."""


class OwnLink(ports.Link):
    """Serve our client from memory and count."""

    def __init__(self, province: Province):
        self.province = province
        self.bytes = 0

    async def request(self, method, url, headers, body):
        """Answer one request."""
        data = self.province.read(url)
        self.bytes += len(data or b"")
        return Answer(data)


class StockFetcher(FetcherInterface):
    """Serve `tuf.ngclient` from memory."""

    def __init__(self, province: Province):
        self.province = province

    def _fetch(self, url: str):
        data = self.province.read(url)
        if data is None:
            raise DownloadHTTPError("absent", 404)
        return iter([data])


def own(province: Province, folder: Path, link: OwnLink, runner: asyncio.Runner) -> None:
    """Refresh and find the unit's bundle with our client, in the loop a node has anyway."""
    root = (province.root / "metadata/1.root.json").read_bytes()
    folder.mkdir(exist_ok=True)
    if not (folder / "root.json").exists():
        (folder / "root.json").write_bytes(root)
    urls = f"{BASE}/units/{province.unit}/metadata/", f"{BASE}/targets/"
    fetch = MetadataFetch(
        link, Storage(str(folder)), Verifier(), *urls, folder="", unit=province.unit
    )

    async def run():
        await fetch.refresh(NOW_S + 5)
        await fetch.find_target(f"units/{province.unit}/bundle.json")

    runner.run(run())


def stock(province: Province, folder: Path, fetcher: StockFetcher) -> None:
    """Refresh and find the unit's bundle with `tuf.ngclient`."""
    root = (province.root / "metadata/1.root.json").read_bytes()
    folder.mkdir(exist_ok=True)
    urls = f"{BASE}/units/{province.unit}/metadata/", f"{BASE}/targets/"
    config = UpdaterConfig()
    updater = Updater(str(folder), urls[0], str(folder), urls[1], fetcher, config, bootstrap=root)
    updater.refresh()
    assert updater.get_targetinfo(f"units/{province.unit}/bundle.json") is not None


def least_seconds(run, folder: Path) -> float:
    """Return the least time of many cold rounds."""
    best = 1e9
    for _ in range(ROUNDS):
        shutil.rmtree(folder, ignore_errors=True)
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return best


def times(province: Province, folder: Path) -> None:
    """Print the ratio of a cold refresh and look-up, rounds in turns."""
    link, fetcher = OwnLink(province), StockFetcher(province)
    pairs = []
    runner = asyncio.Runner()
    for turn in range(3):
        ours = least_seconds(lambda: own(province, folder / "own", link, runner), folder / "own")
        theirs = least_seconds(lambda: stock(province, folder / "stock", fetcher), folder / "stock")
        pairs.append(ours / theirs)
        print(f"# turn {turn}: {ours * 1000:.2f} ms, tuf.ngclient {theirs * 1000:.2f} ms")
    runner.close()
    print(f"chain_verification_to_ngclient {sorted(pairs)[1]:.2f} 0.70")


def bytes_of(province: Province, folder: Path) -> None:
    """Print the bytes of metadata for a first sync, an idle check and one new bundle."""
    link = OwnLink(province)
    runner = asyncio.Runner()
    own(province, folder / "bytes", link, runner)
    print(f"first_sync_bytes {link.bytes} 20000")
    link.bytes = 0
    own(province, folder / "bytes", link, runner)
    print(f"idle_check_bytes_without_etag {link.bytes} -")
    province.publish(province.unit, 2)
    link.bytes = 0
    own(province, folder / "bytes", link, runner)
    runner.close()
    print(f"one_new_bundle_bytes {link.bytes} 5800")


def heap(province: Province, folder: Path) -> None:
    """Print the least heap in which 32-bit MicroPython ends a cold refresh."""
    with serving(province.root) as url:
        code = 0
        least = None
        for kib in range(176, 96, -4):
            store = folder / "board"
            shutil.rmtree(store, ignore_errors=True)
            store.mkdir()
            root = (province.root / "metadata/1.root.json").read_bytes()
            (store / "root.json").write_bytes(root)
            done = subprocess.run(
                [TOP / ".cache/micropython/bin/micropython32", "-X", f"heapsize={kib}k"]
                + ["-m", "tests.bench.refresh_on_board"]
                + [f"{url}/units/{province.unit}/metadata/", f"{url}/targets/"]
                + [str(store), province.unit],
                cwd=TOP,
                capture_output=True,
                text=True,
                check=False,
            )
            if "found" not in done.stdout:
                break
            least, code = kib, int(done.stdout.split()[1])
    assert least is not None, done.stdout + done.stderr
    print(f"micropython32_code_kib {code / 1024:.1f} -")
    print(f"micropython32_least_heap_kib {least} -")
    print(f"micropython32_refresh_heap_kib {least - code / 1024:.1f} 80")


def main() -> None:
    """Print every measure."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        province = Province(folder / "province")
        times(province, folder)
        heap(province, folder)
        bytes_of(province, folder)


if __name__ == "__main__":
    main()
