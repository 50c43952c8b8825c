"""Make events of what is stored. Pure functions: rows in, sentences out.

What was compared in a run is not kept. What is: the digests that a delivery carried, what each
field is settled at now, and what stood in a field before we wrote it. So an event says what its own
row shows, and names what it was compared with.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sync.core.causes import table, waits
from sync.operations.timeline import words
from sync.operations.timeline.model import Compared, Event

BEFORE: Final = "the telling before"
NOW: Final = "what is settled now"
SETTLED: Final = "what was settled"
# Deeds that are told with the question that they answered.
ANSWERS: Final = ("retry", "drop", "resolve")
Told = Mapping[str, Any]
Digests = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Beside:
    """What events are told with: names of objects, settled digests, who did and answered what.

    `settled` is by object and field: key id and digest. `by_call` and `ends` are by a call's
    number: who made it, and how a write ended whose call is not kept. `by_item`: who answered.
    """

    objects: Mapping[int, str] = field(default_factory=dict)
    settled: Mapping[tuple[int, str], tuple[str, str]] = field(default_factory=dict)
    by_call: Mapping[str, str] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)
    by_item: Mapping[int, str] = field(default_factory=dict)


def came(row: Told, beside: Beside) -> Event:
    """A delivery: what it told, and whether that was new."""
    said = words.told(row["event"], row["source"], row["outcome"])
    return Event(
        row["at"],
        "came",
        said.sentence,
        about=beside.objects.get(row["object"], ""),
        compared=tuple(_compared(row, beside)),
        rule=said.rule,
        outcome=row["outcome"],
        record="deliveries",
        number=row["id"],
    )


def _compared(row: Told, beside: Beside) -> Iterator[Compared]:
    """Each field that a delivery carried; one whose digest was made with another key is left out.

    What the door found unchanged was equal to what was settled then.
    """
    told: Digests = row["digests"] or {}
    if row["outcome"] == "unchanged":
        yield from (Compared(name, equal=True, to=SETTLED) for name in sorted(told))
        return
    if row["digests_before"] and row["key_id_before"] == row["key_id"]:
        before: Digests = row["digests_before"]
        both = sorted(told.keys() & before.keys())
        yield from (Compared(name, equal=told[name] == before[name], to=BEFORE) for name in both)
    for name in sorted(told):
        key, digest = beside.settled.get((row["object"], name), ("", ""))
        if key == row["key_id"]:
            yield Compared(name, equal=told[name] == digest, to=NOW)


def read(row: Told, beside: Beside) -> Event:
    """A read. What it was compared with is not kept, nor what came of that."""
    return Event(
        row["at"],
        "read",
        words.read(row["system"], row["endpoint"], row["state"], row["status"]),
        about=beside.objects.get(row["object"] or 0, ""),
        rule="R6",
        outcome=row["state"],
        record="calls",
        number=row["id"],
    )


def written(row: Told, beside: Beside) -> Event:
    """A write, while its call is kept: how it ended, and whether an edit stood in its way."""
    said = words.written(row["system"], row["effect"], row["state"])
    names = tuple(one for one in row["fields"].split(",") if one)
    return Event(
        row["at"],
        "written",
        said.sentence,
        about=beside.objects.get(row["object"] or 0, "") or f"{row['system']} {row['endpoint']}",
        fields=names,
        compared=tuple(_stood(row["before"] or {})),
        rule=said.rule,
        outcome=f"{row['state']} {row['status'] or ''}".strip(),
        by=beside.by_call.get(str(row["id"]), ""),
        record="calls",
        number=row["id"],
    )


def _stood(before: Mapping[str, list[list[str]]]) -> Iterator[Compared]:
    """Whether what was read before a write was what had been settled, where both were known."""
    for name in sorted(before):
        keys = {key for key, _digest in before[name]}
        if len(before[name]) > 1 and len(keys) == 1:
            yield Compared(name, equal=False, to=SETTLED)


def conflict(row: Told, beside: Beside) -> Event:
    """An edit that our write went over."""
    said = words.conflict(row["field"], row["how"])
    return Event(
        row["at"],
        "conflict",
        said.sentence,
        about=beside.objects.get(row["object"], ""),
        fields=(row["field"],),
        rule=said.rule,
        outcome=row["how"],
        record="conflicts",
        number=row["id"],
    )


def opened(row: Told, beside: Beside) -> Event:
    """A question to a person."""
    return _question(row, row["opened_at"], beside, "Asked", "opened")


def closed(row: Told, beside: Beside) -> Event:
    """The end of a question: somebody has answered it, or its cause is gone."""
    by = beside.by_item.get(row["id"], "")
    ended = "Answered" if by else "Over by itself"
    return _question(row, row["closed_at"], beside, ended, "closed", by)


def _question(
    row: Told, at: datetime, beside: Beside, what: str, outcome: str, by: str = ""
) -> Event:
    said = table.say(row["cause"], _listed(row["candidates"]))
    return Event(
        at,
        "asked",
        f"{what}: {said.sentence}",
        about=beside.objects.get(row["object"], ""),
        outcome=outcome,
        by=by,
        number=row["id"],
    )


def _listed(candidates: Any) -> tuple[str, ...]:
    if candidates is None:
        return ()
    listed = candidates if isinstance(candidates, list) else [candidates]
    return tuple(str(one) for one in listed)


def done(row: Told, beside: Beside) -> Event:
    """What somebody did; of a write, what the audit keeps of it when its call is gone."""
    by = words.who(row["kind"], row["actor"], row["door"])
    names = tuple(one for one in row["fields"].split(",") if one)
    if row["action"] != "write":
        sentence, sort, rule, outcome = words.deed(row["action"], row["outcome"]), "done", "", ""
    else:
        system, _, number = _parts(row["subjects"])
        said = words.written(system, row["outcome"], "")
        ended = beside.ends.get(number, "")
        sentence = f"{said.sentence.removesuffix('.')}: {ended}." if ended else said.sentence
        sort, rule, outcome = "written", said.rule, ended or "done"
    return Event(
        row["at"],
        sort,
        sentence,
        about=row["subjects"],
        fields=names,
        rule=rule,
        outcome=outcome or row["outcome"],
        by=by,
        record="audit",
        number=row["seq"],
    )


def _parts(subjects: str) -> tuple[str, str, str]:
    """Of a write's subjects: the system, what it was to, and the call's number."""
    named = dict(one.split(":", 1) for one in subjects.split() if ":" in one)
    to = next((one for one in named if "-" in one), "")
    return to.partition("-")[0], to, named.get("call", "")


def call_of(row: Told) -> str:
    """The number of the call that a deed's write was; "" for none."""
    return _parts(row["subjects"])[2] if row["action"] == "write" else ""


def answers(rows: Iterable[Told]) -> dict[int, str]:
    """Who answered which question, by the deeds that name them."""
    return {
        int(row["names"]): words.who(row["kind"], row["actor"], row["door"])
        for row in rows
        if row["action"] in ANSWERS
    }


def parked(since: datetime, kind: str, ref: str, about: str) -> Event:
    """What it waits for now."""
    return Event(since, "decided", waits.sentence(kind, ref), about=about, outcome="waits")


def linked(at: datetime, about: str, *, made_by_us: bool, state: str) -> Event:
    """An object that has come to belong here."""
    sentence = "Made by this service." if made_by_us else "Known to belong here."
    return Event(at, "decided", sentence, about=about, rule="R14" if made_by_us else "R25",
                 outcome=state)  # fmt: skip
