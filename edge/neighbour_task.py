"""Hand this unit's files on to neighbours on the LAN that have no link; read-only, off by default.

Connections, heads, times and bytes a second are capped; whoever exceeds them is hung up on. What
is handed on is public, and checked by its taker as if the hub had sent it.
"""

import asyncio

from edge.faults import Faults
from edge.neighbour_files import NeighbourFiles
from edge.supervisor import Task
from hw import ports
from protocols import neighbour
from protocols.errors import Fault, RemoteFault, WorldFault
from protocols.limits import (
    NEIGHBOUR_ANSWER_MS_MAX,
    NEIGHBOUR_CONNECTIONS_MAX,
    NEIGHBOUR_HEAD_BYTES_MAX,
    NEIGHBOUR_HEAD_MS_MAX,
    NEIGHBOUR_RATE_BYTES_S,
)

_PIECE_BYTES = 4096
# Finding a file means to read and hash one of 512 KB at worst: it counts like so many bytes sent.
_FIND_BYTES = 8192
_AGAIN_MS = 60_000


class NeighbourTask(Task):
    """Serve on one address of the LAN; `unit` is this node's."""

    name = "neighbours"

    def __init__(
        self,
        files: NeighbourFiles,
        clock: ports.Clock,
        faults: Faults,
        unit: str,
        where: "object",
    ):
        """`where()` returns the address and port to listen on, or raises a `Fault`."""
        self._files = files
        self._clock = clock
        self._faults = faults
        self._unit = unit
        self._where = where
        self.connections = 0
        self._free_ms = 0
        self.port = 0

    async def run(self) -> None:
        """Serve for ever; an address that is not there is tried again every minute."""
        while True:
            try:
                place = self._where()  # type: ignore[operator]
                server = await asyncio.start_server(self._serve, place[0], place[1])
            except (Fault, OSError) as error:
                text = "neighbours cannot be served: " + str(error)
                remedy = "Check the LAN's interface and port in the configuration."
                self._faults.note("lan.serve", WorldFault("lan.serve", text, remedy))
                await self._clock.sleep_ms(_AGAIN_MS)
                continue
            self._faults.clear("lan.serve")
            try:
                self._started(server)
                while self._stands(place):
                    await self._clock.sleep_ms(_AGAIN_MS)
            finally:
                server.close()

    def _stands(self, place: "tuple[str, int]") -> bool:
        """Tell whether this is still where to listen: a LAN's router may give another address."""
        try:
            return bool(self._where() == place)  # type: ignore[operator]
        except Fault:
            return False

    def _started(self, server: "object") -> None:
        """Note the port that the system chose for port 0."""
        sockets = getattr(server, "sockets", None)
        if sockets:
            self.port = sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.connections >= NEIGHBOUR_CONNECTIONS_MAX:
            await _close(writer)
            return
        self.connections += 1
        try:
            await asyncio.wait_for(self._answer(reader, writer), NEIGHBOUR_ANSWER_MS_MAX / 1000)
        except (asyncio.TimeoutError, EOFError, OSError, Fault):
            pass
        finally:
            self.connections -= 1
            await _close(writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head: bytes = await asyncio.wait_for(_head(reader), NEIGHBOUR_HEAD_MS_MAX / 1000)
            asked = neighbour.read_head(head, self._unit)
        except RemoteFault as fault:
            status = b"404 Not Found" if fault.code == "neighbour.absent" else b"400 Bad Request"
            await self._send(writer, _empty(status))
            return
        await self._pace(_FIND_BYTES)
        found = self._files.find(asked)
        if found is None:
            await self._send(writer, _empty(b"404 Not Found"))
            return
        content, length = found
        try:
            await self._content(writer, asked, content, length)
        finally:
            content.close()

    async def _content(
        self,
        writer: asyncio.StreamWriter,
        asked: neighbour.Asked,
        content: ports.Reader,
        length: int,
    ) -> None:
        span = neighbour.span(asked, length)
        if span is None:
            await self._send(writer, _empty(b"416 Range Not Satisfiable"))
            return
        first, end = span
        lines = [b"HTTP/1.1 200 OK"]
        if asked.first is not None:
            lines = [
                b"HTTP/1.1 206 Partial Content",
                b"content-range: bytes %d-%d/%d" % (first, end - 1, length),
            ]
        lines.append(b"content-type: application/octet-stream")
        lines.append(b"content-length: %d" % (end - first))
        lines.append(b"connection: close\r\n\r\n")
        await self._send(writer, b"\r\n".join(lines))
        content.seek(first)
        while first < end:
            piece = content.read(min(_PIECE_BYTES, end - first))
            if not piece:
                return
            first += len(piece)
            await self._send(writer, piece)

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        await self._pace(len(data))
        writer.write(data)
        await writer.drain()

    async def _pace(self, count: int) -> None:
        """Wait for the turn of so many bytes at the rate that all connections share."""
        now_ms = self._clock.ticks_ms()
        begins_ms = max(now_ms, self._free_ms)
        self._free_ms = begins_ms + count * 1000 // NEIGHBOUR_RATE_BYTES_S
        if begins_ms > now_ms:
            await self._clock.sleep_ms(begins_ms - now_ms)


async def _head(reader: asyncio.StreamReader) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = await reader.read(1)
        if not byte:
            raise EOFError
        head += byte
        if len(head) > NEIGHBOUR_HEAD_BYTES_MAX:
            raise RemoteFault("neighbour.request", "the head is too long", "Ask as a node asks.")
    return head[:-4]


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return


def _empty(status: bytes) -> bytes:
    return b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
