"""Say at the top of every page what is paused: whoever wonders why nothing moves sees it there."""

from dataclasses import dataclass

from flask import Flask

from service.doors import Doors
from sync.operations import clinic_clock, pausing
from sync.store.pauses import Pause


@dataclass(frozen=True, slots=True)
class Banner:
    """What is paused, the widest first, and the clock that its ends are told on beside UTC."""

    pauses: tuple[Pause, ...]
    zone: str | None


def register(app: Flask, doors: Doors) -> None:
    """Give the templates `banner()`: one statement, and for a page that asks only."""
    sync = doors.sync

    def banner() -> Banner:
        found = tuple(pausing.paused(sync))
        return Banner(found, clinic_clock.zone(sync) if found else None)

    app.context_processor(lambda: {"banner": banner})
    app.add_template_filter(named, "paused_thing")


def named(what: str) -> str:
    """What is paused, in words: "Writes to OnCall", "The visits of doctor 201"."""
    name = pausing.said(what)
    kind, _, which = name.partition(":")
    return f"The visits of doctor {which}" if kind == "doctor" else WORDS.get(name, name)


WORDS = {
    "everything": "Everything",
    "drchrono": "Writes to DrChrono",
    "oncall": "Writes to OnCall",
    "live": "Changes that people wait for (lane live)",
    "told": "What only a webhook told of (lane told)",
    "catchup": "What the lists showed (lane catchup)",
    "bulk": "Work in bulk: going live, a first matching (lane bulk)",
}
