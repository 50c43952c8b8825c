"""Shape the answers of `plan` and `explain`: each line once as data and once as text.

Field names, ids, states and times only; no value of a field is ever in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from sync.core.wording import Json


@dataclass(frozen=True, slots=True)
class Line:
    """One thing told: `values` for scripts, `text` for people."""

    values: Mapping[str, Json]
    text: str

    @classmethod
    def of(cls, **values: Any) -> Self:
        """From names and values (times become ISO 8601 in UTC); the text leaves out what is not."""
        told = {name: _json(value) for name, value in values.items()}
        shown = [f"{name} {_words(value)}" for name, value in told.items() if _is_said(value)]
        return cls(told, ", ".join(shown))


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is told of one visit or person: a summary, and lists of lines by their heading."""

    kind: str
    aggregate: int
    summary: Line
    parts: Mapping[str, tuple[Line, ...]]

    def as_dict(self) -> dict[str, Any]:
        """As JSON: kind, aggregate, the summary's names, and each part as a list of objects."""
        listed = {name: [dict(line.values) for line in part] for name, part in self.parts.items()}
        return {
            "kind": self.kind,
            "aggregate": self.aggregate,
            **self.summary.values,
            **listed,
        }

    def lines(self) -> list[str]:
        """As plain text, one line each, without line ends."""
        told = [f"{self.kind} {self.aggregate}: {self.summary.text}"]
        for name, part in self.parts.items():
            heading = name.replace("_", " ")
            if not part:
                told.append(f"{heading}: none")
                continue
            told.append(f"{heading}:")
            told += [f"  {line.text}" for line in part]
        return told


def _json(value: Any) -> Json:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, list | tuple):
        return [_json(one) for one in value]
    found: Json = value
    return found


def _is_said(value: Json) -> bool:
    return value is not None and value != "" and value != []


def _words(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(str(one) for one in value)
    return str(value)
