"""Put a timeline together: each kind of event read by itself, and merged into one order."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection

from sync.operations.lookup import UnknownError, aggregate_of
from sync.operations.timeline import events, words
from sync.operations.timeline.events import Beside, Told
from sync.operations.timeline.model import SORTS, Event, Timeline
from sync.runtime import Sync
from sync.store.history import streams, subject
from sync.store.history.streams import Point, Row, rank
from sync.store.history.subject import Subject
from sync.store.listing.pages import kinds_of
from sync.store.tables import baselines, blockers

MOST: Final = 50
_POINT: Final = re.compile(r"([0-9TZ:.+-]{10,40})~([0-9]{1,2})~([0-9]{1,18})")
# Of which streams each sort is. A write is the call's while that is kept, else the audit's.
_STREAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "came": ("came",),
    "read": ("read",),
    "decided": (),
    "written": ("written", "written_for", "answered"),
    "conflict": ("conflict",),
    "asked": ("opened", "closed"),
    "done": ("answered",),
}
_MADE: Final[Mapping[str, Callable[[Told, Beside], Event]]] = {
    "came": events.came,
    "read": events.read,
    "written": events.written,
    "written_for": events.written,
    "conflict": events.conflict,
    "opened": events.opened,
    "closed": events.closed,
    "answered": events.done,
}


def timeline(
    sync: Sync,
    kind: str,
    object_id: str,
    *,
    sorts: Collection[str] = (),
    after: str = "",
    most: int = MOST,
) -> Timeline:
    """What happened to one thing, newest first; KIND and ID as for `resync`.

    `sorts` are of SORTS, none asks for all; `after` is the `after` of the page before. No remote
    is asked, and nothing is changed. Raises UnknownError (a LookupError) and SQLAlchemyError.
    """
    wanted = set(sorts) or set(SORTS)
    if not wanted <= set(SORTS):
        raise UnknownError(f"The sorts are {', '.join(SORTS)}.")
    point = _point(after)
    with sync.store.read() as conn:
        of = subject.of(conn, aggregate_of(conn, kind, object_id))
        stored = list(_stored(conn, of, wanted, point, most + 1))
        stored.sort(key=_order)
        shown = stored[:most]
        beside = _beside(conn, of, [row for row in shown if isinstance(row, Row)])
        told = tuple(
            one[1] if isinstance(one, tuple) and not isinstance(one, Row) else _made(one, beside)
            for one in shown
        )
        related = sorted(kinds_of(conn, set(of.related)))
    return Timeline(
        of.kind,
        of.key,
        tuple(key for key in of.keys if key != of.key),
        tuple(one.words for one in of.objects.values()),
        tuple(f"{of.other} {key}" for key in related),
        told,
        _written(_point_of(shown[-1])) if len(stored) > most else None,
    )


_Stored = Row | tuple[Point, Event]


def _point_of(one: _Stored) -> Point:
    return one.point if isinstance(one, Row) else one[0]


def _order(one: _Stored) -> tuple[float, int, int]:
    at, its_rank, number = _point_of(one)
    return -at.timestamp(), its_rank, -number


def _made(one: Row, beside: Beside) -> Event:
    return _MADE[one.stream](one.told, beside)


def _stored(
    conn: Connection, of: Subject, wanted: set[str], after: Point | None, most: int
) -> Iterator[_Stored]:
    for stream in dict.fromkeys(
        name for sort in SORTS if sort in wanted for name in _STREAMS[sort]
    ):
        yield from streams.read(conn, of, stream, after, most, _deeds_wanted(stream, wanted))
    if "decided" in wanted:
        yield from (one for one in _decided(conn, of) if after is None or _is_after(one[0], after))


def _is_after(point: Point, after: Point) -> bool:
    return (-point.at.timestamp(), point.rank, -point.number) > (
        -after.at.timestamp(),
        after.rank,
        -after.number,
    )


def _deeds_wanted(stream: str, wanted: set[str]) -> streams.Deeds:
    """Which deeds are told by themselves: an answer is told with its question, where that is."""
    return streams.Deeds(
        writes="written" in wanted,
        others="done" in wanted,
        but=events.ANSWERS if stream == "answered" and "asked" in wanted else (),
    )


def _decided(conn: Connection, of: Subject) -> Iterator[tuple[Point, Event]]:
    """What is decided and stands: few rows, so no stream of their own."""
    for number, one in enumerate(blockers.of_aggregate(conn, of.key)):
        about = of.objects[one.object].words if one.object in of.objects else ""
        yield (
            Point(one.since, rank("parked"), number),
            events.parked(one.since, one.kind, one.ref, about),
        )
    for known in of.objects.values():
        yield (
            Point(known.created_at, rank("linked"), known.id),
            events.linked(
                known.created_at, known.words, made_by_us=known.made_by_us, state=known.state
            ),
        )


def _beside(conn: Connection, of: Subject, shown: list[Row]) -> Beside:
    """What the shown events are told with: four statements, however many there are."""
    by_stream: dict[str, list[Told]] = {}
    for row in shown:
        by_stream.setdefault(row.stream, []).append(row.told)
    calls = [
        str(row["id"]) for name in ("written", "written_for") for row in by_stream.get(name, ())
    ]
    lost = [number for row in by_stream.get("answered", ()) if (number := events.call_of(row))]
    made = streams.deeds_naming(conn, "call", [*calls, *lost])
    items = [row["id"] for row in by_stream.get("closed", ())]
    answered = events.answers(streams.deeds_naming(conn, "item", items))
    older = {
        int(row["a"]): row["by"]
        for row in streams.decisions_on(conn, [one for one in items if one not in answered])
    }
    objects = [row["object"] for row in by_stream.get("came", ())]
    settled = baselines.stored_fields(conn, sorted(set(objects)))
    return Beside(
        objects={one.id: one.words for one in of.objects.values()},
        settled={
            place: (one.key_id, one.digest)
            for place, one in settled.items()
            if one.key_id is not None and one.digest is not None
        },
        by_call={
            row["names"]: words.who(row["kind"], row["actor"], row["door"])
            for row in made
            if row["action"] == "write"
        },
        ends={row["names"]: row["outcome"] for row in made if row["action"] == "write_failed"},
        by_item={**older, **answered},
    )


def _written(point: Point) -> str:
    told = point.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return f"{told}~{point.rank}~{point.number}"


def _point(word: str) -> Point | None:
    """The point that a word means; None for none. Raises UnknownError."""
    if not word:
        return None
    found = _POINT.fullmatch(word)
    try:
        at = datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        at = None
    if found is None or at is None or at.tzinfo is None:
        raise UnknownError("There is no such page.")
    return Point(at.astimezone(UTC), int(found[2]), int(found[3]))
