"""Draw the pages of the OAuth exchange: a title, some lines, and what can be pressed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Response

from service import plain
from sync.setup.connect import Judged

AGAIN: Final = "Ask the operator for a new address: drchrono-oncall connect"
_PREFIX: Final = "/oauth/drchrono"


@dataclass(frozen=True, slots=True)
class Button:
    """A form of one button; nothing is sent or done before it is pressed."""

    action: str
    label: str
    fields: Mapping[str, str]


def page(title: str, *lines: str, buttons: Sequence[Button] = (), status: int = 200) -> Response:
    """A page of its own; the first of the buttons is the usual one."""
    told = {"title": title, "lines": lines, "buttons": buttons}
    return plain.drawn("connect/page.html", status, kind="alone", **told)


def start(ticket: str) -> Response:
    """What an address of `connect` shows, to people and to machines that look at links."""
    return page(
        "Connect DrChrono",
        "This connects the practice's DrChrono account with OnCall Health.",
        "Continue as a DrChrono user of the practice who may grant access.",
        buttons=[Button(f"{_PREFIX}/start", "Continue to DrChrono", {"ticket": ticket})],
    )


def finish(state: str, code: str) -> Response:
    """What DrChrono sends the browser back to."""
    fields = {"state": state, "code": code}
    return page(
        "Finish connecting",
        "DrChrono gave its permission. Press the button within a minute.",
        buttons=[Button(f"{_PREFIX}/callback", "Finish connecting", fields)],
    )


def confirm(state: str, judged: Judged) -> Response:
    """What is asked before the first practice is pinned."""
    fields = {"state": state}
    return page(
        "Is this the practice?",
        f"DrChrono: {judged.practice}, {judged.doctors} doctors.",
        f"OnCall Health: {judged.providers} providers.",
        "Both are tied to this installation from now on; others are refused.",
        buttons=[
            Button(f"{_PREFIX}/confirm", f"Connect {judged.practice}", fields),
            Button(f"{_PREFIX}/refuse", "No, this is another practice", fields),
        ],
    )


def busy() -> Response:
    """What is shown while the button's work is being done."""
    return page("Connecting", "It is being done. Load this page again.")


def connected() -> Response:
    """The end; it can be looked at again."""
    return page("DrChrono is connected.", "You may close this page.")


def trouble(words: str, *buttons: Button, status: int = 400) -> Response:
    """What went wrong, and what to do."""
    return page("Not connected", f"{words}.", buttons=buttons, status=status)


def again(state: str, **fields: str) -> Button:
    """The button that starts anew after a refusal."""
    return Button(f"{_PREFIX}/again", "Try again", {"state": state, **fields})
