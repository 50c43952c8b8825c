"""A list whose links lead round ends, and is no whole list."""

import pytest

from sync.core.answers.verdict import Kind, Verdict
from sync.core.errors import Transient
from sync.oncall.client import OnCall
from sync.outbound.call import Answer, Call

BASE = "https://api.oncallhealth.example"


class Round:
    """Pages whose `next` leads back, after so many."""

    def __init__(self, path: str, pages: int) -> None:
        self._path, self._pages, self.calls = path, pages, 0

    def send(self, call: Call, ticket: object) -> Answer:
        del call, ticket
        self.calls += 1
        number = self.calls % self._pages + 1
        body = {"results": [], "next": f"{BASE}{self._path}?page={number}"}
        return Answer(200, body, {}, "application/json", 1, Verdict(Kind.OK, "ok"))  # type: ignore[arg-type]


@pytest.mark.parametrize("pages", [1, 2, 3])
@pytest.mark.parametrize("kind", ["appointments", "contacts", "providers"])
def test_links_that_lead_round_are_told_and_end(kind: str, pages: int) -> None:
    sender = Round(f"/{kind}/", pages)
    client = OnCall(sender, BASE)
    walks = {
        "appointments": client.appointment_pages,
        "contacts": client.contact_pages,
        "providers": client.providers,
    }
    with pytest.raises(Transient, match="page_loop"):
        list(walks[kind](None))  # type: ignore[arg-type]
    assert sender.calls <= pages + 1
