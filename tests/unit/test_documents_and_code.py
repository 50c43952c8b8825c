"""Hold what the documents say of commands, metrics and the mapping file to the code."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel

from cli.main import cli
from service import metrics
from sync import mapping_file

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES += [page for page in (ROOT / "docs").rglob("*.md") if "history" not in page.parts]
CALLED = re.compile(r"drchrono-oncall(?: --env \S+)? ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")


def commands() -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    ctx = click.Context(cli)
    for name in cli.list_commands(ctx):
        command = cli.get_command(ctx, name)
        found.add((name,))
        if isinstance(command, click.Group):
            found |= {(name, sub) for sub in command.commands}
    return found


def test_each_command_that_a_page_names_is_there() -> None:
    there = commands()
    groups = {one[0] for one in there if len(one) > 1}
    named = {
        (page.name, name, sub) for page in PAGES for name, sub in CALLED.findall(page.read_text())
    }
    assert len(named) > 20
    wrong = {
        one
        for one in named
        if one[1:2] not in there or (one[1] in groups and one[2] and one[1:] not in there)
    }
    assert wrong == set()


def test_each_command_stands_on_a_page() -> None:
    text = "".join(page.read_text() for page in PAGES)
    unnamed = {" ".join(one) for one in commands() if not re.search(rf"\b{' '.join(one)}\b", text)}
    assert unnamed == set()


def test_the_metrics_are_those_of_the_page() -> None:
    code = (ROOT / "service/metrics.py").read_text() + (ROOT / "service/doors.py").read_text()
    ours = {*re.findall(r'"(sync_\w+)"', code), *(f"sync_{name}" for name in metrics.COUNTERS)}
    page = (ROOT / "docs/operations.md").read_text()
    told = {name.removesuffix("_total") for name in re.findall(r"`(sync_\w+)`", page)}
    assert told == ours


def keys(table: type[BaseModel]) -> set[str]:
    return set(table.model_fields)


TABLES = (
    mapping_file.DoctorTable,
    mapping_file.TypesTable,
    mapping_file.Policies,
    mapping_file.TextTable,
    mapping_file.AddressesTable,
    mapping_file.MarkersTable,
)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_each_key_of_the_mapping_file_is_explained(table: type[BaseModel]) -> None:
    page = (ROOT / "docs/mapping.md").read_text()
    named = set(re.findall(r"`(?:\[types\.)?(\w+)\]?`", page))
    assert keys(table) - named == set()


def values(of: Any) -> set[str]:
    """The words that a policy may hold."""
    if of is bool:
        return {"true", "false"}
    if isinstance(of, type) and issubclass(of, StrEnum):
        return {str(one) for one in of}
    return {str(one) for one in get_args(of)}


def test_the_policies_are_those_of_the_page_with_the_default_in_bold() -> None:
    page = (ROOT / "docs/mapping.md").read_text().partition("## `[policy]`")[2]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page.partition("\n## ")[0], re.M))
    fields = mapping_file.Policies.model_fields
    assert set(rows) == set(fields)
    for name, field in fields.items():
        (bold,) = re.findall(r"\*\*(\w+)\*\*", rows[name])
        assert bold == str(field.default).lower(), name
        if name != "window_days":
            assert set(re.findall(r"\w+", rows[name])) == values(field.annotation), name


def test_the_walk_of_a_booking_is_how_the_code_goes() -> None:
    """At most 15 files; each but the first is imported by one above it, or rung by it."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    part = page.split("### A booking, file by file")[1].split("Before any of this")[0]
    walk = re.findall(r"^\d+\. `([\w/]+\.py)`", part, re.MULTILINE)
    assert 10 < len(walk) <= 15
    above = ""
    for path in walk:
        room, _, name = path.removesuffix(".py").replace("/", ".").rpartition(".")
        imported = rf"from {room}\.{name} import|from {room} import (\([^)]*|[^\n]*)\b{name}\b"
        by_ring = path in {walk[0], "sync/tasks/sweep.py", "workers/jobs.py"}
        client = path.endswith("client.py")  # the process's parts hold it
        assert by_ring or re.search("sync.oncall" if client else imported, above), path
        above += (ROOT / path).read_text()
