"""Define the exceptions of a remote call: one for each outcome of the error table."""
# ruff: noqa: N818

from collections.abc import Iterable
from datetime import datetime


class RemoteError(Exception):
    """A call without success. `code` is one of ours; `call_id` is the id of its audit row."""

    def __init__(self, code: str, call_id: int | None = None) -> None:
        super().__init__(code, call_id)
        self.code = code
        self.call_id = call_id


class Refused(RemoteError):
    """The remote refuses this call for good; `fields` are the names it complains about.

    `places` are the objects of a list that it complains about: the field, and the place from 0.
    """

    def __init__(
        self,
        code: str,
        call_id: int | None = None,
        fields: Iterable[str] = (),
        places: Iterable[tuple[str, int]] = (),
    ) -> None:
        super().__init__(code, call_id)
        self.fields = tuple(fields)
        self.places = tuple(places)


class Gone(RemoteError):
    """The object asked for by id does not exist."""


class Conflict(RemoteError):
    """Another object is in the way; `other_id` is its remote id, when the remote said it."""

    def __init__(self, code: str, call_id: int | None = None, other_id: str | None = None) -> None:
        super().__init__(code, call_id)
        self.other_id = other_id


class AuthFailed(RemoteError):
    """Our credentials are missing or not taken; the call was not executed."""


class Transient(RemoteError):
    """Nothing happened; `until` (aware UTC) is when the remote wants the next try, if it said."""

    def __init__(
        self, code: str, call_id: int | None = None, until: datetime | None = None
    ) -> None:
        super().__init__(code, call_id)
        self.until = until


class NotTheApi(Transient):
    """Something in front of the API answered, not the API; nothing happened.

    `code` is `edge_<status>`, or `login_page` for a redirect to where people sign in.
    """


class Unresolved(RemoteError):
    """No outcome was read: the write may have been done."""


class FencedOff(RemoteError):
    """Our lease was taken over by another process; nothing was sent."""


class NotBefore(RemoteError):
    """Not executed, and of no use before `until` (aware UTC). It does not count as an attempt."""

    def __init__(self, code: str, until: datetime, call_id: int | None = None) -> None:
        super().__init__(code, call_id)
        self.until = until


class Throttled(NotBefore):
    """The remote's rate limit."""


class Deferred(NotBefore):
    """Our own budget, a credential another process is renewing, our own end: nothing was sent."""


class WrongAccount(NotBefore):
    """The account is not proven to be the pinned one: nothing that it denies is believed (R26).

    Rules are those of docs/rules.md.
    """


class TransportError(Exception):
    """No answer was read. `code` says where it ended: dns, connect, tls, deadline."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NotSent(TransportError):
    """Nothing can have reached the server."""


class NoAnswer(TransportError):
    """The request may have been carried out."""
