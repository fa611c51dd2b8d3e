"""The parts of the docs that are drawn from the code, between markers in the pages themselves.

python docs/generate.py           write them
python docs/generate.py --check   exit with 1 if a page is not what the code says (a test runs this)
"""

import re
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import msgspec

from domain import events, inputs
from domain.event import TOPICS, Event
from domain.matrix import table
from domain.policy import Policy
from domain.states import MACHINE, TABLE, State

PAGES = Path(__file__).parent
_OWN = {"originator_id", "originator_version", "at_us", "seq", "decision_version", "rule", "evidence"}
_WIDEST = 100


def diagram() -> str:
    """The machine as a Mermaid diagram."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {MACHINE.initial}"]
    for trigger, event in MACHINE.events.items():
        for source, transitions in event.transitions.items():
            for transition in transitions:
                given = "".join(f" [{condition.func}]" for condition in transition.conditions)
                lines.append(f"    {source} --> {transition.dest}: {trigger}{given}")
    return "\n".join([*lines, "    closed --> [*]", "```"])


def triggers() -> str:
    """The state table, row by row."""
    lines = ["| trigger | from | to | where |", "|---|---|---|---|"]
    for row in TABLE:
        sources = "any but closed" if len(row.sources) == len(State) - 1 else ", ".join(row.sources)
        lines.append(f"| `{row.trigger}` | {sources} | {row.target} | {row.given or ''} |")
    return "\n".join(lines)


def event_list(package: ModuleType) -> str:
    """A table of a package's events, module by module; below it, what does not fit into a cell."""
    kinds = [kind for kind in TOPICS.values() if kind.__module__.startswith(f"{package.__name__}.")]
    lines, notes = ["| topic | fields | meaning |", "|---|---|---|"], []
    for kind in kinds:
        fields = ", ".join(_field(kind, name) for name in kind.__struct_fields__ if name not in _OWN) or "–"
        meaning, more = _split(kind.__doc__ or "")
        lines.append(f"| `{kind.TOPIC}` | {fields} | {meaning} |")
        notes += _note(kind.TOPIC, more)
    return "\n".join([*lines, "", *notes])


def _field(kind: type[Event], name: str) -> str:
    return f"`{name}`" + (" (personal)" if name in kind.PERSONAL else "")


def _split(text: str) -> tuple[str, str]:
    """The first sentence, which a table's cell holds, and the others."""
    first, *others = re.split(r"(?<=\.)\s+", re.sub(r"\s+", " ", text.strip()).replace("|", "\\|"), maxsplit=1)
    return first, "".join(others)


def _note(name: str, text: str) -> list[str]:
    """An item of the list below a table, wrapped; nothing if there is no `text`."""
    if not text:
        return []
    return textwrap.wrap(
        f"- `{name}`: {text}", _WIDEST, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def policy() -> str:
    """Every policy value with its default and the reason, from the comments in the code."""
    source = (PAGES.parent / "domain" / "policy.py").read_text()
    lines, notes = ["| policy | default | why |", "|---|---|---|"], []
    for group in msgspec.structs.fields(Policy):
        kind = get_type_hints(Policy)[group.name]
        body = source.split(f"class {kind.__name__}(", 1)[1].split("\nclass ", 1)[0]
        for field in msgspec.structs.fields(kind):
            why = re.search(rf'    {field.name}: [^\n]*\n(?:    [a-z_]+: [^\n]*\n)*    """(.*?)"""', body, re.DOTALL)
            reason, more = _split(why.group(1) if why else "")
            lines.append(f"| `{group.name}.{field.name}` | {field.default} | {reason} |")
            notes += _note(f"{group.name}.{field.name}", more)
    return "\n".join([*lines, "", *notes])


PARTS: dict[str, Callable[[], str]] = {
    "diagram": diagram,
    "triggers": triggers,
    "matrix": table,
    "inputs": partial(event_list, inputs),
    "decisions": partial(event_list, events),
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
