"""Record an attempt to make something: a row before its POST, and what is left of it after.

A POST whose answer was not read *has happened* until two looks apart deny it. A look counts only
when the POST can have landed by then, and what it shows tells that it can't lack what was made
(`proofs`). A list that never tells that is believed when it has been silent for `SILENCE` times as
long.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sync.core.errors import FencedOff, RemoteError, Unresolved
from sync.core.records import State
from sync.core.rules.lifecycle import terminal
from sync.core.rules.merge import Seen
from sync.core.rules.people import NAMES
from sync.drchrono import translate as drchrono
from sync.oncall import translate as oncall
from sync.run.changes import compare
from sync.run.evidence import accounts
from sync.run.evidence.proofs import Evidence
from sync.run.outcomes import LaterError, ParkedError
from sync.store import calls, objects
from sync.store.tables import baselines, links
from sync.store.tables.baselines import StoredFields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from sync.core.records import Visit
    from sync.core.wording import Json
    from sync.digests import Digests
    from sync.runtime import Sync
    from sync.store.tables.links import Obj

LOOKS = 2
# Times "apart" that a list must have been silent for to deny by that. Ten minutes as it ships:
# far beyond the "some seconds" by which DrChrono's lists are behind (docs/api-facts.md, D4).
SILENCE = 10
# Times "apart" after which a person is asked where lists surely lack what is there.
HOPELESS = 60


def begin(
    conn: Connection,
    key: int,
    system: str,
    kind: str,
    create_key: str,
    *,
    now: datetime,
    **values: Any,
) -> Obj:
    """Write down what is about to be made, in the transaction of what else is said of it.

    Raises sqlalchemy's IntegrityError when something living has the create key already.
    """
    return links.add(
        conn, key, system, kind, None, now=now, state="creating", create_key=create_key, **values
    )


def sent(digests: Digests, wires: Mapping[int, Mapping[str, Json]]) -> dict[tuple[int, str], str]:
    """The pending digests of a create: what it sends under each row, and what it is made from.

    Should its answer be lost, these tell what it made, and who edited that or its source since.
    """
    return {
        (row, name): digest
        for row, wire in wires.items()
        for name, digest in digests.fields(row, dict(wire)).items()
    }


def is_as_sent(digests: Digests, row: Obj, wire: Mapping[str, Json], stored: StoredFields) -> bool:
    """Whether a contact or participant, as far as it is shown, says whom a create of ours named.

    The chart may say otherwise by now. `stored` are the row's pending digests and baselines; names
    and e-mail decide, as OnCall may store a phone in its own form.
    """
    told = {name: wire[name] for name in NAMES if name in wire}
    seen = compare(digests, row.id, told, stored)
    return bool(seen) and all(how in {Seen.OURS, Seen.SAME} for how in seen.values())


@contextmanager
def attempt(sync: Sync, rows: Iterable[int], forget: Callable[[], None]) -> Iterator[None]:
    """Make the call in this block; what it raises is raised on.

    An unknown outcome leaves the rows to be found. Any other failure made nothing, and `forget`
    takes them away. Who was fenced off touches nothing: another run has them.
    """
    try:
        yield
    except Unresolved:
        with sync.store.write() as conn:
            for row in rows:
                links.change(conn, row, state="ambiguous")
        raise
    except FencedOff:
        raise
    except (RemoteError, ParkedError, LaterError):
        forget()
        raise


def last_sent(conn: Connection, row: Obj, *also: str) -> datetime | None:
    """When the newest POST for a row went out that may have made something; None when none did.

    `also` names further states of calls that are to be counted.
    """
    return calls.last_post(conn, row.id, *also)


def was_answered(conn: Connection, row: Obj) -> bool:
    """Whether each POST for a row that may have made something was answered, if by no API's word.

    Such a request has ended: what it made is there, and lands no later.
    """
    return not calls.lacks_an_answer(conn, row.id)


def counts_from(sync: Sync, row: Obj, sent: datetime) -> datetime:
    """From when a look at a row counts: the POST has landed or never will, and looks are apart."""
    if row.looked_at is not None:
        return row.looked_at + timedelta(seconds=sync.settings.apart_seconds)
    return sent + timedelta(seconds=sync.settings.late_seconds)


def is_denied(sync: Sync, row: Obj, sent: datetime, evidence: Evidence) -> bool:
    """Whether one more look that does not find it, with this evidence, is the last needed."""
    if row.looks + 1 < LOOKS or evidence is Evidence.LAGS:
        return False
    denied = evidence is Evidence.SHOWS or sync.clock() >= _silent_until(sync, sent)
    if denied:
        # The lists of another practice lack everything of ours.
        accounts.require(sync, row.system, sent)
    return denied


def note_look(
    conn: Connection, sync: Sync, row: Obj, sent: datetime, evidence: Evidence, at: datetime
) -> datetime:
    """Write down a look (made at `at`) that did not find it; returns when the next is due.

    Silent lists are looked at in growing distances, and once more when they may be believed.
    """
    counts = evidence is not Evidence.LAGS
    looks = row.looks + 1 if counts else row.looks
    links.change(conn, row.id, state="ambiguous", looks=looks, looked_at=at)
    apart, now = sync.settings.apart, sync.clock()
    if row.looks == 0 or evidence is Evidence.SHOWS:
        return now + apart
    due = max(now + apart, sent + 2 * (now - sent))
    end = _silent_until(sync, sent)
    return min(due, end) if now < end and counts else due


def is_hopeless(sync: Sync, sent: datetime) -> bool:
    """Whether looks have gone on for so long that a person is asked."""
    return sync.clock() >= sent + HOPELESS * sync.settings.apart


def _silent_until(sync: Sync, sent: datetime) -> datetime:
    return sent + timedelta(seconds=sync.settings.late_seconds) + SILENCE * sync.settings.apart


def known(conn: Connection, row: Obj) -> None:
    """Note that the outcome of a row's calls was found out by looking."""
    calls.were_looked_for(conn, row.id)


