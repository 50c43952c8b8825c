"""Judge a line of a file of patients: who it is by charts and contacts, and what becomes of it.

The match rules are those of everywhere. What is only likely is a question, never a second contact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sync.batches.kinds import listed_contacts
from sync.core.batch.model import Fate
from sync.core.records import Absent, Person, present
from sync.core.rules import people
from sync.people import by_index, chartless, charts, contacts, sharing
from sync.store.people import patients, persons
from sync.store.tables import links, person_index

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sync.batches.kinds.listed_contacts import Contacts
    from sync.batches.step import Step
    from sync.sheets.patients import PatientRead

# What a file may bring up to date of a contact without a chart. Names and e-mail say who it is.
UPDATED: Final = ("phone", "birth_date", "sex")
_SEXES: Final = ("male", "female")


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to become of a line, and what it rests on."""

    fate: Fate
    cause: str | None = None
    column: int | None = None
    fields: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    source_id: str | None = None
    remote_id: str | None = None
    subject: int | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """Whose chart a line is of: one person's, or somebody's of several, or nobody's."""

    person: int | None = None
    why: str | None = None  # a cause of `core.batch.causes`
    candidates: tuple[str, ...] = ()


def judged(step: Step, read: PatientRead, place: tuple[str, str], known: Contacts) -> Judged:
    """What becomes of a line that has no problem of its own."""
    sync, who = step.sync, read.person
    with sync.store.read() as conn:
        if sharing.crowd(conn, sync, present(who.email, "")) is not None:
            return Judged(Fate.PROBLEM, "email_shared")
        chart = chart_of(conn, step, read)
        if chart.why is not None:
            problem = chart.why in {"patient_unknown", "patient_excluded"}
            fate = Fate.PROBLEM if problem else Fate.QUESTION
            return Judged(fate, chart.why, candidates=chart.candidates)
        if chart.person is not None:
            patient = links.patient_row(conn, chart.person)
            theirs = contacts.of(conn, chart.person, *place)
            source_id = patient.remote_id if patient is not None else None
            if theirs is not None and theirs.known:
                return Judged(
                    Fate.ALREADY_THERE,
                    source_id=source_id,
                    remote_id=theirs.remote_id,
                    subject=chart.person,
                )
            # The chart is its contacts' record: no file brings them up to date.
            found = _among(step, who, place, known)
            fate = Fate.ALREADY_THERE if found.fate is Fate.UPDATE else found.fate
            return replace(found, fate=fate, source_id=source_id, subject=chart.person, fields=())
    return _among(step, who, place, known)


# --- charts ---------------------------------------------------------------------------------------


def chart_of(conn: Connection, step: Step, read: PatientRead) -> Chart:
    """Whose chart a line is of, by the id it names, else by the keyed index: without a call."""
    found = _by_id(conn, step, read) if read.patient else _by_words(conn, step, read.person)
    if found.person is not None and persons.get(conn, found.person).excluded:
        return Chart(why="patient_excluded")
    return found


def _by_id(conn: Connection, step: Step, read: PatientRead) -> Chart:
    row = links.find(conn, "drchrono", "patient", read.patient)
    if row is None or row.told or not row.known:
        return Chart(why="patient_unknown")
    digests, who = step.sync.digests, read.person
    named = row.aggregate in by_index.with_email_and_name(conn, digests, who)
    born = dict(people.known_by(who)).get("name_birth")
    if not named and born is not None:
        named = row.aggregate in person_index.find(conn, digests, "name_birth", born)
    if named:
        return Chart(row.aggregate)
    return Chart(why="patient_differs", candidates=(read.patient,))


def _by_words(conn: Connection, step: Step, who: Person) -> Chart:
    digests = step.sync.digests
    named = by_index.with_email_and_name(conn, digests, who)
    born = present(who.birth_date, None)
    if born is None:
        only = by_index.the_only(conn, digests, who)
        if only is not None:
            return Chart(only)
        return _unsure(conn, by_index.with_email(conn, digests, present(who.email, "")))
    sure = [
        one for one in named if by_index.is_known_as(conn, digests, one, who, "email_name_birth")
    ]
    if len(sure) == 1 and len(named) == 1:
        return Chart(sure[0])
    related = set(named) | set(by_index.with_email(conn, digests, present(who.email, "")))
    words = dict(people.known_by(who)).get("name_birth")
    if words is not None:
        related |= set(person_index.find(conn, digests, "name_birth", words))
    return _unsure(conn, sorted(related))


def _unsure(conn: Connection, related: list[int]) -> Chart:
    if not related:
        return Chart()
    ids = tuple(remote_id for _key, remote_id in patients.of_people(conn, related))
    return Chart(why="patient_unsure", candidates=ids) if ids else Chart()


# --- contacts -------------------------------------------------------------------------------------


def _among(step: Step, who: Person, place: tuple[str, str], known: Contacts) -> Judged:
    """What becomes of somebody by the contacts that OnCall has in that place."""
    same, others = (
        [one for one in (listed_contacts.placed(step, one) for one in some) if _is_in(one, place)]
        for some in known.like(who)
    )
    sure, unsure = compared(step, who, same)
    if sure is not None:
        with step.sync.store.read() as conn:
            row = links.find(conn, "oncall", "contact", sure.remote_id)
            free = chartless.is_free(conn, row)
        fields = differing(who, sure) if free else ()
        fate = Fate.UPDATE if fields else Fate.ALREADY_THERE
        return Judged(fate, fields=fields, remote_id=sure.remote_id)
    doubtful = [*unsure, *others]
    if doubtful:
        ids = tuple(dict.fromkeys(one.remote_id for one in doubtful))
        return Judged(Fate.QUESTION, "contact_unsure", candidates=ids)
    return Judged(Fate.CREATE)


def compared(step: Step, who: Person, same: list[Person]) -> tuple[Person | None, list[Person]]:
    """Of contacts with somebody's e-mail the one that surely is theirs, else those that may be.

    Who has a contact of their own by our rows is nobody else, unless all of it agrees.
    """
    if not same:
        return None, []
    agree = [one for one in same if _agrees(one, who) or _agrees(who, one)]
    if len(agree) == 1:
        one = agree[0]
        born = [present(each.birth_date, None) for each in (one, who)]
        if None not in born or len(same) == 1:
            return one, []
    if agree:
        return None, agree
    with step.sync.store.read() as conn:
        rows = [(one, links.find(conn, "oncall", "contact", one.remote_id)) for one in same]
    return None, [one for one, row in rows if row is None]


def _agrees(candidate: Person, other: Person) -> bool:
    return people.match(candidate, [other]).one is not None


def differing(who: Person, shown: Person) -> tuple[str, ...]:
    """The fields of which a line says something else than a contact. It empties nothing."""
    found = []
    for name in UPDATED:
        left, right = charts.said(who, name), charts.said(shown, name)
        if isinstance(left, Absent) or left in {"", None} or isinstance(right, Absent):
            continue
        if name == "sex" and left not in _SEXES:
            continue  # OnCall has no word for it
        if left != right:
            found.append(name)
    return tuple(found)


def _is_in(shown: Person, place: tuple[str, str]) -> bool:
    return (present(shown.provider, ""), present(shown.division, "")) == place
