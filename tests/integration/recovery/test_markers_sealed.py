"""A marker that was edited or copied claims nothing and stops nothing; it parks its own object."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from sync.core.markers import marker_text, parse_marker
from sync.core.records import Marker
from sync.digests import Digests
from sync.intake import oncall_lists
from sync.oncall.bodies import METADATA_KEY
from sync.run.evidence import sealing
from sync.run.evidence.sealing import Origin, seal
from sync.store.database import Store
from sync.store.tables import facts, links
from tests.support.clinic import Clinic, utc, wall
from tests.support.templates import on_both

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
NAME = "0123456789abcdef"
DIGESTS = Digests([b"a-digest-key-for-tests-of-32-bytes!"])
OURS = frozenset({NAME})


def metadata_of(clinic: Clinic, visit: str) -> dict[str, str]:
    return dict(clinic.visit(visit)["metadata"])


def assert_it_goes_on(clinic: Clinic, appointment: str) -> None:
    """Nothing was stopped: a change is carried, and a new booking is made."""
    clinic.forget()
    clinic.edit(appointment, scheduled_time=wall(days=6))
    clinic.settle()
    assert clinic.mails() == [("change", "app")]


@on_both
@pytest.mark.parametrize("sealed", [True, False])
def test_an_edited_marker_stops_nothing(clinic: Clinic, sealed: bool) -> None:
    """It names a visit that no database ever had; without its seal it may be an old one."""
    appointment, visit = clinic.linked()
    (text,) = metadata_of(clinic, visit).values()
    edited = re.sub(r"(?<=&a=)\d+", "4711", text)
    if not sealed:
        edited = re.sub(r"&s=[^&]*", "", edited)
    assert edited != text
    forged = clinic.invite(metadata={METADATA_KEY: edited})
    oncall_lists.read_newest(clinic.sync)
    clinic.settle()
    assert clinic.attention() == ["foreign_marker"]
    assert len(clinic.appointments()) == 1  # nothing was made for it
    assert_it_goes_on(clinic, appointment)
    clinic.change_visit(forged, metadata={METADATA_KEY: ""})  # staff take it out
    clinic.settle()
    assert clinic.attention() == []


def test_a_copied_marker_is_another_visits(clinic: Clinic) -> None:
    """Staff duplicate a visit in OnCall, its metadata with it: that is one more visit."""
    appointment, visit = clinic.linked()
    copied = clinic.invite(
        metadata=metadata_of(clinic, visit), datetime=f"{utc(days=9):%Y-%m-%dT%H:%M:%SZ}"
    )
    oncall_lists.read_newest(clinic.sync)
    clinic.settle()
    assert clinic.attention() == []
    assert len(clinic.appointments()) == 2
    assert metadata_of(clinic, copied) != metadata_of(clinic, visit)
    assert_it_goes_on(clinic, appointment)


def test_a_copied_field_in_drchrono_is_another_appointments(clinic: Clinic) -> None:
    appointment, _visit = clinic.linked()
    fields = clinic.appointment(appointment)["custom_fields"]
    assert fields
    kept = [{key: one[key] for key in ("field_type", "field_value")} for one in fields]
    clinic.book(custom_fields=kept, scheduled_time=wall(days=8))
    clinic.settle()
    assert clinic.attention() == []
    assert len(clinic.visits()) == 2
    assert_it_goes_on(clinic, appointment)


def test_an_edited_marker_changes_nothing_where_the_visit_is_linked(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    (text,) = metadata_of(clinic, visit).values()
    clinic.change_visit(visit, metadata={METADATA_KEY: text[:-4] + "0000"})
    clinic.settle()
    assert clinic.attention() == []
    assert_it_goes_on(clinic, appointment)


# --- what a marker is -----------------------------------------------------------------------------


class Rows:
    """A visit of ours: a DrChrono appointment 700 and the OnCall visit 900 that was made of it."""

    def __init__(self, conn: Connection) -> None:
        self.visit = links.new_aggregate(conn, "visit", NOW)
        links.add(conn, self.visit, "drchrono", "appointment", "700", now=NOW)
        links.add(conn, self.visit, "oncall", "appointment", "900", now=NOW)
        self.making = links.new_aggregate(conn, "visit", NOW)
        links.add(conn, self.making, "drchrono", "appointment", "701", now=NOW)
        links.add(conn, self.making, "oncall", "appointment", None, now=NOW, state="creating")


def standing(store: Store, marker: Marker, system: str, remote_id: str) -> Origin:
    with store.read() as conn:
        return sealing.judge(conn, DIGESTS, OURS, system, remote_id, marker)


def test_what_a_marker_is(store: Store) -> None:
    with store.write() as conn:
        rows = Rows(conn)
    there = Marker(NAME, rows.visit, 1, 1, "700")
    here = Marker(NAME, rows.visit, 1, 1, "900")
    made = seal(DIGESTS, there, "oncall", "appointment")
    placed = seal(DIGESTS, here, "drchrono", "appointment", "700")
    making = seal(DIGESTS, Marker(NAME, rows.making, 1, 1, "701"), "oncall", "appointment")
    lost = seal(DIGESTS, Marker(NAME, 4711, 1, 1, "7999"), "oncall", "appointment")
    renamed = seal(DIGESTS, Marker(NAME, 4711, 1, 1, "700"), "oncall", "appointment")
    other_key = Digests([b"another-digest-key-for-the-tests"])
    table = [
        (made, "oncall", "900", Origin.OURS),
        (made, "oncall", "901", Origin.COPY),  # staff duplicated it
        (made, "drchrono", "900", Origin.FOREIGN),  # carried over to the other system
        (placed, "drchrono", "700", Origin.OURS),
        (placed, "drchrono", "702", Origin.COPY),  # a clone, or the next of a series
        (making, "oncall", "901", Origin.OURS),  # its webhook came before the answer
        (lost, "oncall", "901", Origin.OURS),  # the database is behind
        (renamed, "oncall", "901", Origin.COPY),  # an old number of a visit that stands elsewhere
        (there, "oncall", "900", Origin.OLD),
        (Marker("fedcba9876543210", rows.visit, 1, 1, "700"), "oncall", "900", Origin.FOREIGN),
        (seal(other_key, there, "oncall", "appointment"), "oncall", "900", Origin.FOREIGN),
    ]
    found = [standing(store, marker, system, at) for marker, system, at, _ in table]
    assert found == [wanted for *_, wanted in table]
    for field, value in (
        ("aggregate", rows.making),
        ("generation", 2),
        ("life", 2),
        ("other", "9"),
    ):
        edited = parse_marker(marker_text(made))
        assert edited is not None
        object.__setattr__(edited, field, value)
        assert standing(store, edited, "oncall", "900") is Origin.FOREIGN


def test_a_marker_that_lost_its_seal_is_no_old_one(store: Store) -> None:
    """From the first start of a version that seals, whatever is made has sealed markers only."""
    with store.write() as conn:
        before = links.new_aggregate(conn, "visit", NOW)
        facts.put(conn, sealing.SINCE, "yes", NOW + timedelta(hours=1))
        after = links.new_aggregate(conn, "visit", NOW + timedelta(hours=2))
    assert standing(store, Marker(NAME, before, 1, 1, "700"), "oncall", "9") is Origin.OLD
    assert standing(store, Marker(NAME, after, 1, 1, "700"), "oncall", "9") is Origin.FOREIGN
