"""Names are made of the words that `docs/glossary.md` has, and of none of the private ones it replaced."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from domain.event import TOPICS

ROOT = Path(__file__).parents[2]
PRODUCT = ("domain", "adapters", "api", "projections")
FORBIDDEN = frozenset(
    {"adoption", "beheld", "doubtful", "inlet", "journal", "judge", "knock", "logbook", "outlet", "overhang", "owed"}
    | {"remembered", "stranger", "telling", "tellings", "told", "vain"}
)
"""Words of a former dialect; `docs/glossary.md` has the field's words for them."""
INFLECTIONS = (("ies", "y"), ("ied", "y"), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"), ("es", ""), ("s", ""))
"""Endings that a word of a name may have, and what the glossary's word has in their place."""
IRREGULAR = {
    "held": "hold",
    "heard": "hear",
    "gone": "go",
    "lost": "lose",
    "rewound": "rewind",
    "spoken": "speak",
    "taken": "take",
    "found": "find",
    "withdrawn": "withdraw",
}


@cache
def glossary() -> tuple[frozenset[str], frozenset[str]]:
    """The words of all terms, and those of the plain and technical lists."""
    terms, lists = (ROOT / "docs" / "glossary.md").read_text().split("## Plain words")
    rows = re.findall(r"^\| ([^|]+) \|", terms, re.MULTILINE)
    listed = re.findall(r"^(?:- |  ).*$", lists, re.MULTILINE)
    return frozenset(words_in(rows)), frozenset(words_in(listed))


@cache
def known_stems() -> frozenset[str]:
    """Every form of every word of the glossary that the endings lead to."""
    return frozenset(stem for words in glossary() for word in words for stem in stems_of(word))


def words_in(texts: Iterable[str]) -> list[str]:
    """The words of some prose, in lower case."""
    return re.findall(r"[a-z]+", " ".join(texts).lower())


def words_of(name: str) -> list[str]:
    """`CallHandedOver`, `barge_in_suspected` and `HTTPConnection` in lower-case words."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def unknown_words(name: str) -> list[str]:
    """The words of `name` that the glossary does not have."""
    return [word for word in words_of(name) if known_stems().isdisjoint(stems_of(word))]


def stems_of(word: str) -> set[str]:
    """The word itself, and what it may be an inflection of."""
    stems = {word, IRREGULAR.get(word, word)}
    stems |= {word.removesuffix(ending) + base for ending, base in INFLECTIONS if word.endswith(ending)}
    return stems | {stem[:-1] for stem in stems if len(stem) > 3 and stem[-1] == stem[-2]}  # stopped: stop


def public_classes() -> Iterator[tuple[str, str]]:
    """Every class of the product, and every member of the domain's enumerations, with its file."""
    for path, node in _nodes():
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, path
            if path.startswith("domain/") and "StrEnum" in ast.unparse(ast.Tuple(node.bases)):
                yield from ((name, path) for name in _members(node))


def _members(node: ast.ClassDef) -> Iterator[str]:
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            yield line.targets[0].id


def identifiers() -> Iterator[tuple[str, str]]:
    """Every name that the product gives to something, with its file."""
    for path, node in _nodes():
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, path
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, path
            case _:
                pass


def _nodes() -> Iterator[tuple[str, ast.AST]]:
    for package in PRODUCT:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                yield str(path.relative_to(ROOT)), node


def test_names_are_made_of_the_words_of_the_glossary() -> None:
    """Given events, inputs, effects, states, triggers and public classes, the glossary has their words."""
    unknown = {
        f"{path}: {name}: {', '.join(words)}" for name, path in public_classes() if (words := unknown_words(name))
    }
    assert unknown == set()


def test_topics_are_made_of_the_words_of_the_glossary() -> None:
    """Given the topic of each event, the glossary has its words; topics are for ever."""
    assert {topic: words for topic in TOPICS if (words := unknown_words(re.sub(r"\.v\d+$", "", topic)))} == {}


def test_no_identifier_has_a_word_of_the_former_dialect() -> None:
    """Given every identifier of the product, none uses a word that the glossary has replaced."""
    assert {f"{path}: {name}" for name, path in identifiers() if FORBIDDEN.intersection(words_of(name))} == set()


def test_the_glossary_does_not_bring_the_dialect_back() -> None:
    """Given the glossary, none of its words is a forbidden one."""
    assert FORBIDDEN.isdisjoint(frozenset.union(*glossary()))


def test_the_lists_have_no_word_that_no_name_needs() -> None:
    """Given the lists of plain and technical words, each is used: they are no way around the terms."""
    used = {stem for name, _ in public_classes() for word in words_of(name) for stem in stems_of(word)}
    assert {word for word in glossary()[1] if used.isdisjoint(stems_of(word))} == set()


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("KnockLedger", ["knock", "ledger"]),
        ("knock_count", ["knock"]),
        ("BargeInSuspected", []),
        ("GroupCommitWriter", []),
        ("CANDIDATE_STOPPED", []),
        ("HttpConnection", []),
    ],
)
def test_the_checker_finds_a_word_that_the_glossary_lacks(name: str, unknown: list[str]) -> None:
    """Given a name with a private word, the checker says which; known words pass in any form."""
    assert unknown_words(name) == unknown


def test_terms_are_explained_in_one_line_each_and_in_order() -> None:
    """Given each table of the glossary, its terms are in alphabetical order and none is explained at length."""
    for section in (ROOT / "docs" / "glossary.md").read_text().split("\n## ")[1:]:
        rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)[1:]
        terms = [term.lower() for term, _ in rows]
        assert terms == sorted(terms)
        assert all(len(meaning) <= 120 for _, meaning in rows)
