"""The parts of the docs that are drawn from the code, between markers in the pages themselves.

python docs/generate.py           write them
python docs/generate.py --check   exit with 1 if a page is not what the code says (a test runs this)
"""

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_type_hints

import msgspec

from domain import events, inputs
from domain.event import Event
from domain.matrix import table
from domain.policy import Policy
from domain.states import TABLE, State

PAGES = Path(__file__).parent
_OWN = {"originator_id", "originator_version", "at_us", "seq", "decision_version", "evidence"}


def diagram() -> str:
    """The state table as a Mermaid diagram."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> resuming"]
    for row in TABLE:
        given = f" [{row.given}]" if row.given else ""
        lines += [f"    {source} --> {row.target}: {row.trigger}{given}" for source in row.sources]
    return "\n".join([*lines, "    closed --> [*]", "```"])


def triggers() -> str:
    """The state table, row by row."""
    lines = ["| trigger | from | to | where |", "|---|---|---|---|"]
    for row in TABLE:
        sources = "any but closed" if len(row.sources) == len(State) - 1 else ", ".join(row.sources)
        lines.append(f"| `{row.trigger}` | {sources} | {row.target} | {row.given or ''} |")
    return "\n".join(lines)


def event_list(module: object, first_words: Callable[[type[Event]], str]) -> str:
    """A table of a module's events: topic, fields, meaning."""
    kinds = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Event) and kind.TOPIC and kind.__module__ == module.__name__  # type: ignore[attr-defined]
    ]
    lines = ["| topic | fields | meaning |", "|---|---|---|"]
    for kind in kinds:
        fields = ", ".join(_field(kind, name) for name in kind.__struct_fields__ if name not in _OWN) or "–"
        lines.append(f"| `{kind.TOPIC}` | {fields} | {first_words(kind)} |")
    return "\n".join(lines)


def _field(kind: type[Event], name: str) -> str:
    return f"`{name}`" + (" (personal)" if name in kind.PERSONAL else "")


def _meaning(kind: type[Event]) -> str:
    return re.sub(r"\s+", " ", (kind.__doc__ or "").strip()).replace("|", "\\|")


def policy() -> str:
    """Every policy value with its default and the reason, from the comments in the code."""
    source = (PAGES.parent / "domain" / "policy.py").read_text()
    lines = ["| policy | default | why |", "|---|---|---|"]
    for group in msgspec.structs.fields(Policy):
        kind = get_type_hints(Policy)[group.name]
        body = source.split(f"class {kind.__name__}(", 1)[1].split("\nclass ", 1)[0]
        for field in msgspec.structs.fields(kind):
            why = re.search(rf'    {field.name}: [^\n]*\n(?:    [a-z_]+: [^\n]*\n)*    """(.*?)"""', body, re.DOTALL)
            reason = re.sub(r"\s+", " ", why.group(1)) if why else ""
            lines.append(f"| `{group.name}.{field.name}` | {field.default} | {reason} |")
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {
    "diagram": diagram,
    "triggers": triggers,
    "matrix": table,
    "inputs": lambda: event_list(inputs, _meaning),
    "decisions": lambda: event_list(events, _meaning),
    "policy": policy,
}


def _between(body: str, marks: re.Match[str]) -> str:
    return f"{marks[1]}{body}\n{marks[2]}"


def filled(text: str) -> str:
    """A page with its marked parts as the code says."""
    for name, make in PARTS.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if marked.search(text):
            body = make()
            text = marked.sub(partial(_between, body), text)
    return text


def main() -> int:
    """Write or check every page; the exit code."""
    stale = []
    for page in sorted(PAGES.glob("*.md")):
        before = page.read_text()
        after = filled(before)
        if after != before:
            stale.append(page.name)
            if "--check" not in sys.argv:
                page.write_text(after)
    if stale and "--check" in sys.argv:
        sys.stderr.write(f"stale: {', '.join(stale)}; run `make docs`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
