"""What the demo's story left behind, for the tests that look at it."""

import json
from pathlib import Path

import numpy as np

from protocols import wav
from tools.demo import SPEAKER

TOP = Path(__file__).parents[1]
RATE_HZ = 16000


class Told:
    """What the story left behind."""

    def __init__(self, folder, outcome):
        self.folder = folder
        self.outcome = outcome
        lines = (folder / "loudspeaker.log").read_text(encoding="utf-8").splitlines()
        self.log = [json.loads(line) for line in lines if line.startswith("{")]
        data = Path(outcome["wav"]).read_bytes()
        head = wav.read_head(data)
        self.began_ms = head.started_ms
        self.heard = np.frombuffer(data[head.data_offset :][: head.data_bytes], "<i2")

    def records(self, kind):
        return [line["body"] for line in self.log if line["kind"] == kind]

    def plays(self, legal_class):
        return [body for body in self.records("play") if body["class"] == legal_class]

    def sound(self, play):
        """Return the samples that the node decoded for a play, from where it began."""
        path = self.folder / SPEAKER / "pcm" / play["rendition_sha256"]
        samples = np.frombuffer(path.read_bytes(), "<i2")
        return samples[play["from_ms"] * RATE_HZ // 1000 :]

    def find(self, sound, near_ms, around_ms=1500):
        """Return (wall ms of its first sample, likeness 0 to 1) of a sound in what was heard."""
        first = max(0, (near_ms - around_ms - self.began_ms) * RATE_HZ // 1000)
        part = self.heard[first : first + 2 * around_ms * RATE_HZ // 1000 + len(sound)]
        part, sound = part.astype(float), sound.astype(float)
        size = 1 << (len(part) + len(sound)).bit_length()
        spectrum = np.fft.rfft(part, size) * np.conj(np.fft.rfft(sound, size))
        product = np.fft.irfft(spectrum, size)[: len(part) - len(sound) + 1]
        at = int(np.argmax(product))
        here = part[at : at + len(sound)]
        likeness = product[at] / np.sqrt(np.sum(here**2) * np.sum(sound**2))
        return self.began_ms + (first + at) * 1000 / RATE_HZ, float(likeness)
