"""The night's comparison costs next to nothing, and keeps what it found, or why it can't tell."""

from typing import Any

import pytest

from sync.operations.diff import keeping, nightly
from sync.operations.diff.model import Found, Report, What
from sync.store.compared import found
from sync.store.compared.found import Difference, Ended
from sync.store.schema import comparison, difference, probe
from sync.store.service import ticks
from tests.support.clinic import Clinic, wall
from tests.support.templates import on_both

SCANS = ("drchrono_window", "oncall_walk", "oncall_contacts")


def last(clinic: Clinic) -> Ended:
    with clinic.sync.store.read() as conn:
        told = found.last(conn)
    assert told is not None
    return told


def rows(clinic: Clinic, cause: str = "") -> list[Difference]:
    with clinic.sync.store.read() as conn:
        return found.page(conn, cause, 0, 100)


def night(clinic: Clinic, *, scans: bool = True) -> Ended:
    for name in SCANS if scans else ():
        clinic.beat(name)
    clinic.forget()
    clinic.beat("diff")
    return last(clinic)


def differing(clinic: Clinic) -> tuple[str, str]:
    made = clinic.linked()
    deaf(clinic)
    clinic.edit(made[0], scheduled_time=wall(days=5))
    return made


def deaf(clinic: Clinic, mode: str = "drop") -> None:
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, webhooks={"mode": mode})


def test_a_night_s_comparison_reads_charts_alone(clinic: Clinic) -> None:
    clinic.linked()
    told = night(clinic)
    assert (told.status, told.visits, told.people) == (0, 1, 2)
    assert clinic.calls("oncall") == []
    lists = [call for call in clinic.calls("drchrono") if "GET /api/patients_list" not in call]
    assert lists in (["POST /api/patients_list"], ["GET /api/patients"])
    assert clinic.sync.lists == {}


def test_without_what_the_scans_have_read_it_reads_the_lists_itself(clinic: Clinic) -> None:
    clinic.linked()
    clinic.sync.lists.clear()
    assert night(clinic, scans=False).status == 0
    assert clinic.calls("oncall") == ["GET /appointments/", "GET /contacts/"]


def test_charts_that_would_cost_many_calls_are_left_out(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "CHART_PAGES", 0)
    clinic.sandbox.behaviours("drchrono", bulk_lists=False)
    clinic.linked()
    clinic.beat("drchrono_patients")  # learns that there are no bulk lists
    told = night(clinic)
    assert (told.status, told.people, told.left_out) == (0, 0, "patients contacts")
    assert [call for call in clinic.calls("drchrono") if "patients" in call] == []


@on_both
def test_what_was_found_is_kept_until_it_is_the_same(clinic: Clinic) -> None:
    appointment, visit = differing(clinic)
    told = night(clinic, scans=False)
    assert (told.status, told.different, told.unlinked) == (1, 1, 0)
    (row,) = rows(clinic)
    assert (row.cause, row.drchrono, row.oncall) == ("fields_differ", appointment, visit)
    assert (row.fields, row.standing, row.why) == ("starts", "different", "not_seen_yet")
    clinic.advance(3600)
    night(clinic, scans=False)
    assert rows(clinic) == [row]  # since when, and all
    deaf(clinic, "deliver")
    clinic.catch_up()
    assert night(clinic).status == 0
    assert rows(clinic) == []
    with clinic.sync.store.read() as conn:
        assert len(conn.execute(comparison.select()).all()) == 3


def test_what_could_not_be_told_hides_nothing_that_was_known(clinic: Clinic) -> None:
    differing(clinic)
    night(clinic, scans=False)
    broken = {"match": {"path": "^/appointments/$"}, "times": None, "do": "status", "status": 500}
    clinic.wire.answers = False
    clinic.sandbox.faults("oncall", broken, webhooks={"mode": "drop"})
    told = night(clinic, scans=False)
    assert told.status == 2
    assert told.trouble.startswith("OnCall visits: ")
    assert len(rows(clinic)) == 1
    with clinic.sync.store.read() as conn:
        before = found.last(conn, told=True)
        due = ticks.due(conn)
    assert before is not None
    assert before.status == 1
    assert due.get("diff", clinic.now()) <= clinic.now() + nightly.AGAIN


def test_whoever_asks_has_every_list_read_once(clinic: Clinic) -> None:
    clinic.linked()
    for name in SCANS:
        clinic.beat(name)
    nightly.ask(clinic.sync)
    night(clinic, scans=False)
    assert clinic.calls("oncall") == ["GET /appointments/", "GET /contacts/"]
    with clinic.sync.store.read() as conn:
        assert not nightly.is_asked(conn)


def test_before_the_first_matching_there_is_nothing_to_compare(clinic: Clinic) -> None:
    with clinic.sync.store.write() as conn:
        conn.execute(probe.delete().where(probe.c.name.like("matched:%")))
    clinic.beat("diff")
    with clinic.sync.store.read() as conn:
        assert found.last(conn) is None


@on_both
def test_no_more_is_kept_than_so_many_and_pages_go_by_key(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "MOST", 30)
    now = clinic.now()
    many: Any = tuple(
        Found(What.VISIT, "missing_in_oncall", str(number), aggregate=0) for number in range(40)
    )
    keeping.kept(clinic.sync, Report(now, now, many))
    assert last(clinic).different == 40
    with clinic.sync.store.read() as conn:
        assert found.by_cause(conn) == {"missing_in_oncall": 30}
        first = found.page(conn, "missing_in_oncall", 0, 20)
        rest = found.page(conn, "missing_in_oncall", first[-1].id, 20)
    assert [row.drchrono for row in (*first, *rest)] == [str(number) for number in range(30)]
    with clinic.sync.store.write() as conn:
        found.drop_old(conn, clinic.now())
        assert conn.execute(comparison.select()).all() == []
        assert len(conn.execute(difference.select()).all()) == 30