def forget(conn: Connection, object_id: int) -> None:
    """Drop the row of a create that made nothing: refused, never sent, or denied by looks."""
    calls.were_looked_for(conn, object_id)
    objects.forget_create(conn, object_id)


# In a baseline: no remote ever says this, so whatever it does say counts as somebody's edit.
EDITED = "edited since"


def as_sent(
    conn: Connection, sync: Sync, row: Obj, json: dict[str, Json], seen: Visit
) -> dict[str, Json]:
    """What the baselines of a found create are made of; empty when nothing was written down of it.

    `json` is what stands there now. A field that differs from what our POST sent was edited since,
    and so was a visit that is over: we make none that is. What it was made from is settled as it
    was then.
    """
    sent = calls.sent(conn, row.id)
    if not sent:
        return {}
    for one in calls.sent_by(conn, {one.call for one in sent}):
        if one.object != row.id:
            baselines.settle(conn, one.object, {one.field: one.digest}, one.key_id)
    told = [(one.field, one.key_id, one.digest) for one in sent]
    return _since(sync, row, json, seen, told)


def as_made(
    conn: Connection, sync: Sync, row: Obj, json: dict[str, Json], seen: Visit
) -> dict[str, Json]:
    """The same of one that stands under another row, by whose id it is known now.

    Where its create was answered meanwhile, what it made is settled under the row of the create.
    """
    settled = baselines.settled_fields(conn, row.id)
    if not settled:
        return as_sent(conn, sync, row, json, seen)
    told = [(field, key_id, digest) for field, (key_id, digest) in settled.items()]
    return _since(sync, row, json, seen, told)


def _since(
    sync: Sync,
    row: Obj,
    json: dict[str, Json],
    seen: Visit,
    told: Iterable[tuple[str, str, str]],
) -> dict[str, Json]:
    """What stands there, with each field marked that differs from what was told of it then."""
    wire_of = drchrono.wire if row.system == "drchrono" else oncall.wire
    wire = wire_of("appointment", json)
    # No body of ours names it; the answers of some accounts do (D39).
    bare = {key: value for key, value in json.items() if key != "is_telehealth"}
    like_sent = wire_of("appointment", bare)
    then: dict[str, list[tuple[str, str]]] = {}
    for name, key_id, digest in told:
        then.setdefault(name, []).append((key_id, digest))
    for name in then.keys() & wire.keys():
        same = {
            sync.digests.same(row.id, name, form[name], key_id, digest)
            for key_id, digest in then[name]
            for form in (wire, like_sent)
        }
        if True in same:
            continue
        if None in same:
            del wire[name]  # nobody can tell whether it was edited since: it has no baseline
        else:
            wire[name] = EDITED
    if isinstance(seen.state, State) and terminal(seen.state):
        wire["state"] = EDITED
    return wire
