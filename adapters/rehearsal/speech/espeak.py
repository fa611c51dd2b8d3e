"""The interviewer's voice: eSpeak NG through ctypes, resampled to Gemini's 24 kHz.

The library is GPL-licensed and an optional extra (`rehearsal`), loaded by the rehearsal's process
only. It keeps global state, so one `EspeakSynthesiser` serves the whole process, and its calls come
from one thread at a time.
"""

import ctypes
from functools import cache
from importlib.util import find_spec

import numpy as np
import soxr

from adapters.rehearsal.speech.utterance import OUTPUT_HZ, Spoken
from domain.errors import BugError, PeerError

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS of speak_lib.h
_UTF8 = 1  # espeakCHARS_UTF8
_RATE_PARAMETER, _PITCH_PARAMETER = 1, 3  # espeakRATE in words a minute, espeakPITCH 0-100
_HEADROOM = 0.5  # the library's output peaks at full scale
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

# Gemini's names for its voices on the left, so that a setup made for the real service sounds
# different per voice.
_VOICES = {
    "puck": ("en-us", 50),
    "charon": ("en-us+m3", 35),
    "kore": ("en-us+f2", 55),
    "fenrir": ("en-us+m7", 40),
    "aoede": ("en-us+f3", 60),
    "leda": ("en-us+f4", 65),
    "orus": ("en-gb-x-rp", 40),
    "zephyr": ("en-gb-x-rp+f2", 55),
}
DEFAULT_VOICE = "kore"


def espeak_installed() -> bool:
    """Whether the optional extra is there."""
    return find_spec("espeakng_loader") is not None


class EspeakSynthesiser:
    """Text to speech, about a thousand times faster than real time. Not thread-safe."""

    def __init__(self, words_per_minute: int) -> None:
        self._library, self._rate_hz = _load_library()
        self._words_per_minute = words_per_minute

    def synthesise(self, text: str, voice: str) -> Spoken:
        """`text` spoken by a Gemini voice's stand-in, as 24 kHz mono PCM16. Unknown voices speak as
        the default."""
        name, pitch = _VOICES.get(voice.lower(), _VOICES[DEFAULT_VOICE])
        samples: list[bytes] = []

        def collect(wave: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int | None) -> int:
            if wave and count > 0:
                samples.append(ctypes.string_at(wave, count * 2))
            return 0

        callback = _CALLBACK(collect)
        self._library.espeak_SetSynthCallback(callback)
        if self._library.espeak_SetVoiceByName(name.encode()):
            raise BugError(f"eSpeak NG has no voice {name!r}")
        self._library.espeak_SetParameter(_RATE_PARAMETER, self._words_per_minute, 0)
        self._library.espeak_SetParameter(_PITCH_PARAMETER, pitch, 0)
        encoded = text.encode()
        status = self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, _UTF8, None, None)
        if status:
            raise PeerError("synthesis_failed", f"eSpeak NG could not speak the text (status {status}).")
        return Spoken(text, self._to_output(b"".join(samples)))

    def _to_output(self, pcm: bytes) -> bytes:
        wave = np.frombuffer(pcm, "<i2").astype(np.float32) * _HEADROOM
        resampled = soxr.resample(wave, self._rate_hz, OUTPUT_HZ) if len(wave) else wave
        return bytes(np.clip(resampled, -32768, 32767).astype("<i2").tobytes())


@cache
def _load_library() -> tuple[ctypes.CDLL, int]:
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, str(espeakng_loader.get_data_path()).encode(), 0)
    if rate_hz <= 0:
        raise PeerError("synthesis_failed", "eSpeak NG did not find its voices: install the extra `rehearsal` again.")
    return library, rate_hz
