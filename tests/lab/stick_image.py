"""Read and write files of a FAT image with MicroPython's own FatFs: not the kernel's vfat.

Run on the host by `tests/lab/node_rows.py`: `micropython -m tests.lab.stick_image IMAGE put NAME
FILE …` copies files onto the stick, `… get FOLDER OUT` copies a folder of it, `all` its name.
"""

import sys

import vfs

_SECTOR = 512


class Disk:
    """A block device over a file."""

    def __init__(self, path):
        self.file = open(path, "r+b")
        self.count = self.file.seek(0, 2) // _SECTOR

    def readblocks(self, block, data):
        self.file.seek(block * _SECTOR)
        self.file.readinto(data)

    def writeblocks(self, block, data):
        self.file.seek(block * _SECTOR)
        self.file.write(data)

    def ioctl(self, operation, argument):
        if operation == 3:
            self.file.flush()
        return {4: self.count, 5: _SECTOR}.get(operation, 0)


def copy(source, target):
    while True:
        data = source.read(4096)
        if not data:
            break
        target.write(data)
    source.close()
    target.close()


def put(stick, name, path):
    """Copy a file onto the stick, in at most one folder."""
    folder, _, _ = name.rpartition("/")
    if folder and folder not in [entry[0] for entry in stick.ilistdir("/")]:
        stick.mkdir(folder)
    copy(open(path, "rb"), stick.open(name, "wb"))


def get(stick, folder, out):
    """Copy a folder's files from the stick."""
    for entry in stick.ilistdir(folder):
        if entry[1] & 0x8000:
            copy(stick.open(folder + "/" + entry[0], "rb"), open(out + "/" + entry[0], "wb"))


def main(image, verb, *words):
    disk = Disk(image)
    stick = vfs.VfsFat(disk)
    stick.mount(False, False)
    if verb == "put":
        for at in range(0, len(words), 2):
            put(stick, words[at], words[at + 1])
    else:
        get(stick, *words)
    stick.umount()
    disk.ioctl(3, 0)
    disk.file.close()


main(*sys.argv[1:])
