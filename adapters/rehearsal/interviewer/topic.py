"""Finds what an answer was about, so that the interviewer can show that it listened."""

import re

_SHORTEST = 4
_DULL_WORDS = """
about actually after again all alright also always and any are back because been before being but came can come could
did different does doing done down each else even every everything few first for from get give going gonna good got had
has have here how into its just know like little long look lot made make many maybe more most much not nothing now okay
one only other our out over pretty probably quite really right said saying see should some something still such sure
take talk talking tell than thank thanks that the their them then there there's these they thing things think this
those through time too uh uh-huh um under until very want was way we're well went were what when where which while who
why will with words would yeah yes you your y'know i'm it's don't
"""
_DULL = frozenset(_DULL_WORDS.split())


def topic_of(text: str) -> str:
    """The longest word of substance, with the next one if that has substance too; empty if there is
    none."""
    words = re.findall(r"[A-Za-z][\w'-]*[.,;!?]?", text)
    found = [(len(_bare(word)), -position) for position, word in enumerate(words) if _has_substance(word)]
    if not found:
        return ""
    position = -max(found)[1]
    phrase = [_bare(words[position])]
    if words[position][-1].isalnum() and position + 1 < len(words) and _has_substance(words[position + 1]):
        phrase.append(_bare(words[position + 1]))
    return " ".join(phrase)


def _has_substance(word: str) -> bool:
    return len(_bare(word)) >= _SHORTEST and _bare(word) not in _DULL


def _bare(word: str) -> str:
    return word.strip(".,;!?").lower()
