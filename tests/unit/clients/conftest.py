"""A sender that notes the calls it is given and answers from a list."""

from dataclasses import dataclass, field

import pytest

from sync.core.answers.verdict import Kind, Verdict
from sync.outbound.call import Answer


def answered(json=None, status=200):
    content_type = "application/json" if json is not None else ""
    return Answer(status, json, {}, content_type, 7, Verdict(Kind.OK, "ok"))


@dataclass
class Script:
    """`then` says what comes next: JSON, None for a 204, an exception, or a whole answer."""

    answers: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    tickets: list = field(default_factory=list)

    def then(self, *answers):
        self.answers += answers
        return self

    def send(self, call, ticket=None):
        self.calls.append(call)
        self.tickets.append(ticket)
        following = self.answers.pop(0)
        if isinstance(following, Exception):
            raise following
        if isinstance(following, Answer):
            return following
        return answered(following, 204 if following is None else 200)

    def lines(self):
        """Each call as "METHOD endpoint path", with its query."""
        return [
            (f"{call.method} {call.endpoint} {call.path}", dict(call.query or {}))
            for call in self.calls
        ]


@pytest.fixture
def script():
    return Script()
