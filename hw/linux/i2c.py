"""Speak to chips on an I2C bus of Linux through its character device (`/dev/i2c-1`).

One `I2C_RDWR` call carries the write and the read with a repeated start between them; numbers from
linux/i2c.h and linux/i2c-dev.h.
"""

import ctypes
import errno
import fcntl
import os

from hw import pin_ports
from protocols.errors import WorldFault

_RDWR = 0x0707
_READ = 0x0001


class _Message(ctypes.Structure):
    """struct i2c_msg"""

    _fields_ = (
        ("addr", ctypes.c_uint16),
        ("flags", ctypes.c_uint16),
        ("len", ctypes.c_uint16),
        ("buf", ctypes.c_void_p),
    )


class _Messages(ctypes.Structure):
    """struct i2c_rdwr_ioctl_data"""

    _fields_ = (("msgs", ctypes.POINTER(_Message)), ("nmsgs", ctypes.c_uint32))


class I2c(pin_ports.I2c):
    """Hold the path of one bus; it is opened for each transfer, which are minutes apart."""

    def __init__(self, path: str):
        self._path = path

    def transfer(self, address: int, data: bytes, count: int) -> bytes:
        """Write bytes, then read `count`; raises `i2c.missing` or `i2c.permission`."""
        sent = ctypes.create_string_buffer(data, len(data))
        got = ctypes.create_string_buffer(count)
        parts = (_Message * 2)(
            _Message(address, 0, len(data), ctypes.addressof(sent)),
            _Message(address, _READ, count, ctypes.addressof(got)),
        )
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(descriptor, _RDWR, _Messages(parts, 2 if count else 1))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _fault(self._path, address, error) from error
        return got.raw


def _fault(path: str, address: int, error: OSError) -> WorldFault:
    text = "%s address %#04x: %s" % (path, address, error.strerror)
    if error.errno in (errno.EACCES, errno.EPERM):
        return WorldFault("i2c.permission", text, "add the node's user to the group i2c")
    return WorldFault("i2c.missing", text, "switch the bus on and check the chip's four wires")
