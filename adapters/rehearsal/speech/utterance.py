"""A spoken sentence cut into messages once, so that sending it costs a memory look-up and a write."""

from dataclasses import dataclass

from adapters.rehearsal.wire import messages

OUTPUT_HZ = 24_000
_WORDS_A_PIECE = 3


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a synthesiser made of a text: the words it really says, and 24 kHz mono PCM16."""

    text: str
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Utterance:
    """A sentence as wire messages of `chunk_ms` each; `pieces[n]` are the words that message n
    begins."""

    text: str
    duration_ms: int
    chunk_ms: int
    messages: tuple[bytes, ...]
    pieces: tuple[str, ...]

    def said_until(self, sent: int) -> str:
        """The words begun in the first `sent` messages."""
        return "".join(self.pieces[:sent]).strip()


def cut(spoken: Spoken, chunk_ms: int, *, transcribed: bool) -> Utterance:
    """Cut a sentence into messages; with `transcribed` they carry its words as well."""
    chunk_bytes = OUTPUT_HZ * chunk_ms // 1000 * 2
    chunks = [spoken.pcm[start : start + chunk_bytes] for start in range(0, len(spoken.pcm), chunk_bytes)]
    pieces = _spread(spoken.text, len(chunks))
    frames = tuple(messages.audio(pcm, said if transcribed else "") for pcm, said in zip(chunks, pieces, strict=True))
    return Utterance(spoken.text, len(spoken.pcm) * 500 // OUTPUT_HZ, chunk_ms, frames, pieces)


def _spread(text: str, places: int) -> tuple[str, ...]:
    """Few words at a time, at the place where speech of an even pace begins them."""
    words = text.split()
    spread = [""] * places
    for start in range(0, len(words), _WORDS_A_PIECE) if places else ():
        before = len(" ".join(words[:start]))
        place = min(places - 1, before * places // max(1, len(text)))
        spread[place] += ("" if start == 0 else " ") + " ".join(words[start : start + _WORDS_A_PIECE])
    return tuple(spread)
