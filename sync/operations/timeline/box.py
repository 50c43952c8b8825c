"""Read what somebody put into the box that asks for a timeline."""

from typing import Final

from sync.operations.lookup import OWN, REMOTE, UnknownError, aggregate_of, remote_object
from sync.operations.why import address, known
from sync.runtime import Sync

_HELP: Final = "Nothing of that number was ever heard of here."


def meant(sync: Sync, text: str) -> tuple[str, str]:
    """The kind and id that a text means: `KIND ID`, a number, or the address of a page.

    A number that several have is an appointment's before a visit's before a patient's or contact's.
    Raises UnknownError with a sentence that repeats nothing of the text.
    """
    kind, _, named = text.strip().replace(":", " ", 1).partition(" ")
    if kind in (*OWN, *REMOTE) and named.strip():
        return _here(sync, kind, named.strip())
    if text.strip().isdecimal():
        return _whichever(sync, text.strip())
    mapping = known.mapping(sync)
    link = mapping.file.text.visit_link if mapping is not None else ""
    found = address.meant(text, sync.settings, link)
    for one in found:
        with sync.store.read() as conn:
            if remote_object(conn, one.kind, one.id) is not None:
                return one.kind, one.id
    raise UnknownError(_HELP)


def _here(sync: Sync, kind: str, named: str) -> tuple[str, str]:
    with sync.store.read() as conn:
        try:
            aggregate_of(conn, kind, named)
        except UnknownError:
            raise UnknownError(_HELP) from None
    return kind, named


def _whichever(sync: Sync, named: str) -> tuple[str, str]:
    with sync.store.read() as conn:
        for kind in ("appointment", "oncall-appointment", "patient", "contact"):
            if remote_object(conn, kind, named) is not None:
                return kind, named
    raise UnknownError(_HELP)
