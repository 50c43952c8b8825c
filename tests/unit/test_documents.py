"""Links, paths and tables of the documents say what is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.config import Settings

ROOT = Path(__file__).resolve().parents[2]
TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
PAGES = sorted([ROOT / name for name in TOP] + list((ROOT / "docs").rglob("*.md")))
# The lab notebook keeps the names of its day.
OF_TODAY = [page for page in PAGES if "history" not in page.parts]
ROOMS = ("bench", "chaos", "cli", "deploy", "docs", "sandbox", "service", "sync", "tests")
ROOMS += ("workers",)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def bare(text: str) -> str:
    """A page without what it shows of a shell or a screen."""
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


def anchors(page: Path) -> set[str]:
    """What a link to this page may name: its headings as GitHub does, and its own ids."""
    text = bare(page.read_text())
    heads = re.findall(r"^#+ (.+)$", text, re.M)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head) for head in heads]
    slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in plain}
    return slugs | set(re.findall(r'<a id="(\w+)">', text))


def links(page: Path) -> Iterator[tuple[str, str]]:
    for target in re.findall(r"\]\(([^)\s]+)\)", bare(page.read_text())):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_link_leads_somewhere(page: Path) -> None:
    dead = set()
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.add(f"{path}#{anchor}")
    assert dead == set()


@pytest.mark.parametrize("page", OF_TODAY, ids=name_of)
def test_each_path_that_a_page_names_is_there(page: Path) -> None:
    files = {str(one.relative_to(ROOT)) for room in ROOMS for one in (ROOT / room).rglob("*.*")}
    ends = {"/".join(one.split("/")[at:]) for one in files for at in range(one.count("/") + 1)}
    named = re.findall(
        r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|toml|conf|sh))(?:::\w+)?`", page.read_text()
    )
    assert {one for one in named if "NNNN" not in one and one not in ends} == set()


def test_the_front_page_is_a_page() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 120
    assert "```mermaid" in text


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_names_a_place_of_one_machine(page: Path) -> None:
    assert re.findall(r"(?<![\w.…])/(?:work|tmp|home|root)/\S+", page.read_text()) == []


def test_the_table_of_decisions_says_what_each_says() -> None:
    table = re.findall(
        r"^\| \[(\d{4})\]\(([\w.-]+)\) \| (.+) \| (.+) \| (\d{4}-\d\d-\d\d) \|$",
        (ROOT / "docs/adr/README.md").read_text(),
        re.M,
    )
    said = []
    for page in sorted((ROOT / "docs/adr").glob("[0-9]*.md")):
        found = re.match(
            r"# (\d{4}): (.+)\n\nStatus: (.+) · (\d{4}-\d\d-\d\d)\n\n", page.read_text()
        )
        assert found is not None, page.name
        number, title, status, date = found.groups()
        assert page.name.startswith(number)
        said.append((number, page.name, title, status, date))
    assert table == said


def test_each_setting_has_its_row_with_its_default() -> None:
    page = (ROOT / "docs/setup.md").read_text().partition("## Settings")[2]
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|", page, re.M))
    assert set(rows) == {name.upper() for name in Settings.model_fields}
    wrong = {}
    for name, field in Settings.model_fields.items():
        given = field.default
        text = str(given.get_secret_value() if hasattr(given, "get_secret_value") else given)
        told = rows[name.upper()].strip(" `").replace("–", "")
        if isinstance(given, bool):
            text = "yes" if given else "no"
        same = float(told) == given if isinstance(given, float) else told == text
        if not same:
            wrong[name.upper()] = told
    assert wrong == {}


def test_the_example_file_names_each_setting() -> None:
    named = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    ours = {name.upper() for name in Settings.model_fields}
    # Compose's own: read by nothing else, as the file says.
    assert named - {"REDIS_PASSWORD", "POSTGRES_PASSWORD"} <= ours
    assert ours - named == set()


def test_each_unknown_that_the_sandbox_can_switch_is_a_fact_of_the_page() -> None:
    page = (ROOT / "docs/api-facts.md").read_text()
    switches = {
        name
        for file in (ROOT / "sandbox").glob("*/switches.py")
        for name in re.findall(r'^    "(\w+)":', file.read_text(), re.M)
    }
    assert len(switches) > 40
    assert {name for name in switches if f"`{name}`" not in page} == set()


def test_each_room_of_the_glossary_is_there() -> None:
    page = (ROOT / "docs/glossary.md").read_text()
    cells = [line.split("|")[3] for line in page.splitlines() if line.startswith("| ")]
    rooms = {room for cell in cells for room in re.findall(r"`([\w./]+)`", cell)}
    assert len(rooms) > 10
    assert {
        one for one in rooms if not ((ROOT / "sync" / one).exists() or (ROOT / one).is_dir())
    } == set()
