"""Lay items on one endless mono stream, to the sample.

Theory of operation. The stream counts frames from 0 and is silence unless an item covers it. The
sink asks for the next frames with `render`; how it splits them changes nothing. An item starts at
its frame (or as soon as the one before it has ended), follows its gain ramps, and ends by itself,
by a fade, or at once. `slip` drops or repeats one sample, which keeps a sink with a drifting
crystal on the wall clock. Peaks above the knee are bent, never clipped.
"""

import struct

from protocols.errors import LocalFault
from protocols.limits import AUDIO_ITEMS_MAX

UNITY_Q15 = 32767

# A step of gain, and the start in the middle of an item, take this long, so that nothing clicks.
_RAMP_MS = 10
# Above -1 dBFS the slope is one quarter: full scale leaves at -0.7 dBFS. The hub levels to peaks
# below that, so its sound passes bit for bit.
_KNEE = 29204
_KNEE_SHIFT = 2


class Source:
    """Give an item's samples."""

    def read(self, count: int) -> bytes | None:
        """Return 1 to `count` bytes (s16le), empty at the end, None when none are ready yet."""
        raise NotImplementedError


class Item:
    """Follow one item on the stream.

    `position` counts the item's samples, `first_frame` and `end_frame` the stream's; both are None
    until known.
    """

    def __init__(self, source: Source, position: int, at_frame: int, gain_q15: int):
        self.source = source
        self.position = position
        self.at_frame = at_frame
        self.first_frame: int | None = None
        self.end_frame: int | None = None
        self.starved = 0
        self._rest = b""
        self._exhausted = False
        self._dry = False
        self._fading = False
        self._gain = _clip_gain(gain_q15)
        self._from = self._gain
        self._ramp = 0
        self._left = 0
        self._slip = 0

    def set_gain(self, gain_q15: int, frames: int) -> None:
        """Move to another gain over some frames."""
        if not self._fading:
            self._ramp_to(_clip_gain(gain_q15), frames)

    def fade(self, frames: int) -> None:
        """End within some frames by a linear fade."""
        if not self._fading:
            self._fading = True
            self._ramp_to(0, frames)

    def ramp_in(self, frames: int) -> None:
        """Rise from silence at the first samples."""
        self._from = 0
        self._ramp = self._left = frames

    def slip(self, samples: int) -> None:
        """Drop (+1) or repeat (-1) one sample in the next rendered block."""
        self._slip = samples

    def render(self, count: int) -> bytes:
        """Return up to `count` frames of the item; fewer means it ended or starved."""
        if self._fading:
            count = min(count, self._left)
        samples = self._take(count)
        if self._left:
            samples = self._apply_ramp(samples)
        elif self._gain < UNITY_Q15:
            gain = self._gain
            samples = [s * gain >> 15 for s in samples]
        if samples and (max(samples) > _KNEE or min(samples) < -_KNEE):
            samples = [_bend(s) for s in samples]
        return struct.pack("<%dh" % len(samples), *samples)

    def is_cut(self) -> bool:
        """Tell whether a fade ends it, or it ended unheard."""
        return self._fading or self.first_frame is None

    def is_over(self) -> bool:
        """Tell whether no sample will follow."""
        if self._fading and (self._dry or not self._left):
            return True
        return self._exhausted and len(self._rest) < 2

    def _ramp_to(self, gain: int, frames: int) -> None:
        self._from = self._now_gain()
        self._gain = gain
        self._ramp = self._left = frames

    def _now_gain(self) -> int:
        if not self._left:
            return self._gain
        return self._gain + (self._from - self._gain) * self._left // self._ramp

    def _apply_ramp(self, samples: list[int]) -> list[int]:
        out = []
        for sample in samples:
            gain = self._now_gain()
            out.append(sample if gain >= UNITY_Q15 else sample * gain >> 15)
            if self._left:
                self._left -= 1
        return out

    def _take(self, count: int) -> list[int]:
        """Return up to `count` samples after slipping, and count them on `position`."""
        slip = self._slip if count > 2 else 0
        want = count + slip
        while len(self._rest) < want * 2 and not self._exhausted:
            data = self.source.read(want * 2 - len(self._rest))
            if data is None:
                break
            if not data:
                self._exhausted = True
            self._rest += data
        have = min(len(self._rest) // 2, want)
        self._dry = have < want
        samples = list(struct.unpack("<%dh" % have, self._rest[: have * 2]))
        self._rest = self._rest[have * 2 :]
        self.position += have
        if slip and have == want:
            i = _smoothest(samples)
            if slip > 0:
                samples.pop(i)
            else:
                samples.insert(i, samples[i])
            self._slip = 0
        return samples[:count]


def _clip_gain(gain_q15: int) -> int:
    return min(max(gain_q15, 0), UNITY_Q15)


def _bend(sample: int) -> int:
    if sample > _KNEE:
        return _KNEE + ((sample - _KNEE) >> _KNEE_SHIFT)
    if sample < -_KNEE:
        return -_KNEE - ((-sample - _KNEE) >> _KNEE_SHIFT)
    return sample


def _smoothest(samples: list[int]) -> int:
    """Return where two neighbours differ least: a sample lost or doubled there is not heard."""
    best, best_step = 0, 65536
    for i in range(len(samples) - 1):
        step = abs(samples[i + 1] - samples[i])
        if step < best_step:
            best, best_step = i, step
    return best


class Mixer:
    """Render the stream; `frame` is the next frame to render."""

    def __init__(self, rate_hz: int):
        self.rate_hz = rate_hz
        self.frame = 0
        self._items: list[Item] = []
        self._ended: list[Item] = []

    def add(self, item: Item) -> None:
        """Queue an item; it starts at its `at_frame` or when those before it have ended."""
        if len(self._items) >= AUDIO_ITEMS_MAX:
            raise LocalFault("audio.busy", "too many items queued", "wait for one to end")
        if item.position:
            item.ramp_in(self.frames(_RAMP_MS))
        self._items.append(item)

    def frames(self, duration_ms: int) -> int:
        """Return a duration in frames."""
        return duration_ms * self.rate_hz // 1000

    def fade_all(self, fade_ms: int) -> None:
        """Fade what plays; what has not started ends at once."""
        for item in list(self._items):
            if item.first_frame is None:
                self._end(item)
            else:
                item.fade(self.frames(fade_ms))

    def set_gain(self, gain_q15: int) -> None:
        """Change the gain of everything queued."""
        for item in self._items:
            item.set_gain(gain_q15, 0 if item.first_frame is None else self.frames(_RAMP_MS))

    def items(self) -> list[Item]:
        """Return the items that play or wait, in order."""
        return list(self._items)

    def take_ended(self) -> list[Item]:
        """Return the items that ended since the last call."""
        ended = self._ended
        self._ended = []
        return ended

    def render(self, count: int) -> bytes:
        """Return the next `count` frames, s16le."""
        out = bytearray(count * 2)
        done = 0
        while done < count and self._items:
            item = self._items[0]
            if item.first_frame is None:
                done = max(done, min(item.at_frame - self.frame, count))
                if done >= count:
                    break
                item.first_frame = self.frame + done
            data = item.render(count - done)
            out[done * 2 : done * 2 + len(data)] = data
            done += len(data) // 2
            if item.is_over():
                self._end(item, self.frame + done)
            elif done < count:
                item.starved += count - done
                break
        self.frame += count
        return bytes(out)

    def _end(self, item: Item, end_frame: int | None = None) -> None:
        item.end_frame = self.frame if end_frame is None else end_frame
        self._items.remove(item)
        self._ended.append(item)
