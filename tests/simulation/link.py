"""A node's link to the hub, with everything that 3G does to it, in virtual time.

Costs are those of plain HTTP over TCP/IP on a kept connection, or on a new one after a minute.
"""

import asyncio

from hw import ports
from protocols.errors import WorldFault
from protocols.limits import LINK_HEAD_MS_MAX, LINK_KEPT_MS_MAX, LINK_OPEN_MS_MAX

# Bytes with TCP and IP heads: three-way handshake and end; a request's head; an answer's head.
OPEN_BYTES, ASK_BYTES, ANSWER_BYTES = 280, 250, 270
SEGMENT_BYTES, SEGMENT_HEAD_BYTES = 1400, 52
UP, DOWN, HALF_OPEN, PORTAL = "up", "down", "half-open", "portal"
_PAGE = b"<!doctype html><title>Welcome</title><p>Please log in to use this network.</p>"


class Weather:
    """What a link is like now; shares are of one request."""

    def __init__(self):
        self.state = UP
        self.delay_ms = 120
        self.loss = 0.0
        self.cut = 0.0
        self.twice = 0.0
        self.spoil = 0.0
        self.bytes_per_s = 100_000


class Link(ports.Link):
    """Carry one node's requests to `hub.answer`."""

    def __init__(self, hub, random, weather, notice, answered):
        self._hub = hub
        self._random = random
        self.weather = weather
        self._notice = notice
        self._answered = answered
        self._down = 0
        self._up = 0
        self._kept_until = 0.0
        self._late = []
        self.is_powered = True

    def counters(self):
        """Return bytes (received, sent) since power-on, heads and handshakes included."""
        return self._down, self._up

    async def request(self, method, url, headers, body):
        """Ask the hub, or fail as links do."""
        loop = asyncio.get_running_loop()
        path = url[url.index("/", 8) :]
        weather = self.weather
        opening_ms = await self._open(loop)
        self._up += ASK_BYTES + _on_wire(len(body))
        lower = {name.lower(): value for name, value in headers.items()}
        if weather.state == PORTAL:
            return Answer(self, 200, {"content-type": "text/html"}, _PAGE, path)
        await self._pass(len(body), opening_ms)
        if self._draws(weather.twice) and method == "POST":
            self._ask_again_later(loop, method, path, lower, body)
        asked = weather.state == UP or self._random.random() < 0.5
        answered = await self._hub.answer(method, path, lower, body) if asked else None
        if answered is None or self.weather.state != UP or not self.is_powered:
            await asyncio.sleep(LINK_HEAD_MS_MAX / 1000)
            raise WorldFault("link.timeout", "the peer fell silent", "try again later")
        status, found, data = answered
        self._down += ANSWER_BYTES
        if self._draws(weather.cut):
            if self._random.random() < 0.3:
                raise WorldFault("link.lost", "the connection broke", "try again later")
            data = data[: self._random.randrange(len(data) + 1)] + b"\0CUT"
        elif self._draws(weather.spoil) and data:
            spoiled = bytearray(data)
            spoiled[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)
            data = bytes(spoiled)
        else:
            self._answered(method, path, status, data)
        return Answer(self, status, found, data, path)

    async def _open(self, loop):
        if self.weather.state == DOWN or not self.is_powered:
            self._kept_until = 0.0
            await asyncio.sleep(self._random.choice((0.01, 3.0, LINK_OPEN_MS_MAX / 1000)))
            raise WorldFault("link.open", "no route", "check the link and address")
        is_kept = loop.time() < self._kept_until
        self._kept_until = loop.time() + LINK_KEPT_MS_MAX / 1000
        if is_kept:
            return 0
        self._up += OPEN_BYTES // 2
        self._down += OPEN_BYTES // 2
        return self.weather.delay_ms

    async def _pass(self, size, opening_ms):
        """Wait as long as a request takes; a lost segment is sent again after a while."""
        weather = self.weather
        wait_ms = opening_ms + weather.delay_ms * (0.5 + self._random.random())
        while self._draws(weather.loss):
            wait_ms += self._random.choice((300, 1000, 3000))
            self._up += SEGMENT_HEAD_BYTES
        await asyncio.sleep((wait_ms + 1000 * size / weather.bytes_per_s) / 1000)

    def _ask_again_later(self, loop, method, path, headers, body):
        """Let the same request arrive again, out of order, as some middle box has it."""

        async def again():
            await asyncio.sleep(self._random.random() * 40)
            await self._hub.answer(method, path, headers, body)

        self._late = [task for task in self._late if not task.done()]
        self._late.append(loop.create_task(again()))

    def _draws(self, share):
        return share > 0 and self._random.random() < share

    def received(self, size, path):
        """Count body bytes."""
        self._down += _on_wire(size)
        self._notice(path, size)


class Answer(ports.Response):
    """Hand out a body at the link's speed."""

    def __init__(self, link, status, headers, data, path):
        self.status = status
        self.headers = headers
        self._link = link
        self._is_cut = data.endswith(b"\0CUT")
        self._data = data[:-4] if self._is_cut else data
        self._path = path

    async def read(self, count):
        """Return up to `count` body bytes; empty at the end; raises `WorldFault` at a cut."""
        piece, self._data = self._data[:count], self._data[count:]
        if piece:
            self._link.received(len(piece), self._path)
            if len(piece) >= 4096:
                await asyncio.sleep(len(piece) / self._link.weather.bytes_per_s)
        if not self._link.is_powered or (self._is_cut and not piece):
            raise WorldFault("link.lost", "the connection broke", "try again later")
        return piece

    async def close(self):
        """Forget the rest of the body."""
        self._data = b""


def _on_wire(size):
    segments = -(-size // SEGMENT_BYTES)
    return size + segments * SEGMENT_HEAD_BYTES
