"""Call the dozen functions of libasound that playing needs (ALSA PCM interface, <alsa/pcm.h>)."""

import ctypes

from protocols.errors import WorldFault

PLAYBACK = 0
FORMAT_S16_LE = 2
ACCESS_RW_INTERLEAVED = 3
NONBLOCK = 1

EAGAIN = -11
EPIPE = -32
ESTRPIPE = -86
EINTR = -4

_ERROR_HANDLER = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
)


# libasound writes to stderr otherwise; every call's result is checked here.
_quiet = _ERROR_HANDLER(lambda *_: None)
_functions: ctypes.CDLL | None = None


def load() -> ctypes.CDLL:
    """Return libasound with its argument types set; raises `WorldFault("audio.missing")`."""
    global _functions
    if _functions is not None:
        return _functions
    try:
        library = ctypes.CDLL("libasound.so.2")
    except OSError as error:
        raise WorldFault("audio.missing", str(error), "install libasound2") from error
    pcm, frames = ctypes.c_void_p, ctypes.c_long
    unsigned, pointer = ctypes.c_uint, ctypes.POINTER
    signatures = {
        "snd_pcm_open": (pointer(pcm), ctypes.c_char_p, ctypes.c_int, ctypes.c_int),
        "snd_pcm_close": (pcm,),
        "snd_pcm_set_params": (
            pcm,
            ctypes.c_int,
            ctypes.c_int,
            unsigned,
            unsigned,
            ctypes.c_int,
            unsigned,
        ),
        "snd_pcm_prepare": (pcm,),
        "snd_pcm_start": (pcm,),
        "snd_pcm_drop": (pcm,),
        "snd_pcm_avail_delay": (pcm, pointer(frames), pointer(frames)),
        "snd_pcm_recover": (pcm, ctypes.c_int, ctypes.c_int),
        "snd_pcm_wait": (pcm, ctypes.c_int),
        "snd_pcm_writei": (pcm, ctypes.c_char_p, ctypes.c_ulong),
    }
    for name, arguments in signatures.items():
        function = getattr(library, name)
        function.argtypes = list(arguments)
        function.restype = ctypes.c_int
    library.snd_pcm_writei.restype = frames
    library.snd_strerror.restype = ctypes.c_char_p
    library.snd_lib_error_set_handler(_quiet)
    _functions = library
    return library


class Pcm:
    """Hold one playback device: mono s16le at a rate, converted by ALSA where the card differs."""

    def __init__(self, device: str, rate_hz: int, buffer_us: int):
        self._library = load()
        self._handle = ctypes.c_void_p()
        self._device = device
        self._delay = ctypes.c_long()
        self._room = ctypes.c_long()
        result = self._library.snd_pcm_open(
            ctypes.byref(self._handle), device.encode(), PLAYBACK, NONBLOCK
        )
        self._check(result, "audio.missing", "plug the sound card in or correct the device name")
        result = self._library.snd_pcm_set_params(
            self._handle, FORMAT_S16_LE, ACCESS_RW_INTERLEAVED, 1, rate_hz, 1, buffer_us
        )
        if result < 0:
            self.close()
        self._check(result, "audio.missing", "choose a device that converts, such as plughw:0,0")

    def prime(self, silence: bytes) -> None:
        """Begin to play with some silence queued."""
        self._library.snd_pcm_drop(self._handle)
        self._lost(self._library.snd_pcm_prepare(self._handle))
        self.write(silence)
        self._library.snd_pcm_start(self._handle)

    def delay(self) -> int | None:
        """Return the frames between the next written one and the ear, None after an underrun."""
        # Unlike snd_pcm_delay alone, this asks the card first and so sees every underrun.
        result = self._library.snd_pcm_avail_delay(
            self._handle, ctypes.byref(self._room), ctypes.byref(self._delay)
        )
        if result in (EPIPE, ESTRPIPE):
            return None
        self._lost(result)
        return self._delay.value

    def write(self, data: bytes) -> bool:
        """Queue frames; False after an underrun, with the rest thrown away."""
        while data:
            written = self._library.snd_pcm_writei(self._handle, data, len(data) // 2)
            if written == EAGAIN:
                self._lost(self._library.snd_pcm_wait(self._handle, 1000))
                continue
            if written in (EPIPE, ESTRPIPE):
                return False
            if written != EINTR:
                self._lost(written)
                data = data[written * 2 :]
        return True

    def recover(self) -> None:
        """Bring the device back after an underrun or a suspend."""
        self._lost(self._library.snd_pcm_recover(self._handle, EPIPE, 1))

    def close(self) -> None:
        """Release the device."""
        if self._handle:
            self._library.snd_pcm_close(self._handle)
            self._handle = ctypes.c_void_p()

    def _lost(self, result: int) -> None:
        self._check(result, "audio.lost", "plug the sound card in again; it is retried")

    def _check(self, result: int, code: str, remedy: str) -> None:
        if result < 0:
            text = self._library.snd_strerror(result).decode("utf-8", "replace")
            raise WorldFault(code, "%s: %s" % (self._device, text), remedy)
