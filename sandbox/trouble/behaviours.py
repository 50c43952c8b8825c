"""Hold the settings of the switches, and refuse values that a switch does not have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Switch:
    """A default, and either the words allowed or the kind of number."""

    default: Any
    words: tuple[Any, ...] = ()
    number: bool = False
    null: bool = False

    def allows(self, value: Any) -> bool:
        """Whether `value` may be set; booleans are never taken for numbers."""
        if value is None:
            return self.null
        if self.number:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and value >= 0
        if isinstance(self.default, str) and not self.words:
            return isinstance(value, str)
        return any(
            value is word or (value == word and type(value) is type(word)) for word in self.words
        )


ON = Switch(default=True, words=(True, False))
OFF = Switch(default=False, words=(True, False))


def either(*words: str) -> Switch:
    """A switch between words; the first is the default."""
    return Switch(default=words[0], words=words)


def number(default: float | None, *, null: bool = False) -> Switch:
    """A number not below zero, or also null where that means "no limit"."""
    return Switch(default=default, number=True, null=null)


class Behaviours:
    """The present setting of each switch of one remote."""

    def __init__(self, switches: dict[str, Switch]) -> None:
        self.switches = switches
        self.values: dict[str, Any] = {}
        self.reset()

    def reset(self) -> None:
        """Back to the defaults."""
        self.values = {name: switch.default for name, switch in self.switches.items()}

    def set(self, changes: dict[str, Any]) -> None:
        """Set several at once; ValueError names the first unknown switch or value."""
        for name, value in changes.items():
            if name not in self.switches:
                known = ", ".join(sorted(self.switches))
                raise ValueError(f"no behaviour {name!r}; there are: {known}")
            if not self.switches[name].allows(value):
                raise ValueError(f"behaviour {name!r} can't be {value!r}")
        self.values.update(changes)

    def on(self, name: str) -> bool:
        """A boolean switch."""
        return bool(self.values[name])

    def word(self, name: str) -> str:
        """A switch between words."""
        return str(self.values[name])

    def count(self, name: str) -> int:
        """A whole number."""
        return int(self.values[name])

    def limit(self, name: str) -> int | None:
        """A whole number, or None for no limit."""
        value = self.values[name]
        return None if value is None else int(value)

    def seconds(self, name: str) -> float:
        """A time span in seconds."""
        return float(self.values[name])
