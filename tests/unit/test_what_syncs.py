"""The users' table names tests: each of them must be there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_table_names_is_there() -> None:
    page = (ROOT / "docs" / "what-syncs.md").read_text()
    files = list((ROOT / "tests").rglob("test_*.py"))
    functions = {
        name for each in files for name in re.findall(r"^def (test_\w+)", each.read_text(), re.M)
    }
    paths = {f"{each.relative_to(ROOT / 'tests')}".removeprefix("integration/") for each in files}
    named = set(re.findall(r"`((?:[\w/]+/)?test_\w+(?:\.py)?)`", page))
    assert len(named) > 50
    assert {name for name in named if name not in functions | paths} == set()
