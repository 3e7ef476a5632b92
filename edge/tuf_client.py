"""A TUF client on the command line, as the public conformance suite drives it.

    --metadata-dir D init ROOT.json
    --metadata-dir D --metadata-url U refresh
    --metadata-dir D --metadata-url U --target-name P [--target-name P ...] --target-dir T
        --target-base-url B download

Runs as `python3 -m edge.tuf_client` and `micropython -m edge.tuf_client`. Exits 0 on success and 1
on any failure, with one line on the standard error. Metadata stand in D under plain names, targets
in T under percent-encoded ones; what is not verified yet stands under `D/.staged` alone.
"""

import asyncio
import sys

from hw import loading, platform, ports

# isort: split
from edge.metadata_fetch import MetadataFetch
from protocols.errors import Fault, LocalFault, WorldFault
from protocols.limits import ROOT_BYTES_MAX
from protocols.trust import quote

_BLOCK_BYTES = 1024
_USAGE = "options before the verb: init ROOT, refresh, or download"
_SINGLE = ("--metadata-dir", "--metadata-url", "--target-dir", "--target-base-url")


def _usage(message: str) -> LocalFault:
    return LocalFault("usage", message, _USAGE)


class Command:
    """The parsed command line: `options` by name, `targets`, `verb`, and its `arguments`."""

    def __init__(self, words: list[str]):
        self.options: dict[str, str] = {}
        self.targets: list[str] = []
        at = 0
        while at < len(words) and words[at].startswith("--"):
            name = words[at]
            if at + 1 == len(words):
                raise _usage(name + " lacks its value")
            if name == "--target-name":
                self.targets.append(words[at + 1])
            elif name in _SINGLE:
                self.options[name] = words[at + 1]
            else:
                raise _usage("unknown option " + name)
            at += 2
        self.verb = words[at] if at < len(words) else ""
        self.arguments = words[at + 1 :]

    def option(self, name: str) -> str:
        """Return a required option."""
        if name not in self.options:
            raise _usage(self.verb + " needs " + name)
        return self.options[name]


def _init(command: Command) -> None:
    if len(command.arguments) != 1:
        raise _usage("init needs one file")
    folder, mark, name = command.arguments[0].rpartition("/")
    reader = platform.Storage(folder or mark or ".").open(name)
    if reader is None:
        raise WorldFault("storage.io", command.arguments[0] + ": no such file", "check the path")
    writer = platform.Storage(command.option("--metadata-dir")).stage("root.json")
    try:
        while writer.position <= ROOT_BYTES_MAX:
            piece = reader.read(_BLOCK_BYTES)
            if not piece:
                writer.commit("root.json")
                return
            writer.write(piece)
        raise _usage("the root is longer than " + str(ROOT_BYTES_MAX) + " bytes")
    finally:
        reader.close()
        writer.close()


async def _update(command: Command, clock: ports.Clock) -> None:
    folder = command.option("--metadata-dir")
    download = command.verb == "download"
    targets_url = command.option("--target-base-url") if download else ""
    target_dir = command.option("--target-dir") if download else ""
    if command.arguments or (download and not command.targets):
        raise _usage("download needs --target-name, and only init takes an argument")
    wall_ms = clock.wall_ms()
    if wall_ms is None:
        raise WorldFault("clock.unknown", "the clock was never set", "set the system clock")
    fetch = MetadataFetch(
        platform.Link(),
        platform.Storage(folder),
        platform.Verifier(),
        command.option("--metadata-url"),
        targets_url,
        folder="",
    )
    await fetch.refresh(wall_ms // 1000)
    for path in command.targets if download else ():
        target = await fetch.find_target(path)
        store = platform.Storage(target_dir, folder + "/.staged/targets")
        await fetch.download_target(target, store, quote(path))


def run(words: list[str], clock: ports.Clock) -> None:
    """Run one command; raises a `Fault` when it fails."""
    loading.done()
    command = Command(words)
    if command.verb == "init":
        _init(command)
    elif command.verb in ("refresh", "download"):
        try:
            asyncio.run(_update(command, clock))
        except MemoryError:
            raise WorldFault("memory", "the heap is full", "use a bigger board")
    else:
        raise _usage("unknown verb " + command.verb)


def main(words: list[str]) -> int:
    """Run one command by the system's clock; return the exit status."""
    try:
        run(words, platform.Clock())
    except Fault as fault:
        sys.stderr.write(str(fault) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
