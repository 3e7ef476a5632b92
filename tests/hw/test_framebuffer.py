"""The framebuffer's memory, byte by byte: a file and a driver's answers stand in for the device.

The layout of the answers is the kernel's own (<linux/fb.h>, compiled here); a screen that really
shows it needs a kernel with a framebuffer.
"""

import fcntl
import hashlib
import struct
import subprocess

import pytest

from hw.linux import framebuffer
from hw.linux.framebuffer import FramebufferBoard, read_layout
from protocols.errors import LocalFault, WorldFault

ABGR = ((0, 8), (8, 8), (16, 8))
ARGB = ((16, 8), (8, 8), (0, 8))
RGB565 = ((11, 5), (5, 6), (0, 5))
PROGRAM = r"""
#include <linux/fb.h>
#include <stdio.h>
#include <string.h>
int main(void) {
    struct fb_var_screeninfo v; struct fb_fix_screeninfo f;
    memset(&v, 0, sizeof v); memset(&f, 0, sizeof f);
    v.xres = 800; v.yres = 600; v.xres_virtual = 800; v.yres_virtual = 1200;
    v.bits_per_pixel = 16; v.yoffset = 600;
    v.red.offset = 11; v.red.length = 5; v.green.offset = 5; v.green.length = 6;
    v.blue.offset = 0; v.blue.length = 5;
    f.smem_len = 123456; f.line_length = 1664;
    fwrite(&v, sizeof v, 1, stdout); fwrite(&f, sizeof f, 1, stdout);
    return 0;
}
"""


class Driver:
    """Answer the ioctls of one screen."""

    def __init__(self, path, places, bits, screens=2, size=(20, 12)):
        width, height = size
        self.stride = (width + 3) * bits // 8
        self.variable = bytearray(160)
        struct.pack_into("=4I", self.variable, 0, width, height, width, height * screens)
        struct.pack_into("=I", self.variable, 24, bits)
        for i, place in enumerate(places):
            struct.pack_into("=2I", self.variable, 32 + 12 * i, *place)
        self.fixed = bytearray(80)
        struct.pack_into("=I", self.fixed, 24, self.stride * height * screens)
        struct.pack_into("=I", self.fixed, 48, self.stride)
        self.panned = []
        self.path = path
        path.write_bytes(bytes(self.stride * height * screens))

    def ioctl(self, fd, request, argument=0):
        if request == 0x4600:
            return bytes(self.variable)
        if request == 0x4602:
            return bytes(self.fixed)
        if request == 0x4606:
            self.panned.append(struct.unpack_from("=I", argument, 20)[0])
        return argument

    def pixel(self, x, y, bits):
        data = self.path.read_bytes()
        at = y * self.stride + x * bits // 8
        return int.from_bytes(data[at : at + bits // 8], "little")


@pytest.fixture
def screen(monkeypatch, tmp_path):
    def make(places=ARGB, bits=32, **options):
        driver = Driver(tmp_path / "fb", places, bits, **options)
        monkeypatch.setattr(fcntl, "ioctl", driver.ioctl)
        return driver

    return make


def test_the_layout_is_the_kernels(tmp_path):
    (tmp_path / "a.c").write_text(PROGRAM)
    subprocess.run(["gcc", "-o", tmp_path / "a", tmp_path / "a.c"], check=True)
    data = subprocess.run([tmp_path / "a"], check=True, capture_output=True).stdout
    assert len(data) == 240
    layout = read_layout(data[:160], data[160:], 8)
    assert layout == (800, 600, 2, 16, 1664, 123456, RGB565)


@pytest.mark.parametrize(
    ("places", "bits", "red", "mixed"),
    [
        (ARGB, 32, 0xFF0000, 0x804020),
        (ABGR, 32, 0x0000FF, 0x204080),
        (RGB565, 16, 0xF800, 0x8204),
    ],
)
async def test_colours_stand_where_the_driver_says(screen, places, bits, red, mixed):
    driver = screen(places, bits)
    board = FramebufferBoard(str(driver.path), (4, 3, 3), (2, 1))
    rows = [b"\xff\x00\x00" * 4, b"\x80\x40\x20" * 4, bytes(12)]
    await board.show(rows)
    # The first frame stands on the second screen, which was hidden.
    assert driver.panned == [12]
    assert driver.pixel(2, 13, bits) == red and driver.pixel(5, 14, bits) == mixed
    assert driver.pixel(1, 13, bits) == driver.pixel(6, 13, bits) == driver.pixel(2, 12, bits) == 0
    await board.show(rows)
    assert driver.panned == [12, 0] and driver.pixel(2, 1, bits) == red
    assert await board.read_back() == hashlib.sha256(b"".join(rows)).digest()
    board._memory[driver.stride + 2 * bits // 8] ^= 1
    assert await board.read_back() != hashlib.sha256(b"".join(rows)).digest()
    await board.close()
    assert driver.pixel(2, 13, bits) == 0


async def test_grey_brightness_and_one_screen(screen):
    driver = screen(screens=1)
    board = FramebufferBoard(str(driver.path), (4, 1, 1))
    await board.set_brightness(50)
    await board.show([bytes([0, 100, 200, 255])])
    assert [driver.pixel(x, 0, 32) for x in range(4)] == [0, 0x323232, 0x646464, 0x7F7F7F]
    assert driver.panned == [] and await board.present()
    await board.close()


async def test_what_cannot_be_shown_is_told(screen, tmp_path):
    driver = screen()
    with pytest.raises(LocalFault) as caught:
        await FramebufferBoard(str(driver.path), (20, 12, 1), (1, 0)).show([bytes(20)] * 12)
    assert caught.value.code == "board.size"
    with pytest.raises(LocalFault):
        await FramebufferBoard(str(driver.path), (4, 1, 1)).show([bytes(5)])
    absent = FramebufferBoard(str(tmp_path / "absent"), (4, 1, 1))
    with pytest.raises(WorldFault) as lost:
        await absent.show([bytes(4)])
    assert lost.value.code == "board.lost" and await absent.present() is False
    await absent.close()
    screen(bits=24)
    with pytest.raises(LocalFault):
        await FramebufferBoard(str(driver.path), (4, 1, 1)).show([bytes(4)])


async def test_a_file_that_is_no_framebuffer(tmp_path):
    (tmp_path / "file").write_bytes(bytes(100))
    with pytest.raises(WorldFault) as caught:
        await FramebufferBoard(str(tmp_path / "file"), (4, 1, 1)).show([bytes(4)])
    assert caught.value.code == "board.lost"
    assert framebuffer._fault("x", PermissionError(13, "denied")).code == "board.permission"
