"""Decode media in the simulator: WAV as it is."""

from hw.wav_decoder import WavDecoder as Decoder

__all__ = ["Decoder"]
