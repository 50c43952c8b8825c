"""Show what follows from a deed that needs to be looked at first, and do it."""

from sync.core.causes.model import Remedy
from sync.core.errors import NotBefore, RemoteError
from sync.core.wire import MalformedError
from sync.mapping import MappingError
from sync.operations.hand import keep
from sync.operations.hand.by_hand import NotPossibleError, Preview
from sync.operations.inbox.one import Kept, One
from sync.operations.lookup import BusyError, UnknownError
from sync.runtime import Ring, Sync
from sync.visits.state import zones

# What keeps somebody from what they asked for, and is told them in a sentence.
IN_THE_WAY = (UnknownError, NotPossibleError, MalformedError, MappingError, RemoteError)


def preview(sync: Sync, one: One, deed: Remedy, side: str) -> Preview:
    """What would be written, without values, and how many mails that sends.

    `side` is the one that is kept. Raises what IN_THE_WAY lists.
    """
    if deed is Remedy.ACCEPT_ZONES:
        return _zones(sync, _doctors(one))
    kept = _kept(one, side)
    return keep.keep_preview(sync, side, kept.kind, kept.id, kept.fields)


def do(sync: Sync, one: One, deed: Remedy, side: str) -> tuple[Ring, ...]:
    """Do it. Returns what to ring. Raises as `preview`."""
    if deed is Remedy.ACCEPT_ZONES:
        return zones.accept(sync, _doctors(one))
    kept = _kept(one, side)
    return keep.keep(sync, side, kept.kind, kept.id, kept.fields)


def said(error: Exception) -> str:
    """Why it can't be done, in a sentence; nothing of what a remote answered."""
    match error:
        case BusyError():
            return "A worker is at it just now. Try it again in some seconds."
        case NotBefore():
            return f"No call may be made before {error.until:%H:%M:%S} UTC. Try it again then."
        case RemoteError():
            return (
                "One of the two systems did not do what was asked. Nothing was changed. "
                "Try it again in a minute."
            )
        case MalformedError():
            return "What one of the two systems shows can't be read. Look at it there."
        case MappingError():
            return "The mapping file can't be read just now. It has to be put right first."
        case _:
            return str(error)


def _kept(one: One, side: str) -> Kept:
    if one.settled_at is not None or one.kept is None:
        raise UnknownError("That is settled already.")
    if side not in one.kept.sides:
        raise NotPossibleError("Names and addresses flow from the chart: change it in DrChrono.")
    return one.kept


def _doctors(one: One) -> list[str]:
    if one.settled_at is not None or Remedy.ACCEPT_ZONES not in one.deeds:
        raise UnknownError("That is settled already.")
    return list(one.row.item.candidates)


def _zones(sync: Sync, doctors: list[str]) -> Preview:
    found = [each for each in zones.changes(sync) if each.doctor in doctors and not each.carried]
    lines = tuple(
        f"doctor {each.doctor}, now in {each.now}: {each.visits} visits to come are moved in "
        f"OnCall ({each.mails} mails)"
        for each in found
    )
    none = ("no visit to come stands by another time zone any more",)
    return Preview(lines or none, sum(each.mails for each in found))
