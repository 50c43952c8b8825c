"""Read settings from a file of NAME=value lines or from the environment.

A file follows python-dotenv, as Compose's `env_file` does: surrounding quotes, `export `, comments
and blanks are no part of a value. Nothing is put in place of a `$` (Compose does that outside
single quotes). `docker run --env-file` takes a line as it is, and a platform's form what was pasted
into it, so a value is looked at once more wherever it came from: what can't belong to one at its
ends is dropped, the rest is named by `misshapen`. No message repeats a value.
"""

import difflib
import io
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dotenv.parser import Binding, parse_stream

from sync.text_file import TextFileError, read_text

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTES: Final = "\"'`“”„‘’‚«»"
_COMMENT: Final = re.compile(r"\s#")
# Other, control and format characters: line breaks, tabs, byte order marks, zero-width ones.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# How alike a name must be to be one that was misspelt; DATABASE_USER is another program's.
_LIKE: Final = 0.885
_OURS: Final = ("DRCHRONO_", "ONCALL_")
_OURS_LIKE: Final = 0.81
_SHORTEST_NAME: Final = 8
# What Kubernetes and Docker set for a service of that name.
_OF_A_PLATFORM: Final = re.compile(r"_(?:SERVICE_|PORT(?:_|$))")


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What a file says: values by name, and what can't be read in it, by file and line."""

    values: dict[str, str]
    problems: dict[str, str]


def read_env_file(path: Path) -> EnvFile:
    """Read a file of settings. Raises FileNotFoundError when there is none."""
    try:
        return parse_env(read_text(path), str(path))
    except TextFileError as error:
        return EnvFile({}, {str(path): str(error)})


def parse_env(text: str, name: str) -> EnvFile:
    """The NAME=value lines of a text; of a name that stands there twice, the last value."""
    # The parser counts CRLF twice after a line that it could not read.
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    values: dict[str, str] = {}
    problems: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(lines)):
        if binding.key is None and not binding.error:
            continue
        if binding.error or binding.value is None or not _NAME.fullmatch(binding.key or ""):
            problems[f"{name}, line {_line(binding)}"] = (
                "write NAME=value; a quote that opens must close, and only a comment may follow it"
            )
            continue
        values[str(binding.key)] = binding.value
    return EnvFile(values, problems)


def _line(binding: Binding) -> int:
    """The line of the name itself: a binding begins with the empty lines before it."""
    text = binding.original.string
    before = text[: len(text) - len(text.lstrip())]
    return int(binding.original.line) + before.count("\n")


def cleaned(value: str) -> str:
    """The value without what can't belong to one at its ends: blanks, line ends, marks."""
    start, end = 0, len(value)
    while start < end and _droppable(value[start]):
        start += 1
    while end > start and _droppable(value[end - 1]):
        end -= 1
    return value[start:end]


def misshapen(name: str, value: str) -> str | None:
    """What a cleaned value has in it that a reader left there; None when there is nothing."""
    if len(value) > 1 and value[0] in _QUOTES and value[-1] in _QUOTES:
        return (
            "stands in quotes, and they count as a part of it (docker run --env-file keeps them): "
            "write it without"
        )
    if value and (value[0] in _QUOTES or value[-1] in _QUOTES):
        return "has a quote at one of its ends: write it without"
    if _COMMENT.search(value):
        return "has a comment behind it (docker run --env-file keeps it): write it above"
    if value.upper().startswith((f"{name}=", f"EXPORT {name}=")):
        return "repeats its own name: write what stands behind the first ="
    if any(unicodedata.category(char) in _INVISIBLE for char in value):
        return "holds a line break or an invisible character: write it anew"
    return None


def misspelt(names: Iterable[str], said: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Names that are nearly a setting's, which nobody has set: what to say of each.

    `said` and `known` are settings in small letters. A default in place of what was meant would be
    an empty database, or no secret. Variables of other programs differ by more.
    """
    fields = sorted(one.upper() for one in known)
    unset = set(fields) - {one.upper() for one in said}
    found = {}
    for name in names:
        if name.upper() in fields or len(name) < _SHORTEST_NAME or _OF_A_PLATFORM.search(name):
            continue
        least = _OURS_LIKE if name.upper().startswith(_OURS) else _LIKE
        near = difflib.get_close_matches(name.upper(), fields, n=1, cutoff=least)
        if near and near[0] in unset:
            found[name] = f"is no setting: write {near[0]}, or remove it"
    return found


def _droppable(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in {"Cc", "Cf"}
