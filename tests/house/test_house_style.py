"""The house style, as far as a program can read it: sizes, names, who imports whom."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("domain", "adapters", "api", "projections", "bench")
EVERYTHING = (*CODE, "tests", "docs", "requirements", "deploy")
MOST_LINES, MOST_FILES, FEWEST_LINES = 300, 15, 30
SAY_NOTHING = {"util", "utils", "helper", "helpers", "base", "common", "manager", "managers", "misc"}


def files(*folders: str, kinds: tuple[str, ...] = (".py", ".js")) -> Iterator[Path]:
    """The source files of these folders, relative to the root."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in kinds and not {"node_modules", "__pycache__"} & set(path.parts):
                yield path.relative_to(ROOT)


@cache
def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def length(path: Path) -> int:
    return len(text(path).splitlines())


def module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> Iterator[str]:
    """Every module that a file may mean by an import, whether there is one of that name or not."""
    if path.suffix == ".js":
        for target in re.findall(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""", text(path)):
            yield module((ROOT / path.parent / target).resolve().relative_to(ROOT))
        return
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def importers() -> dict[str, set[Path]]:
    """Who imports a module; tests do not count."""
    found: dict[str, set[Path]] = defaultdict(set)
    for path in files(*CODE):
        for name in imported(path):
            found[name].add(path)
    return found


def test_files_fit_on_a_few_screens() -> None:
    """Given each source file, it has at most 300 lines."""
    too_long = {str(path) for path in files(*CODE) if length(path) > MOST_LINES}
    assert too_long == set()


def test_folders_can_be_taken_in_at_a_glance() -> None:
    """Given each folder of the code, it has at most 15 source files, `__init__` not counted."""
    counts = Counter(str(path.parent) for path in files(*CODE) if path.stem != "__init__")
    assert {folder for folder, count in counts.items() if count > MOST_FILES} == set()


def test_small_files_with_one_importer_are_at_home_there() -> None:
    """Given each file under 30 lines, several others import it, or it is a program's entrance."""
    small = [
        path
        for path in files(*CODE)
        if length(path) < FEWEST_LINES
        and path.stem not in ("__init__", "__main__")
        and "migrations" not in path.parts
        and len(importers()[module(path)]) == 1
    ]
    assert {str(path) for path in small} == set()


def test_no_test_imports_another_test() -> None:
    """Given each test, what it shares with others is in a fixture, a fake, or a module that is no
    test."""
    tests = list(files("tests", kinds=(".py",)))
    names = {module(path) for path in tests if path.stem.startswith("test_")}
    found = {str(path) for path in tests if any(name in names for name in imported(path))}
    assert found == set()


def test_names_say_something() -> None:
    """Given each file and folder, its name is none of those that fit anything."""
    named = {part for path in files(*CODE, "tests") for part in path.with_suffix("").parts}
    words = {word: name for name in named for word in re.split(r"[_\-.]", name.removeprefix("test_"))}
    assert not SAY_NOTHING & words.keys()


@pytest.mark.parametrize("what", ["a folder of one machine", "an address of an index"])
def test_nothing_is_tied_to_one_place(what: str) -> None:
    """Given every text of the repository, none holds a path of somebody's machine, or where
    packages were downloaded."""
    patterns = {
        "a folder of one machine": r"/home/\w+/|/Users/\w+/|/roo[t]/|(?<![\w.])/work/\w",
        "an address of an index": r"--(extra-)?index-url|--find-links|--trusted-host|file:///",
    }
    kinds = (".py", ".js", ".mjs", ".md", ".txt", ".toml", ".ini", ".yml", ".yaml", ".json", ".html", ".css", ".sql")
    tied = [
        f"{path}:{number}"
        for path in [*files(*EVERYTHING, kinds=kinds), *(Path(p.name) for p in ROOT.iterdir() if p.is_file())]
        if path.suffix in kinds or path.name in ("Makefile", "NOTICE")
        for number, line in enumerate(text(path).splitlines(), start=1)
        if path.parent != Path("tests/house") and re.search(patterns[what], line)
    ]
    assert tied == []
