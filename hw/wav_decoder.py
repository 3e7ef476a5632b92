"""Take 16 kHz mono WAV as it is: the decoder of every node that runs no ffmpeg."""

from hw import ports
from protocols import wav
from protocols.errors import RemoteFault, WorldFault
from protocols.limits import PCM_BYTES_MAX, WAV_HEAD_BYTES_MAX

RATE_HZ = 16000
_PIECE_BYTES = 4096


def open_source(storage: ports.Storage, name: str) -> ports.Reader:
    """Open the media; raises `WorldFault("media.missing")`."""
    source = storage.open(name)
    if source is None:
        raise WorldFault("media.missing", name + " is not stored", "it is fetched again")
    return source


def read_head(source: ports.Reader) -> wav.Head | None:
    """Return the head when the file can be taken as it is, else None; leaves it at the data."""
    data = b""
    while len(data) < WAV_HEAD_BYTES_MAX:
        piece = source.read(WAV_HEAD_BYTES_MAX - len(data))
        if not piece:
            break
        data += piece
    head = wav.read_head(data)
    if head.rate_hz != RATE_HZ or head.channels != 1:
        return None
    source.seek(head.data_offset)
    return head


def copy_samples(source: ports.Reader, length: int, writer: ports.Writer) -> int:
    """Copy exactly `length` bytes; returns the samples; raises `media.undecodable` when cut."""
    if length > PCM_BYTES_MAX:
        raise RemoteFault("media.oversize", "WAV: %d bytes of sound" % length, "shorten the item")
    left = length
    while left:
        data = source.read(min(left, _PIECE_BYTES))
        if not data:
            raise RemoteFault(
                "media.undecodable", "WAV: %d bytes are missing" % left, "publish it again"
            )
        writer.write(data)
        left -= len(data)
    return length // 2


class WavDecoder(ports.Decoder):
    """Strip the head of a 16 kHz mono 16-bit WAV."""

    async def decode(self, storage: ports.Storage, name: str, media_type: str, out: str) -> int:
        """Decode a visible file to s16le mono under the visible name `out`; return its samples."""
        source = open_source(storage, name)
        try:
            head = read_head(source)
            if head is None:
                text = "WAV: this node plays 16 kHz mono only"
                raise RemoteFault("media.undecodable", text, "publish the profile pcm16")
            writer = storage.stage(out)
            try:
                samples = copy_samples(source, head.data_bytes, writer)
                writer.commit(out)
            finally:
                writer.close()
        finally:
            source.close()
        return samples
