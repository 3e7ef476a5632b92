"""SHA-512 rounds for boards with 32-bit words and MicroPython's viper emitter.

A 64-bit word is two machine words, high first. Additions wrap at 32 bits and the carry is an
unsigned comparison, so this file is wrong where machine words are wider: `verifier.py` never
imports it there. Where the emitter is missing, importing raises SyntaxError.
"""
# mypy: ignore-errors
# ruff: noqa: F821

import struct

import micropython

from protocols import sha512


def _native_order(data: bytes) -> bytearray:
    """Return 64-bit big-endian words as pairs of machine words, high first."""
    count = len(data) // 4
    return bytearray(struct.pack("%dI" % count, *struct.unpack(">%dI" % count, data)))


_CONSTANTS = _native_order(sha512.ROUND_CONSTANTS)


class ViperSha512(sha512.PureSha512):
    """Hash bytes that arrive in pieces; `digest` may be called once."""

    def __init__(self):
        super().__init__()
        self._halves = _native_order(sha512.INITIAL_STATE)
        self._schedule = bytearray(640)

    def mix(self, block: bytes) -> None:
        """Mix one block of 128 bytes into the state."""
        _expand(self._schedule, block)
        _rounds(self._halves, self._schedule, _CONSTANTS)

    def words(self) -> list[int]:
        """Return the state as eight words."""
        halves = struct.unpack("16I", self._halves)
        return [halves[i] << 32 | halves[i + 1] for i in range(0, 16, 2)]


@micropython.viper
def _expand(schedule: ptr32, block: ptr8):
    """Fill the 80 words of FIPS 180-4, 6.4.2 step 1."""
    i = 0
    while i < 32:
        at = i << 2
        schedule[i] = block[at] << 24 | block[at + 1] << 16 | block[at + 2] << 8 | block[at + 3]
        i += 1
    while i < 160:
        hi = uint(schedule[i - 30])
        lo = uint(schedule[i - 29])
        sh = (hi >> 1 | lo << 31) ^ (hi >> 8 | lo << 24) ^ hi >> 7
        sl = (lo >> 1 | hi << 31) ^ (lo >> 8 | hi << 24) ^ (lo >> 7 | hi << 25)
        lo = uint(schedule[i - 13])
        sl += lo
        sh += uint(schedule[i - 14]) + uint(int(sl < lo))
        lo = uint(schedule[i - 31])
        sl += lo
        sh += uint(schedule[i - 32]) + uint(int(sl < lo))
        hi = uint(schedule[i - 4])
        lo = uint(schedule[i - 3])
        th = (hi >> 19 | lo << 13) ^ (lo >> 29 | hi << 3) ^ hi >> 6
        tl = (lo >> 19 | hi << 13) ^ (hi >> 29 | lo << 3) ^ (lo >> 6 | hi << 26)
        sl += tl
        schedule[i] = int(sh + th + uint(int(sl < tl)))
        schedule[i + 1] = int(sl)
        i += 2


@micropython.viper
def _rounds(state: ptr32, schedule: object, constants: object):
    """Mix the schedule into the state (steps 2 to 4).

    The working words a to h stand in a ring of eight pairs; a of round t is pair -t modulo 8, so
    nothing is moved. T1 replaces hi, then T2 is added there: hi's place is the next a.
    """
    memory = bytearray(64)
    ring = ptr32(memory)
    i = 0
    while i < 16:
        ring[i] = state[i]
        i += 1
    t = 0
    while t < 160:
        _first_sum(memory, schedule, constants, t)
        _second_sum(memory, t)
        t += 2
    i = 0
    while i < 16:
        low = uint(state[i + 1]) + uint(ring[i + 1])
        carry = uint(int(low < uint(ring[i + 1])))
        state[i] = int(uint(state[i]) + uint(ring[i]) + carry)
        state[i + 1] = int(low)
        i += 2


@micropython.viper
def _first_sum(ring: ptr32, schedule: ptr32, constants: ptr32, t: int):
    """Put T1 = h + S1(e) + Ch(e, f, g) + K + W in h's place and add it to d."""
    at = (8 - t) & 15
    hi = uint(ring[at])
    lo = uint(ring[at + 1])
    sh = (hi >> 14 | lo << 18) ^ (hi >> 18 | lo << 14) ^ (lo >> 9 | hi << 23)
    sl = (lo >> 14 | hi << 18) ^ (lo >> 18 | hi << 14) ^ (hi >> 9 | lo << 23)
    f = (10 - t) & 15
    g = (12 - t) & 15
    th = uint(ring[g]) ^ (hi & (uint(ring[f]) ^ uint(ring[g])))
    tl = uint(ring[g + 1]) ^ (lo & (uint(ring[f + 1]) ^ uint(ring[g + 1])))
    sl += tl
    sh += th + uint(int(sl < tl))
    at = (14 - t) & 15
    lo = uint(ring[at + 1])
    sl += lo
    sh += uint(ring[at]) + uint(int(sl < lo))
    lo = uint(schedule[t + 1])
    sl += lo
    sh += uint(schedule[t]) + uint(int(sl < lo))
    lo = uint(constants[t + 1])
    sl += lo
    sh += uint(constants[t]) + uint(int(sl < lo))
    ring[at] = int(sh)
    ring[at + 1] = int(sl)
    at = (6 - t) & 15
    lo = uint(ring[at + 1]) + sl
    ring[at] = int(uint(ring[at]) + sh + uint(int(lo < sl)))
    ring[at + 1] = int(lo)


@micropython.viper
def _second_sum(ring: ptr32, t: int):
    """Add T2 = S0(a) + Maj(a, b, c) to h's place."""
    at = (16 - t) & 15
    hi = uint(ring[at])
    lo = uint(ring[at + 1])
    sh = (hi >> 28 | lo << 4) ^ (lo >> 2 | hi << 30) ^ (lo >> 7 | hi << 25)
    sl = (lo >> 28 | hi << 4) ^ (hi >> 2 | lo << 30) ^ (hi >> 7 | lo << 25)
    b = (2 - t) & 15
    c = (4 - t) & 15
    th = hi & uint(ring[b]) | uint(ring[c]) & (hi | uint(ring[b]))
    tl = lo & uint(ring[b + 1]) | uint(ring[c + 1]) & (lo | uint(ring[b + 1]))
    sl += tl
    sh += th + uint(int(sl < tl))
    at = (14 - t) & 15
    lo = uint(ring[at + 1]) + sl
    ring[at] = int(uint(ring[at]) + sh + uint(int(lo < sl)))
    ring[at + 1] = int(lo)
