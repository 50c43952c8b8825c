"""Hold each citation of a comment or docstring to a number or page that is in the repository.

A comment may cite a number of docs/api-facts.md (D, O, L), docs/rules.md (R) or docs/costs.md (C),
an invariant of docs/architecture.md, an ADR, or a public document. Nothing else can be looked up.
"""

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("bench", "chaos", "cli", "sandbox", "service", "sync", "tests", "workers")
FILES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
PAGES = {
    "D": "docs/api-facts.md",
    "O": "docs/api-facts.md",
    "L": "docs/api-facts.md",
    "R": "docs/rules.md",
    "C": "docs/costs.md",
}
NUMBER = re.compile(r"(?<![\w\-#'\"<&])([DOLRC])([1-9]\d?)(?![\w\-'\"]|\.\w)")
INVARIANT = re.compile(r"\binvariants? (\d+)")
DECISION = re.compile(r"\bADR (\d{4})|\badr/(\d{4})")
DOCUMENT = re.compile(r"(?<![\w./])(docs/[\w./-]+?\.md)")
# Documents that were never in the repository, or are no longer; a bare section has no page.
UNKNOWN = (
    re.compile(r"\b[Ff]acts? ?sheet|\b[Ff]acts?: [A-Z]\b|\(facts?\b|\b\w+-facts \d"),
    re.compile(r"\bDESIGN\b|\b[Dd]esign,? §|\b[Dd]esign \d|the design's table|§ ?\d"),
    re.compile(r"\b[Ff]ield (?:case|fact|report)s?\b|\bplatform facts\b"),
    re.compile(r"\((?:the )?[Gg]uide\)|(?:^|\W)Guide[:,]|\(newest schema\b|\(schema\b"),
    re.compile(r"\b[Ii]ssue #?\d"),
)
# A module or file that a comment names in backticks.
MODULE = re.compile(r"`((?:\w+\.)+\w+)`")
PATH = re.compile(r"`((?:[\w-]+/)*[\w-]+\.py)`")
VAGUE = {
    *("A", "An", "From", "In", "It", "Of", "On", "That", "The", "There"),
    *("How", "What", "When", "Where", "Whether", "Which", "Who", "Whose", "Why"),
}


def comments(file: Path) -> Iterator[tuple[int, str]]:
    """Give a file's comments, a block of lines as one, and its docstrings, with their lines."""
    source = file.read_text()
    block: list[str] = []
    start = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != last + 1:
            yield start, " ".join(block)
            block = []
        if not block:
            start = token.start[0]
        block.append(token.string.lstrip("# "))
        last = token.start[0]
    if block:
        yield start, " ".join(block)
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield node.body[0].lineno, " ".join(text.split())


@functools.cache
def said() -> tuple[tuple[Path, int, str], ...]:
    """Give every comment and docstring of the files, with its file and line."""
    return tuple((file, line, text) for file in FILES for line, text in comments(file))


def at(file: Path, line: int, what: str) -> str:
    return f"{file.relative_to(ROOT)}:{line}: {what}"


def anchors(page: str) -> set[str]:
    return set(re.findall(r'<a id="(\w+)">', (ROOT / page).read_text()))


def test_each_number_that_a_comment_cites_is_on_its_page() -> None:
    there = {letter: anchors(page) for letter, page in PAGES.items()}
    assert all(len(found) >= 10 for found in there.values())
    cited = [
        (file, line, letter + digits)
        for file, line, text in said()
        for letter, digits in NUMBER.findall(text)
    ]
    assert len(cited) > 100
    assert [at(*one) for one in cited if one[2] not in there[one[2][0]]] == []


@pytest.mark.parametrize("page", sorted(set(PAGES.values())))
def test_a_file_that_cites_a_number_names_the_page(page: str) -> None:
    letters = {letter for letter, where in PAGES.items() if where == page}
    nameless = {
        str(file.relative_to(ROOT))
        for file, _, text in said()
        if any(letter in letters for letter, _ in NUMBER.findall(text))
        and page not in file.read_text()
    }
    assert nameless == set()


def test_each_invariant_decision_and_page_that_a_comment_cites_is_there() -> None:
    architecture = (ROOT / "docs/architecture.md").read_text()
    told = architecture.partition("## Invariants")[2].partition("\n## ")[0]
    numbers = set(re.findall(r"^(?:\| )?(\d+)\b", told, re.M))
    decisions = {page.name[:4] for page in (ROOT / "docs/adr").glob("[0-9]*.md")}
    assert numbers >= {"1", "10"}
    wrong = []
    for file, line, text in said():
        wrong += [at(file, line, f"invariant {n}") for n in INVARIANT.findall(text)
                  if n not in numbers]  # fmt: skip
        wrong += [at(file, line, f"ADR {one or two}") for one, two in DECISION.findall(text)
                  if (one or two) not in decisions]  # fmt: skip
        wrong += [at(file, line, name) for name in DOCUMENT.findall(text)
                  if not (ROOT / name).exists()]  # fmt: skip
    assert wrong == []


def test_no_comment_cites_what_is_not_in_the_repository() -> None:
    found = {
        at(file, line, one[0])
        for file, line, text in said()
        for kind in UNKNOWN
        if file != Path(__file__) and (one := kind.search(text))
    }
    assert found == set()


def test_each_module_and_file_that_a_comment_names_is_there() -> None:
    files = {str(one.relative_to(ROOT)) for room in ROOMS for one in (ROOT / room).rglob("*.py")}
    ends = {"/".join(one.split("/")[i:]) for one in files for i in range(one.count("/") + 1)}
    rooms = {one.name for one in (ROOT / "sync").iterdir() if one.is_dir()}
    wrong = []
    for file, line, text in said():
        wrong += [at(file, line, name) for name in PATH.findall(text) if name not in ends]
        for name in MODULE.findall(text):
            whole = f"sync.{name}" if name.partition(".")[0] in rooms else name
            if whole.partition(".")[0] in ROOMS and not is_there(whole):
                wrong.append(at(file, line, name))
    assert wrong == []


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, a package, or something that one of them names."""
    parent, _, last = name.rpartition(".")
    path = ROOT / name.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    above = ROOT / parent.replace(".", "/")
    homes = [one for one in (above.with_suffix(".py"), above / "__init__.py") if one.exists()]
    return any(re.search(rf"\b{last}\b", home.read_text()) for home in homes)


def test_a_module_says_the_verb_first() -> None:
    asking = set()
    for file in FILES:
        first = (ast.get_docstring(ast.parse(file.read_text())) or "").partition(" ")[0]
        if first in VAGUE and "tests" not in file.relative_to(ROOT).parts[:1]:
            asking.add(str(file.relative_to(ROOT)))
    assert asking == set()
