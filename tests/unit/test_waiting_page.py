"""Each cause that the code opens an item with stands on two pages: what ends it, what to do.

docs/waiting.md says what it waits for, docs/operations.md what a person does about it.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from sync.operations.hand.resolve import CAUSES

ROOT = Path(__file__).parents[2]
# Which argument of a call is the cause.
CAUSE_OF = {"ParkedError": 2, "open_item": 2, "_asked": 1}
# Causes that are made of a name at run time, as the page writes them.
MADE = {"…_refused", "…_keeps_failing", "…_differs"}


def named(page: str) -> set[str]:
    """The causes in the first column of the page's table."""
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    return {cause for row in rows for cause in re.findall(r"`([^`]+)`", row)}


def opened() -> Iterator[tuple[str, str]]:
    """Each cause that the engine's code names, with the file."""
    for file in sorted((ROOT / "sync").rglob("*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(file.read_text())):
            for value in _causes(node):
                for cause in _texts(value, module):
                    yield cause, str(file.relative_to(ROOT))


def _causes(node: ast.AST) -> Iterator[ast.expr]:
    if not isinstance(node, ast.Call):
        return
    called = (
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    )
    at = CAUSE_OF.get(called)
    if at is not None and len(node.args) > at:
        yield node.args[at]
    for keyword in node.keywords:
        if keyword.arg in {"cause", "asks"}:
            yield keyword.value


def _texts(value: ast.expr, module: str) -> Iterator[str]:
    """What an expression can say: constants, their names, and either side of a choice."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body, module)
        yield from _texts(value.orelse, module)
    elif isinstance(value, ast.Tuple):
        for one in value.elts:
            yield from _texts(one, module)
    elif isinstance(value, ast.Name | ast.Attribute):
        found: object = importlib.import_module(module)
        for part in ast.unparse(value).split("."):
            found = getattr(found, part, None)
        if isinstance(found, str):
            yield found


PAGES = ("waiting.md", "operations.md")


@pytest.mark.parametrize("name", PAGES)
def test_each_cause_is_on_the_page(name: str) -> None:
    page = named((ROOT / "docs" / name).read_text())
    patterns = [one.replace("…", "*") for one in page]
    missing = {
        f"{cause} ({file})"
        for cause, file in opened()
        if not any(fnmatchcase(cause, pattern) for pattern in patterns)
    }
    assert missing == set()
    assert page >= MADE


def test_what_opens_an_item_is_called_as_it_is_looked_for() -> None:
    """One that is called otherwise by now would be seen no more, and with it its causes."""
    code = "".join(file.read_text() for file in (ROOT / "sync").rglob("*.py"))
    assert {name for name in CAUSE_OF if code.count(f"{name}(") < 3} == set()
    writes = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "sync").rglob("*.py")
        if "upsert.insert(conn, attention)" in file.read_text()
    }
    assert writes == {"sync/store/attention.py"}


def test_the_page_names_no_cause_that_nothing_opens() -> None:
    """A name that stands nowhere in the code is a leftover."""
    code = "".join(file.read_text() for file in (ROOT / "sync").rglob("*.py"))
    page = named((ROOT / "docs" / "waiting.md").read_text())
    assert {one for one in page - MADE if "…" not in one and f'"{one}"' not in code} == set()


def test_both_pages_name_the_same_causes() -> None:
    """What is told in the one and not in the other leaves somebody without an answer."""
    waiting = named((ROOT / "docs" / "waiting.md").read_text())
    operations = named((ROOT / "docs" / "operations.md").read_text())
    assert waiting - operations == set()


@pytest.mark.parametrize("name", PAGES)
def test_only_what_has_candidates_is_to_be_resolved(name: str) -> None:
    """`attention resolve` refuses every other cause."""
    rows = [line for line in (ROOT / "docs" / name).read_text().splitlines() if "| `" in line]
    told = [line for line in rows if "`attention resolve" in line.rsplit("|", 2)[1]]
    asked = {cause for line in told for cause in named(line)} - {"attention resolve ID"}
    assert len(asked) > 3
    assert {cause for cause in asked if "attention resolve" not in cause} - set(CAUSES) == set()
