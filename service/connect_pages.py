"""Render the pages of the OAuth exchange: plain HTML, nothing from outside, one button."""

from html import escape

from flask import Response

from sync.core.printable import printable
from sync.setup.connect import Judged

AGAIN = "Ask the operator for a new address: drchrono-oncall connect"


def page(title: str, *parts: str, status: int = 200) -> Response:
    """A page of its own: a title and parts that are HTML already."""
    body = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title></head><body><h1>{escape(title)}</h1>"
        f"{''.join(parts)}</body></html>\n"
    )
    return Response(body, status=status, content_type="text/html; charset=utf-8")


def text(words: str) -> str:
    """A paragraph."""
    return f"<p>{escape(words)}</p>"


def button(action: str, label: str, **fields: str) -> str:
    """A form of one button; nothing is sent or done before it is pressed."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    return (
        f'<form method="post" action="{escape(action)}">{hidden}'
        f'<button type="submit">{escape(label)}</button></form>'
    )


def start(ticket: str) -> Response:
    """What an address of `connect` shows, to people and to machines that look at links."""
    return page(
        "Connect DrChrono",
        text("This connects the practice's DrChrono account with OnCall Health."),
        text("Continue as a DrChrono user of the practice who may grant access."),
        button("/oauth/drchrono/start", "Continue to DrChrono", ticket=ticket),
    )


def finish(state: str, code: str) -> Response:
    """What DrChrono sends the browser back to."""
    return page(
        "Finish connecting",
        text("DrChrono gave its permission. Press the button within a minute."),
        button("/oauth/drchrono/callback", "Finish connecting", state=state, code=code),
    )


def confirm(state: str, judged: Judged) -> Response:
    """What is asked before the first practice is pinned."""
    practice = printable(judged.practice)
    return page(
        "Is this the practice?",
        text(f"DrChrono: {practice}, {judged.doctors} doctors."),
        text(f"OnCall Health: {judged.providers} providers."),
        text("Both are tied to this installation from now on; others are refused."),
        button("/oauth/drchrono/confirm", f"Connect {practice}", state=state),
        button("/oauth/drchrono/refuse", "No, this is another practice", state=state),
    )


def connected() -> Response:
    """The end; it can be looked at again."""
    return page("DrChrono is connected.", text("You may close this page."))


def trouble(words: str, *parts: str, status: int = 400) -> Response:
    """What went wrong, and what to do."""
    return page("Not connected", text(f"{words}."), *parts, status=status)


def again(state: str) -> str:
    """The button that starts anew after a refusal."""
    return button("/oauth/drchrono/again", "Try again", state=state)
