"""Record a stream that comes in pieces: HTTP Live Streaming (RFC 8216), as VOV sends its channels.

Playlists are read by the library m3u8; every address in them is fetched like any other of the
source, so none leads inside. What is joined is MPEG-TS, ADTS, MP3, or MP4 behind its header, which
ffmpeg reads as one file.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import m3u8
from yarl import URL

from hub.relay.fetch import Fetcher
from protocols.errors import RemoteFault
from protocols.hub_limits import (
    RELAY_PLAYLIST_BYTES_MAX,
    RELAY_SEGMENT_BYTES_MAX,
    RELAY_STALL_S_MAX,
)

_log = logging.getLogger("chieng.relay")

# RFC 8216 section 4; the shorter `.m3u` also names lists of endless streams, which are none here.
SUFFIX = ".m3u8"
# A playlist so far behind what was heard belongs to a sender that counts anew, not to a slow cache.
BEHIND_MAX = 10
# How often a playlist is asked for at most and at least, whatever it says of itself.
AGAIN_S_MIN, AGAIN_S_MAX = 1, 30


def is_playlist(url: str) -> bool:
    """Tell whether an address is that of a playlist."""
    return URL(url).path.lower().endswith(SUFFIX)


def read(body: bytes, url: str) -> Any:
    """Return a playlist of `m3u8`; raises `RemoteFault("relay.hls")` for what is none."""
    try:
        text = body.decode()
        if not text.lstrip("\ufeff \r\n").startswith("#EXTM3U"):
            raise ValueError("no #EXTM3U")
        return m3u8.loads(text, uri=url)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise _fault(f"no playlist: {str(error)[:100]}") from error


def sound_of(variants: Any) -> str:
    """Return the playlist to record of those that a stream offers: sound alone, then the least."""
    offered = [one for one in variants.playlists if one.uri]
    if not offered:
        raise _fault("it offers nothing")
    least = min(offered, key=lambda one: (_has_picture(one), one.stream_info.bandwidth or 0))
    group = least.stream_info.audio
    for media in variants.media:
        if media.type == "AUDIO" and media.group_id == group and group and media.uri:
            return str(media.absolute_uri)
    return str(least.absolute_uri)


def _has_picture(one: Any) -> bool:
    codecs = one.stream_info.codecs or ""
    return bool(one.stream_info.resolution) or "avc" in codecs or "hvc" in codecs


def _fault(message: str) -> RemoteFault:
    return RemoteFault("relay.hls", message, "Ask the broadcaster for an open stream of sound.")


class Pieces:
    """Follow one stream, and know across breaks what was written already."""

    def __init__(self, fetcher: Fetcher, url: str):
        self._fetcher = fetcher
        self._url = url
        self._last: int | None = None
        self._header = ""

    async def take(self, write: Callable[[bytes], None], bytes_max: int, seconds: float) -> bool:
        """Write what comes within some seconds, from the piece that is newest now; return whether
        the stream said that it ends.

        Raises `RemoteFault` (`relay.hls` and what `Fetcher.get` does) and
        `WorldFault("relay.link")`.
        """
        clock = asyncio.get_running_loop().time
        end, room = clock() + seconds, bytes_max
        url, has_chosen = self._url, False
        while (left := end - clock()) > 0:
            playlist = read(await self._get(url, RELAY_PLAYLIST_BYTES_MAX, left), url)
            if playlist.is_variant:
                if has_chosen:
                    raise _fault("it offers choices within choices")
                url, has_chosen = sound_of(playlist), True
                continue
            for segment in self._new(playlist):
                for body in await self._bodies(segment, room, max(1.0, end - clock())):
                    write(body)
                    room -= len(body)
                self._last = segment.media_sequence
            if playlist.is_endlist:
                return True
            pause = min(max(playlist.target_duration or 0, AGAIN_S_MIN), AGAIN_S_MAX)
            await asyncio.sleep(max(0.0, min(pause, end - clock())))
        return False

    def _new(self, playlist: Any) -> Iterator[Any]:
        """Give the segments that were not written; of a stream that goes on, only from now."""
        segments = playlist.segments
        if not segments:
            return
        newest = segments[-1].media_sequence
        if self._last is not None and newest < self._last - BEHIND_MAX:
            self._last = None
        if self._last is None:
            self._last = newest - (len(segments) if playlist.is_endlist else 1)
        for segment in segments:
            if segment.media_sequence > self._last:
                if segment.media_sequence > self._last + 1:
                    _log.warning("%s: pieces are missing", self._url)
                yield segment

    async def _bodies(self, segment: Any, room: int, seconds: float) -> list[bytes]:
        """Return a segment, behind its header where that is new: whole, or not at all."""
        if segment.key is not None and segment.key.method not in (None, "NONE"):
            raise _fault("it is encrypted")
        header = segment.init_section
        if segment.byterange or (header is not None and header.byterange):
            raise _fault("its pieces are parts of files")
        bodies = []
        most = min(room, RELAY_SEGMENT_BYTES_MAX)
        if header is not None and header.absolute_uri != self._header:
            bodies.append(await self._get(header.absolute_uri, most, seconds))
        bodies.append(await self._get(segment.absolute_uri, most - sum(map(len, bodies)), seconds))
        if header is not None:
            self._header = header.absolute_uri
        return bodies

    async def _get(self, url: str, bytes_max: int, seconds: float) -> bytes:
        pieces: list[bytes] = []
        await self._fetcher.get(url, bytes_max, pieces.append, min(seconds, RELAY_STALL_S_MAX))
        return b"".join(pieces)
