"""What the model has in its context: every turn, and what it counts in tokens.

As in the real service the model's turns are kept as *sent*, which after an interruption is more
than was heard. Audio counts 25 tokens a second each way: the published prices (3.00 and 12.00 USD
per million tokens, stated also as about 0.005 and 0.018 USD a minute) come out at 1,500 tokens a
minute. Text is taken at four characters a token, the rule of thumb of Google's documentation.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from adapters.rehearsal.session.notes import Heard

AUDIO_TOKENS_PER_SECOND = 25
CHARACTERS_PER_TOKEN = 4
CONTEXT_LIMIT_TOKENS = 128_000


@dataclass(frozen=True, slots=True)
class Turn:
    """One entry of the conversation. `role` is user, model or tool; `audio_ms` is 0 for a typed
    turn.

    `meant` is what the model wanted to say where a recorded prompt had to stand in for it.
    """

    role: str
    text: str
    audio_ms: int = 0
    meant: str = ""

    @property
    def audio_tokens(self) -> int:
        return -(-self.audio_ms * AUDIO_TOKENS_PER_SECOND // 1000)

    @property
    def text_tokens(self) -> int:
        """Tokens of a typed turn; a spoken one is billed by its audio."""
        return 0 if self.audio_ms else text_tokens(self.text)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a resumption handle stands for: the context, and the function calls that wait for their
    answers.

    `session` gave the handle out, and `lineage` is the session that it goes back to through all
    resumptions.
    """

    model: str
    turns: tuple[Turn, ...]
    unanswered: tuple[str, ...] = ()
    session: str = ""
    lineage: str = ""


class History:
    """The turns of one session, compressed from the front where the setup asked for a sliding
    window."""

    def __init__(self, instruction: str, turns: Iterable[Turn] = (), *, compresses: bool = False) -> None:
        self.turns = list(turns)
        self._instruction_tokens = text_tokens(instruction)
        self._compresses = compresses

    def add(self, turn: Turn, place: int | None = None) -> None:
        """Add a turn at the end or at `place`; with compression the oldest go once the context is
        full."""
        self.turns.insert(len(self.turns) if place is None else place, turn)
        while self._compresses and len(self.turns) > 1 and sum(self.prompt_tokens()) > CONTEXT_LIMIT_TOKENS:
            del self.turns[0]

    def correct(self, heard: Heard) -> None:
        """Shorten the last reply to the heard part; its audio stays in the context, and is billed."""
        for place in reversed(range(len(self.turns))):
            turn = self.turns[place]
            if turn.role == "model":
                words = turn.text.split()[: len(turn.text.split()) * heard.ms // max(1, turn.audio_ms)]
                self.turns[place] = replace(turn, text=heard.words or " ".join(words), meant="")
                return

    @property
    def is_full(self) -> bool:
        """Whether the context is exhausted, which ends an uncompressed session."""
        return sum(self.prompt_tokens()) > CONTEXT_LIMIT_TOKENS

    def prompt_tokens(self) -> tuple[int, int]:
        """(text, audio) tokens of the whole context: what every turn is billed for again."""
        text = self._instruction_tokens + sum(turn.text_tokens for turn in self.turns)
        return text, sum(turn.audio_tokens for turn in self.turns)


def text_tokens(text: str) -> int:
    """Estimated tokens of a text."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)
