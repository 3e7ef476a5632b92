"""Make MicroPython's Unix port a board on a cable: a double of the firmware's shell, no more.

    micropython board_double.py FLASH ROM WORLD

The interpreter, littlefs, ROMFS and every file operation are MicroPython's own. Doubled are: the
raw REPL with its paste mode (the Unix port has none), `machine.reset`, `kbd_intr`, the ROMFS
partition (the file ROM, mapped; `-` for firmware without one), and the flash chip (the file FLASH).
`/dev` and the folder WORLD (as `/world`) are the wires to the devices' doubles.
"""

import gc
import os
import sys
import termios

import ffi
import micropython
import uctypes
import vfs

BLOCK_BYTES = 4096
WINDOW = 128
LIBC = ffi.open("libc.so.6")


class Flash:
    def __init__(self, path):
        self._file = open(path, "r+b")
        self._count = os.stat(path)[6] // BLOCK_BYTES

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK_BYTES + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK_BYTES + offset)
        self._file.write(buffer)

    def ioctl(self, operation, argument):
        return {4: self._count, 5: BLOCK_BYTES}.get(operation, 0)


class Partition:
    TYPE_DATA = 1
    found = ()

    def __init__(self, path):
        length = os.stat(path)[6]
        descriptor = LIBC.func("i", "open", "si")(path, 2)
        mapped = LIBC.func("P", "mmap", "Piiiil")(None, length, 3, 1, descriptor, 0)
        self.memory = uctypes.bytearray_at(mapped, length)

    @staticmethod
    def find(kind, label):
        return Partition.found if label == "romfs" else []

    def writeblocks(self, block, buffer):
        first = block * BLOCK_BYTES
        self.memory[first : first + len(buffer)] = buffer


class Firmware:
    """A module of ours in a built-in one's place."""


def dress(rom):
    # What a board's USB driver does, the terminal does here: tell Ctrl-C from a byte.
    cooked = termios.tcgetattr(0)
    shell = sys.modules["micropython"] = Firmware()
    shell.const = micropython.const
    shell.kbd_intr = lambda byte: (
        termios.setraw(0) if byte < 0 else termios.tcsetattr(0, termios.TCSANOW, cooked)
    )
    machine = sys.modules["machine"] = Firmware()
    machine.reset = lambda: LIBC.func("v", "_exit", "i")(9)
    if rom == "-":
        return
    partition = Partition(rom)
    Partition.found = (partition,)
    esp32 = sys.modules["esp32"] = Firmware()
    esp32.Partition = Partition
    made = sys.modules["vfs"] = Firmware()
    made.mount, made.umount, made.VfsRom = vfs.mount, vfs.umount, vfs.VfsRom
    made.rom_ioctl = lambda operation, *rest: memoryview(partition.memory)


def mount(flash, world):
    device = Flash(flash)
    try:
        root = vfs.VfsLfs2(device)
    except OSError:
        vfs.VfsLfs2.mkfs(device)
        root = vfs.VfsLfs2(device)
    folders = [("/dev", vfs.VfsPosix("/dev")), ("/world", vfs.VfsPosix(world))]
    vfs.umount("/")
    vfs.mount(root, "/")
    for name, folder in folders:
        vfs.mount(folder, name)
    sys.path[:] = ["", ".frozen"]


def say(text):
    sys.stdout.buffer.write(text if isinstance(text, bytes) else text.encode())


def byte():
    while True:
        try:
            data = sys.stdin.buffer.read(1)
        except KeyboardInterrupt:
            return b"\x03"
        if not data:
            LIBC.func("v", "_exit", "i")(1)
        return data


def paste():
    say(b"R\x01" + bytes((WINDOW, 0)) + b"\x01")
    text, left = bytearray(), WINDOW
    while True:
        one = byte()
        if one == b"\x04":
            say(b"\x04")
            return bytes(text)
        text.extend(one)
        left -= 1
        if not left:
            left = WINDOW
            say(b"\x01")


def run(text, names):
    try:
        exec(text, names)
        failure = None
    except Exception as error:
        failure = error
    except KeyboardInterrupt as error:
        failure = error
    say(b"\x04")
    if failure is not None:
        sys.print_exception(failure, sys.stdout)
    say(b"\x04>")


def forget():
    ours = ("micropython", "machine", "esp32", "vfs")
    for name in list(sys.modules):
        if name not in ours:
            del sys.modules[name]
    gc.collect()
    return {"__name__": "__main__"}


def raw():
    names, line = {"__name__": "__main__"}, b""
    say("raw REPL; CTRL-B to exit\r\n>")
    while True:
        one = byte()
        if one == b"\x02":
            return
        if one == b"\x01":
            line = b""
            say("raw REPL; CTRL-B to exit\r\n>")
        elif one == b"\x05" and not line:
            byte(), byte()
            run(paste(), names)
        elif one == b"\x04":
            if line.strip():
                say("OK")
                run(line, names)
            else:
                say("OK\r\nMPY: soft reboot\r\n")
                names = forget()
                say("raw REPL; CTRL-B to exit\r\n>")
            line = b""
        elif one != b"\x03":
            line += one


def main():
    micropython.kbd_intr(3)
    dress(sys.argv[2])
    mount(sys.argv[1], sys.argv[3])
    try:
        with open("/main.py") as file:
            text = file.read()
    except OSError:
        text = ""
    try:
        exec(text, {"__name__": "__main__"})
    except Exception as error:
        sys.print_exception(error, sys.stdout)
    except KeyboardInterrupt:
        pass
    while True:
        say("\r\nMicroPython double\r\n>>> ")
        while byte() != b"\x01":
            pass
        raw()


main()
