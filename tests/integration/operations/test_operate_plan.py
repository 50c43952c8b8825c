"""Show the dry run and what is stored, without a value of any field."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from sync.assemble import build
from sync.config import Mode
from sync.core.causes.table import say
from sync.operations import attention
from sync.operations.attention import BusyError, UnknownError
from sync.operations.report import Explanation
from sync.runtime import Sync
from sync.store import attention as items
from sync.store.schema import object_
from sync.store.schema import work as work_table
from sync.store.tables import claims, links
from sync.tasks import worker
from tests.support.clinic import Clinic, utc, wall

# What the clinic's one patient is called, and what she has.
PERSONAL = ("Vera", "Lindqvist", "vera@", "1984", "555", "moved@", "Wera", "called back")


def deaf(clinic: Clinic) -> None:
    """No webhook comes any more."""
    for remote in ("drchrono", "oncall"):
        clinic.sandbox.faults(remote, webhooks={"mode": "drop"})
    clinic.forget()


def linked(clinic: Clinic) -> tuple[str, str]:
    """A visit that stands on both sides."""
    appointment = clinic.book()
    clinic.pump()
    (made,) = clinic.visits()
    return appointment, made["id"]


def nothing_personal(explanation: Explanation) -> None:
    text = json.dumps(explanation.as_dict()) + "\n".join(explanation.lines())
    assert [word for word in PERSONAL if word in text] == []


def effects(explanation: Explanation) -> list[tuple[Any, ...]]:
    return [
        (one["system"], one["action"], one["target"], one["fields"], one["mails"])
        for one in explanation.as_dict()["effects"]
    ]


@pytest.fixture
def shadow(clinic: Clinic) -> Iterator[Sync]:
    """The same installation in shadow mode."""
    settings = clinic.settings.model_copy(update={"sync_mode": Mode.SHADOW})
    made = build(settings, owner="shadow", clock=clinic.now)
    yield made
    made.close()


def waiting(clinic: Clinic) -> list[tuple[Any, ...]]:
    with clinic.sync.store.read() as conn:
        rows = conn.execute(
            select(
                work_table.c.aggregate,
                work_table.c.wanted,
                work_table.c.done,
                work_table.c.hint_drchrono,
                work_table.c.hint_oncall,
                work_table.c.lease_by,
            ).order_by(work_table.c.aggregate)
        )
        return [tuple(row) for row in rows]


# --- visits ---------------------------------------------------------------------------------------


def test_a_dry_run_says_what_a_run_then_does(clinic: Clinic) -> None:
    appointment, visit_id = linked(clinic)
    deaf(clinic)
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17), duration=45)
    before = waiting(clinic)
    found = attention.plan(clinic.sync, "appointment", appointment)
    assert effects(found) == [("oncall", "update", "appointment", ["starts", "minutes"], 1)]
    assert "  update oncall appointment: starts, minutes (1 mail)" in found.lines()
    told = found.as_dict()
    assert (told["kind"], told["mode"], told["writes_now"], told["mails"]) == (
        "visit", "live", True, 1,
    )  # fmt: skip
    assert told["conflicts"] == told["asks"] == []
    assert clinic.calls("drchrono") == ["GET /api/appointments/ID"]
    assert clinic.calls("oncall") == ["GET /appointments/ID/"]
    assert waiting(clinic) == before
    nothing_personal(found)
    clinic.forget()
    attention.resync(clinic.sync, "oncall-appointment", visit_id)
    clinic.pump()
    assert clinic.calls("oncall") == ["GET /appointments/ID/", "PATCH /appointments/ID/"]
    assert clinic.mails() == [("change", "app")]
    assert effects(attention.plan(clinic.sync, "appointment", appointment)) == []


def test_a_dry_run_keeps_what_was_wanted(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    attention.resync(clinic.sync, "appointment", appointment)
    before = waiting(clinic)
    attention.plan(clinic.sync, "appointment", appointment)
    assert waiting(clinic) == before
    assert clinic.pump() == 1


def test_what_both_changed_is_a_conflict(clinic: Clinic) -> None:
    appointment, visit_id = linked(clinic)
    deaf(clinic)
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.change_visit(visit_id, datetime=f"{utc(days=3, hour=19):%Y-%m-%dT%H:%M:%SZ}")
    found = attention.plan(clinic.sync, "appointment", appointment)
    assert found.as_dict()["conflicts"] == [{"system": "oncall", "field": "starts"}]
    assert "  starts: the edit in oncall is overwritten" in found.lines()


def test_a_cancellation_is_mailed_once_and_back_to_drchrono_never(clinic: Clinic) -> None:
    appointment, visit_id = linked(clinic)
    deaf(clinic)
    clinic.edit(appointment, status="Cancelled")
    found = attention.plan(clinic.sync, "appointment", appointment)
    assert effects(found) == [("oncall", "cancel", "appointment", ["state"], 1)]
    clinic.edit(appointment, status="")
    clinic.change_visit(visit_id, by="patient", cancelled=True)
    found = attention.plan(clinic.sync, "appointment", appointment)
    assert effects(found) == [("drchrono", "cancel", "appointment", ["state"], 0)]


def test_a_visit_to_be_made(clinic: Clinic) -> None:
    deaf(clinic)
    appointment = clinic.book()
    with pytest.raises(UnknownError, match=f"No appointment {appointment} was ever heard of here"):
        attention.plan(clinic.sync, "appointment", appointment)
    attention.resync(clinic.sync, "appointment", appointment)
    found = attention.plan(clinic.sync, "appointment", appointment)
    assert effects(found) == [("oncall", "create", "appointment", [], 1)]
    assert clinic.visits() == []
    clinic.pump()
    assert clinic.mails() == [("invitation", "app")]


def test_a_marker_that_is_missing_is_mailed_to_nobody(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    with clinic.sync.store.write() as conn:
        conn.execute(update(object_).where(object_.c.system == "oncall").values(has_marker=False))
    found = attention.plan(clinic.sync, "appointment", appointment)
    assert effects(found) == [("oncall", "marker", "appointment", [], 0)]


def test_another_patient_is_a_cancellation_and_a_new_visit(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    other = clinic.new_patient(first_name="Nora", last_name="Quist", email="nora@mail.example")
    clinic.pump()
    deaf(clinic)
    clinic.edit(appointment, patient=other)
    found = attention.plan(clinic.sync, "appointment", appointment)
    assert effects(found) == [
        ("oncall", "cancel", "appointment", ["state"], 1),
        ("oncall", "create", "appointment", [], 1),
    ]
    assert found.as_dict()["mails"] == 2


def test_a_dry_run_in_shadow_mode_says_that_nothing_is_written(
    clinic: Clinic, shadow: Sync
) -> None:
    appointment, _ = linked(clinic)
    deaf(clinic)
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    found = attention.plan(shadow, "appointment", appointment)
    assert effects(found) == [("oncall", "update", "appointment", ["starts"], 1)]
    assert found.as_dict()["mode"] == "shadow"
    assert found.as_dict()["writes_now"] is False
    assert clinic.mails() == []


def test_while_a_worker_is_at_it_there_is_no_dry_run(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    clinic.forget()
    with clinic.sync.store.write() as conn:
        obj = links.find(conn, "drchrono", "appointment", appointment)
        assert obj is not None
        lease = claims.try_lock(conn, obj.aggregate, owner="w", now=clinic.now(), seconds=45)
    assert lease is not None
    with pytest.raises(BusyError) as told:
        attention.plan(clinic.sync, "appointment", appointment)
    assert abs(told.value.until - lease.until) < timedelta(seconds=1)
    assert clinic.calls("drchrono") == []
    with clinic.sync.store.write() as conn:
        claims.give_back(conn, lease)
    assert effects(attention.plan(clinic.sync, "appointment", appointment)) == []


def test_a_dry_run_that_meets_trouble_gives_the_lease_back(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    clinic.sandbox.faults("drchrono", {"do": "status", "status": 500, "times": 1})
    before = waiting(clinic)
    with pytest.raises(Exception, match="server_error"):
        attention.plan(clinic.sync, "appointment", appointment)
    assert waiting(clinic) == before


def test_what_is_gone_is_told(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    deaf(clinic)
    answer = clinic.sandbox.staff_drchrono("DELETE", f"/api/appointments/{appointment}")
    assert answer.status_code == 204
    found = attention.plan(clinic.sync, "appointment", appointment)
    # It was there a moment ago: the read may be behind.
    assert (effects(found), found.summary.values["skipped"]) == ([], "too_soon")
    clinic.advance(60)
    found = attention.plan(clinic.sync, "appointment", appointment)
    assert effects(found) == [("oncall", "cancel", "appointment", ["state"], 1)]


# --- persons --------------------------------------------------------------------------------------


def test_a_person_by_field_names_only(clinic: Clinic) -> None:
    linked(clinic)
    deaf(clinic)
    clinic.edit_patient(clinic.patient, email="moved@mail.example", first_name="Wera")
    found = attention.plan(clinic.sync, "patient", str(clinic.patient))
    assert effects(found) == [
        ("oncall", "update", "contact", ["first_name", "email"], 0),
        ("oncall", "update", "participant", ["first_name", "email"], 1),
    ]
    assert found.as_dict()["kind"] == "person"
    assert found.as_dict()["mails"] == 1
    assert found.as_dict()["conflicts"] == []
    nothing_personal(found)
    clinic.forget()
    attention.resync(clinic.sync, "patient", str(clinic.patient))
    clinic.pump()
    assert [one for one in clinic.calls("oncall") if not one.startswith("GET")] == [
        "PATCH /contacts/ID/",
        "PATCH /participants/ID/",
    ]
    assert effects(attention.plan(clinic.sync, "patient", str(clinic.patient))) == []


def test_an_edit_of_the_contact_stays_and_is_told(clinic: Clinic) -> None:
    linked(clinic)
    deaf(clinic)
    (contact,) = clinic.of("oncall", "contacts")
    path = f"/contacts/{contact['id']}/"
    assert clinic.sandbox.staff_oncall("PATCH", path, {"phone": "2125550199"}).ok
    found = attention.plan(clinic.sync, "contact", contact["id"])
    assert effects(found) == []
    assert found.as_dict()["conflicts"] == [
        {"system": "oncall", "target": "contact", "id": contact["id"], "field": "phone"}
    ]
    nothing_personal(found)


def test_a_contact_that_is_missing_is_looked_for_or_made(clinic: Clinic) -> None:
    linked(clinic)
    with clinic.sync.store.write() as conn:
        conn.execute(update(object_).where(object_.c.kind == "contact").values(state="gone"))
    found = attention.plan(clinic.sync, "patient", str(clinic.patient))
    assert effects(found) == [("oncall", "create", "contact", [], 0)]
    assert "  find or create oncall contact (0 mails)" in found.lines()


def test_a_person_without_an_email_needs_a_person(clinic: Clinic) -> None:
    linked(clinic)
    deaf(clinic)
    clinic.edit_patient(clinic.patient, email="")
    found = attention.plan(clinic.sync, "patient", str(clinic.patient))
    assert effects(found) == []
    (asked,) = found.as_dict()["asks"]
    assert asked["cause"] == "patient_without_email"
    assert asked["sentence"] == say("patient_without_email").sentence


# --- explain --------------------------------------------------------------------------------------


def test_explain_tells_what_is_stored_and_asks_nobody(clinic: Clinic) -> None:
    appointment, visit_id = linked(clinic)
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17), notes="called back")
    clinic.pump()
    clinic.forget()
    found = attention.explain(clinic.sync, "appointment", appointment)
    assert (clinic.calls("drchrono"), clinic.calls("oncall")) == ([], [])
    told = found.as_dict()
    assert (told["kind"], told["generation"], told["state"]) == ("visit", 1, "open")
    objects = [
        (o["system"], o["kind"], o["id"], o["state"], o["has_marker"]) for o in told["objects"]
    ]
    assert objects[0] == ("drchrono", "appointment", appointment, "live", True)
    assert ("oncall", "appointment", visit_id, "live", True) in objects
    (attended,) = told["attendances"]
    assert attended["appointment"] == f"drchrono appointment {appointment}"
    assert attended["participant"].startswith("oncall participant ")
    (item,) = told["work"]
    assert (item["waiting"], item["attempts"], item["held_by"]) == (False, 0, None)
    assert told["waits_for"] == told["attention"] == told["unexplained_deliveries"] == []
    writes = [call for call in told["last_calls"] if call["effect"]]
    assert [(w["method"], w["endpoint"], w["status"], w["fields"]) for w in writes] == [
        ("PATCH", "appointment", 200, ["starts"]),
        ("PATCH", "appointment", 204, ["marker"]),
        (
            "POST",
            "appointments",
            201,
            ["starts", "minutes", "type", "provider", "participants"],
        ),
    ]
    assert len(told["last_calls"]) <= 10
    assert found.lines()[0].startswith(f"visit {told['aggregate']}: generation 1, state open")
    nothing_personal(found)


def test_explain_tells_what_it_waits_for_and_what_came_meanwhile(clinic: Clinic) -> None:
    clinic.edit_patient(clinic.patient, email="")
    appointment = clinic.book()
    clinic.pump()
    (told,) = [attention.explain(clinic.sync, "appointment", appointment).as_dict()]
    (blocker,) = told["waits_for"]
    assert (blocker["kind"], blocker["ref"]) == ("patient", str(clinic.patient))
    (asked,) = told["attention"]
    assert [asked["item"]] == [one.id for one in attention.attention_list(clinic.sync)]
    other = attention.resync(clinic.sync, "appointment", "4711")[0].aggregate
    with clinic.sync.store.write() as conn:
        items.open_item(conn, other, "overlap", now=clinic.now())
    clinic.edit(appointment, duration=45)
    clinic.sandbox.wait_idle()
    found = attention.explain(clinic.sync, "appointment", appointment)
    (delivery,) = found.as_dict()["unexplained_deliveries"]
    assert (delivery["source"], delivery["event"]) == ("drchrono", "APPOINTMENT_MODIFY")
    assert found.as_dict()["work"][0]["waiting"] is True
    assert len(found.as_dict()["attention"]) == 1


def test_explain_tells_the_last_ten_calls_newest_first(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    for _ in range(6):
        attention.plan(clinic.sync, "appointment", appointment)
    found = attention.explain(clinic.sync, "appointment", appointment).as_dict()["last_calls"]
    assert [(call["system"], call["method"]) for call in found] == [
        ("oncall", "GET"),
        ("drchrono", "GET"),
    ] * 5


def test_explain_tells_conflicts(clinic: Clinic) -> None:
    appointment, visit_id = linked(clinic)
    deaf(clinic)
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.change_visit(visit_id, datetime=f"{utc(days=3, hour=19):%Y-%m-%dT%H:%M:%SZ}")
    attention.resync(clinic.sync, "appointment", appointment)
    clinic.pump()
    (conflict,) = attention.explain(clinic.sync, "appointment", appointment).as_dict()["conflicts"]
    assert (conflict["object"], conflict["field"], conflict["how"]) == (
        f"oncall appointment {visit_id}", "starts", "overwritten",
    )  # fmt: skip


def test_explain_of_a_person(clinic: Clinic) -> None:
    linked(clinic)
    found = attention.explain(clinic.sync, "patient", str(clinic.patient))
    told = found.as_dict()
    assert (told["kind"], told["excluded"]) == ("person", False)
    assert {(o["system"], o["kind"]) for o in told["objects"]} == {
        ("drchrono", "patient"),
        ("oncall", "contact"),
    }
    (attended,) = told["attendances"]
    assert attention.explain(clinic.sync, "visit", str(attended["visit"])).kind == "visit"
    nothing_personal(found)


def test_explain_of_something_unknown(clinic: Clinic) -> None:
    with pytest.raises(LookupError, match="No appointment 4711 was ever heard of here"):
        attention.explain(clinic.sync, "appointment", "4711")


def test_a_paused_service_is_explained_too(clinic: Clinic) -> None:
    appointment, _ = linked(clinic)
    settings = clinic.settings.model_copy(update={"sync_mode": Mode.PAUSED})
    paused = build(settings, owner="paused", clock=clinic.now)
    try:
        assert effects(attention.plan(paused, "appointment", appointment)) == []
        assert attention.explain(paused, "appointment", appointment).kind == "visit"
        (ring,) = attention.resync(paused, "appointment", appointment)
        assert worker.run(paused, ring.aggregate) == ()
    finally:
        paused.close()
