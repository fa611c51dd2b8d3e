"""What the code imports is declared in pyproject.toml, not brought along by something else."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import files, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PRODUCT = ("domain", "adapters", "api", "projections")
DEVELOPMENT = ("bench", "tests", "docs")
DISTRIBUTIONS = packages_distributions()
OURS = {*PRODUCT, *DEVELOPMENT}


def imports(folder: str) -> Iterator[tuple[Path, str]]:
    """Every module that a file of `folder` names in an import; `from a import b` may mean a.b."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield from ((path, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def sources(module: str) -> frozenset[str]:
    """The distributions that `module` may come from; several share a namespace such as `google`."""
    top = module.partition(".")[0]
    candidates = {canonicalize_name(name) for name in DISTRIBUTIONS.get(top, [])}
    if len(candidates) < 2:
        return frozenset(candidates)
    folder = "/".join(module.split(".")[:2]) + "/"
    return frozenset(name for name in candidates if any(str(file).startswith(folder) for file in files(name) or ()))


def declared(*extras: str) -> set[str]:
    """The distributions that pyproject.toml names, with those of `extras`."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def undeclared(folders: tuple[str, ...], known: set[str]) -> list[str]:
    foreign = [
        (path, module)
        for folder in folders
        for path, module in imports(folder)
        if module.partition(".")[0] not in OURS | sys.stdlib_module_names | {"_typeshed", "__future__"}
    ]
    return sorted(
        {
            f"{path.relative_to(ROOT)} imports {module}, of {', '.join(sources(module)) or 'nothing installed'}"
            for path, module in foreign
            if not sources(module) & known
        }
    )


def test_what_the_product_imports_is_declared() -> None:
    """Given the product's imports, each comes from a package in [project.dependencies], or from the
    rehearsal's extra."""
    assert undeclared(PRODUCT, declared("rehearsal")) == []


def test_what_tests_and_benches_import_is_declared() -> None:
    """Given the imports of tests, benches and docs, the extra `dev` has what the product lacks."""
    assert undeclared(DEVELOPMENT, declared("rehearsal", "dev")) == []


@pytest.mark.parametrize("name", ["run", "rehearsal", "dev", "networks"])
def test_requirements_are_pinned_and_hashed(name: str) -> None:
    """Given a file of requirements, every line pins one version, has hashes, and names no index."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    lines = [
        line for line in text.replace("\\\n", "").splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    assert all("==" in line and "--hash=sha256:" in line for line in lines)
    assert "://" not in text
    assert "--index-url" not in text


def test_every_declared_dependency_is_pinned() -> None:
    """Given [project.dependencies], requirements/run.txt has a pin that satisfies each."""
    pins = {}
    for line in (ROOT / "requirements/run.txt").read_text().splitlines():
        name, equals, version = line.partition("==")
        if equals and not line.startswith((" ", "#")):
            pins[canonicalize_name(name.partition("[")[0])] = version.split()[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in project["dependencies"]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), line
