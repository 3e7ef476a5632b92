"""Decode media on a microcontroller: WAV as it is."""

from hw.wav_decoder import WavDecoder as Decoder

__all__ = ["Decoder"]
