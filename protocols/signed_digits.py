"""Arithmetic shared by both curves: signed digits of scalars, and modular inverses."""


def digits_of(scalar: int, window: int) -> bytearray:
    """Return the width-`window` NAF of a scalar below 2^128, lowest digit first, 129 places.

    Each place holds 0, or (|d| + 1) / 2 for the odd digit d, plus 128 where d is negative.
    """
    digits = bytearray(129)
    full = 1 << window
    position = 0
    while scalar:
        if scalar & 1:
            digit = scalar & (full - 1)
            scalar -= digit
            if digit > full >> 1:
                scalar += full
                digit = 255 + full - digit + 1
            digits[position] = (digit + 1) >> 1
        scalar >>= 1
        position += 1
    return digits


def inverse(value: int, prime: int) -> int:
    """Return 1 / value modulo a prime by Euclid's algorithm; 0 where there is none."""
    a = value % prime
    b = prime
    u = 1
    v = 0
    while a > 1:
        quotient = b // a
        a, b = b - quotient * a, a
        u, v = v - quotient * u, u
    return u % prime if a else 0
