"""The documents name tests: each of them must be there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Pages whose lines are shown by tests. What is history keeps the names of its day.
PAGES = ["docs/what-syncs.md", "docs/reliability.md", "docs/costs.md", "CONTRIBUTING.md"]
PAGES += sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs" / "adr").glob("0*.md"))


def there() -> set[str]:
    """Each test function and file, a file by every end of its path."""
    files = list((ROOT / "tests").rglob("test_*.py"))
    functions = {
        name for each in files for name in re.findall(r"^ *def (test_\w+)", each.read_text(), re.M)
    }
    parts = [each.relative_to(ROOT).parts for each in files]
    return functions | {"/".join(one[at:]) for one in parts for at in range(len(one))}


def named(page: str) -> set[str]:
    text = (ROOT / page).read_text()
    return {
        one
        for name in re.findall(r"`((?:[\w/]+/)?test_\w+(?:\.py)?(?:::test_\w+)?)`", text)
        for one in name.split("::")
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_is_there(page: str) -> None:
    assert named(page) - there() == set()


def test_the_table_names_many() -> None:
    assert len(named("docs/what-syncs.md")) > 50
