"""Start the agent on a board: this file is the board's `main.py`.

`chieng-tool flash` keeps two slots, folders `/chieng.a` and `/chieng.b` or the halves of the ROMFS
partition. The newest that is whole is started; one that does not load gives way to the other. For
the first two seconds the tool's knock leads to the board's prompt instead; a single Ctrl-C does
not, as a greeting of the service cable holds one.
"""

import select
import sys
import time

import micropython

WINDOW_MS = 2000
# What mpremote sends to be heard, and what a person types.
KNOCKS = (b"\r\x03\r\x01", b"\x03\x03\x03")
AGAIN_S = 10
# The agent's own wish (`edge.ending`).
RESTART_CODE = 75
CONFIG = "/node.json"


def whole() -> "list[tuple[int, str, str, int, int]]":
    """Return (number, slot, place, offset, length) of every slot that is whole, newest first."""
    found = []
    for slot in "ab":
        try:
            with open("/chieng." + slot + ".ready") as file:
                words = file.read().split()
        except OSError:
            continue
        if len(words) == 5 and words[4] == "end":
            found.append((int(words[0]), slot, words[1], int(words[2]), int(words[3])))
    found.sort()
    found.reverse()
    return found


def show(slot: str, place: str, offset: int, length: int) -> str:
    """Make a slot's modules importable and return where they are."""
    path = "/chieng." + slot
    if place == "rom":
        import vfs  # noqa: PLC0415 - firmware without ROMFS may lack it

        image = memoryview(vfs.rom_ioctl(2, 0))[offset : offset + length]
        vfs.mount(vfs.VfsRom(image), path)  # type: ignore[attr-defined]
    return path


def start() -> int:
    """Run the newest agent that loads; returns its exit code."""
    for number, slot, place, offset, length in whole():
        before = list(sys.modules)
        try:
            path = show(slot, place, offset, length)
            sys.path.insert(0, path)
            __import__("chieng").load()
        except Exception as error:
            print("chieng: slot " + slot + " number " + str(number) + ": " + repr(error))
            if sys.path[0] == "/chieng." + slot:
                sys.path.pop(0)
            for name in list(sys.modules):
                if name not in before:
                    del sys.modules[name]
            continue
        code: int = sys.modules["chieng"].start("run", "--config", CONFIG)
        return code
    print("chieng: no slot is whole; run chieng-tool flash")
    return 0


def is_knocked() -> bool:
    """Listen for the tool; returns at once when it knocks."""
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    heard = b""
    ends = time.ticks_add(time.ticks_ms(), WINDOW_MS)
    while time.ticks_diff(ends, time.ticks_ms()) > 0:
        if poll.poll(20):
            heard = heard[-3:] + (sys.stdin.buffer.read(1) or b"")
            if any([heard.endswith(knock) for knock in KNOCKS]):
                return True
    return False


def main() -> None:
    """Give the tool its moment, then run the agent for as long as the board has power."""
    micropython.kbd_intr(-1)
    if is_knocked():
        code = 0
    else:
        code = start()
    micropython.kbd_intr(3)
    if code:
        if code != RESTART_CODE:
            time.sleep(AGAIN_S)
        __import__("machine").reset()


if __name__ == "__main__":
    main()
