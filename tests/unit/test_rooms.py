"""Hold the rooms small enough to be looked over: modules in a folder, lines in a file."""

from collections import Counter
from pathlib import Path

TOP = Path(__file__).parents[2]
ROOMS = ("bench", "chaos", "cli", "sandbox", "service", "sync", "workers")
MODULES, LINES = 15, 350


def _modules(*rooms: str) -> list[Path]:
    found = [path for room in rooms for path in (TOP / room).rglob("*.py")]
    return [path for path in found if "versions" not in path.parts]  # each migration is frozen


def test_a_folder_has_so_many_modules_at_most() -> None:
    counted = Counter(path.parent for path in _modules(*ROOMS, "tests") if path.stem != "__init__")
    crowded = {str(folder.relative_to(TOP)) for folder, count in counted.items() if count > MODULES}
    assert crowded == set()


def test_a_module_has_so_many_lines_at_most() -> None:
    long = {str(path.relative_to(TOP)) for path in _modules(*ROOMS) if _lines(path) > LINES}
    assert long == set()


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())
