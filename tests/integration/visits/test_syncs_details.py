"""Types, titles, addresses, times, windows, scope and direction: what of a visit is kept alike."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sync.config import Mode
from sync.tasks import worker
from tests.support.clinic import DOCTOR, OFFICE, PROVIDER, Clinic, utc, wall
from tests.support.syncs import decide, linked, visit_of

PHONE, OFFICE_VISIT = 402, 403


# --- type -----------------------------------------------------------------------------------------


def retype(clinic: Clinic, types: str) -> None:
    """Replace the tables of types in the clinic's mapping."""
    path = clinic.settings.mapping_file
    before, _, rest = path.read_text().partition("[types]")
    after = "[markers]" + rest.partition("[markers]")[2]
    path.write_text(f"{before}{types}\n{after}")
    clinic.beat("mapping")


@pytest.mark.parametrize(
    ("types", "changes", "made"),
    [
        ('[types]\n[types.profiles]\n"Phone Consult" = "phone"', {"profile": PHONE}, ["phone"]),
        ('[types]\n[types.profiles]\n402 = "inperson"', {"profile": PHONE}, ["inperson"]),
        ('[types]\n[types.exam_rooms]\n3 = "online"', {"exam_room": 3}, ["online"]),
        ('[types]\n[types.exam_rooms]\n"301:3" = "phone"', {"exam_room": 3}, ["phone"]),
        ('[types]\n[types.exam_rooms]\n"302:3" = "phone"', {"exam_room": 3}, []),
        ('[types]\ntelehealth = "online"', {}, ["online"]),
        ('[types]\ntelehealth = "online"', {"profile": PHONE}, []),
        ('[types]\ndefault = "inperson"', {"profile": PHONE}, ["inperson"]),
        ('[types]\ndefault = "online"\n[types.profiles]\n402 = "skip"', {"profile": PHONE}, []),
    ],
)
def test_the_type_by_profile_room_or_telehealth(
    clinic: Clinic, types: str, changes: dict[str, Any], made: list[str]
) -> None:
    clinic.sandbox.behaviours("drchrono", is_telehealth=True)
    retype(clinic, types)
    clinic.book(**changes)
    clinic.pump()
    assert [visit["type"] for visit in clinic.visits()] == made


def test_a_skipped_visit_becomes_one_when_its_type_changes(clinic: Clinic) -> None:
    retype(clinic, '[types]\n[types.profiles]\n401 = "online"')
    appointment = clinic.book(profile=OFFICE_VISIT)
    clinic.pump()
    assert clinic.visits() == []
    clinic.edit(appointment, profile=401)
    clinic.pump()
    assert len(clinic.visits()) == 1


@pytest.mark.parametrize("how", ["profile", "office"])
@pytest.mark.parametrize("policy", ["ask", "cancel"])
def test_a_visit_that_leaves_scope_is_closed_by_policy(
    clinic: Clinic, how: str, policy: str
) -> None:
    retype(clinic, '[types]\n[types.profiles]\n401 = "online"')
    path = clinic.settings.mapping_file
    path.write_text(
        path.read_text().replace("booking_office = 301", "booking_office = 301\noffices = [301]")
    )
    decide(clinic, f'[policy]\nleft_scope = "{policy}"')
    appointment, visit = linked(clinic)
    out, back = {
        "profile": ({"profile": OFFICE_VISIT}, {"profile": 401}),
        "office": ({"office": 302}, {"office": OFFICE}),
    }[how]
    clinic.edit(appointment, **out)
    clinic.catch_up()
    if policy == "ask":
        assert clinic.attention() == ["left_scope"]
        assert clinic.mails() == []
    else:
        assert clinic.attention() == []
        assert visit_of(clinic, visit)["cancelled"] is True
        assert clinic.mails() == [("cancellation", "app")]
    clinic.edit(appointment, **back)
    clinic.catch_up()
    (now,) = clinic.visits()
    assert (now["id"] == visit) is (policy == "ask")
    assert clinic.attention() == []


# --- title and address ----------------------------------------------------------------------------


def test_the_title_is_the_template_and_nothing_of_the_chart(clinic: Clinic) -> None:
    clinic.book(reason="Chemotherapy", notes="Biopsy result")
    clinic.pump()
    (visit,) = clinic.visits()
    assert visit["title"] == "Virtual visit"
    assert "Chemotherapy" not in str(visit)
    assert "Biopsy" not in str(visit)


def test_a_title_of_the_clinic_s_own(clinic: Clinic) -> None:
    decide(clinic, '[text]\ntitle = "{type} with Riverside"')
    clinic.book()
    clinic.pump()
    assert [visit["title"] for visit in clinic.visits()] == ["Video visit with Riverside"]


@pytest.mark.parametrize("made_in", ["drchrono", "oncall"])
def test_the_address_of_the_visit_stands_in_drchrono(clinic: Clinic, made_in: str) -> None:
    decide(clinic, '[text]\nvisit_link = "https://visits.example/{oncall_id}"')
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    if made_in == "drchrono":
        clinic.book()
    else:
        clinic.invite()
    clinic.pump()
    ((visit,), (appointment,)) = clinic.visits(), clinic.appointments()
    (field,) = appointment["custom_fields"]
    assert field["field_value"].startswith(f"https://visits.example/{visit['id']}#")


# --- time -----------------------------------------------------------------------------------------


def in_zone(clinic: Clinic, zone: str) -> None:
    """Put the doctor's wall clock into another zone, as the mapping file may."""
    path = clinic.settings.mapping_file
    path.write_text(
        path.read_text().replace(
            f"drchrono = {DOCTOR}\n", f'drchrono = {DOCTOR}\ntimezone = "{zone}"\n'
        )
    )
    clinic.beat("mapping")


@pytest.mark.parametrize(
    "zone",
    [
        "Pacific/Kiritimati",
        "Pacific/Pago_Pago",
        "Pacific/Chatham",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
    ],
)
def test_zones_at_the_date_line_there_and_back(clinic: Clinic, zone: str) -> None:
    in_zone(clinic, zone)
    at = utc(days=5, hour=11)
    appointment, visit = linked(clinic, scheduled_time=_wall(at, zone))
    assert visit_of(clinic, visit)["datetime"] == f"{at:%Y-%m-%dT%H:%M:%SZ}"
    later = at + timedelta(hours=13)
    clinic.change_visit(visit, datetime=f"{later:%Y-%m-%dT%H:%M:%SZ}")
    clinic.catch_up()
    assert clinic.appointment(appointment)["scheduled_time"] == _wall(later, zone)
    assert clinic.mails() == [("change", "staff")]


def _wall(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S}"


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        # Northern spring: 2:30 is skipped and moves forward, to 3:30 EDT.
        ("US/Eastern", "2027-03-14T02:30:00", "2027-03-14T07:30:00Z"),
        # The minutes on both sides of that gap.
        ("US/Eastern", "2027-03-14T01:59:00", "2027-03-14T06:59:00Z"),
        ("US/Eastern", "2027-03-14T03:00:00", "2027-03-14T07:00:00Z"),
        # Southern autumn: 2:30 comes twice and is the first of the two, still AEDT.
        ("Australia/Sydney", "2027-04-04T02:30:00", "2027-04-03T15:30:00Z"),
        ("Australia/Sydney", "2027-04-04T03:30:00", "2027-04-03T17:30:00Z"),
        # Half an hour's change, and a night that skips midnight's hour.
        ("Australia/Lord_Howe", "2027-04-04T01:45:00", "2027-04-03T14:45:00Z"),
    ],
)
def test_nights_of_the_time_change(clinic: Clinic, zone: str, local: str, instant: str) -> None:
    clinic.offset = datetime.fromisoformat("2027-02-20T12:00:00+00:00") - clinic.now()
    in_zone(clinic, zone)
    clinic.book(scheduled_time=local)
    clinic.settle()
    assert [visit["datetime"] for visit in clinic.visits()] == [instant]
    clinic.catch_up()
    assert [a["scheduled_time"] for a in clinic.appointments()] == [local]
    assert [kind for kind, _ in clinic.mails()] == ["invitation"]


# --- window ---------------------------------------------------------------------------------------


def test_the_past_is_never_made(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    clinic.book(scheduled_time=wall(days=-2))
    clinic.invite(datetime=f"{utc(days=-3):%Y-%m-%dT%H:%M:%SZ}")
    clinic.catch_up()
    assert len(clinic.of("oncall", "appointments")) == 1
    assert len(clinic.appointments()) == 1
    assert clinic.mails() == [("invitation", "staff")]


@pytest.mark.parametrize("made_in", ["drchrono", "oncall"])
def test_the_far_future_waits_and_is_made_when_it_enters(clinic: Clinic, made_in: str) -> None:
    decide(clinic, "[policy]\nwindow_days = 30")
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    if made_in == "drchrono":
        clinic.book(scheduled_time=wall(days=40))
    else:
        clinic.invite(datetime=f"{utc(days=40):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    assert len(clinic.visits()) + len(clinic.appointments()) == 1
    clinic.advance(9 * 86_400)
    clinic.beat("window")
    clinic.settle()
    assert len(clinic.visits()) + len(clinic.appointments()) == 1
    clinic.advance(2 * 86_400)
    clinic.beat("window")
    clinic.settle()
    assert len(clinic.visits()) == len(clinic.appointments()) == 1


# --- direction and scope --------------------------------------------------------------------------


def test_one_way_to_oncall_writes_nothing_to_drchrono(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    decide(clinic, '[policy]\ndirection = "to_oncall"')
    clinic.change_visit(visit, datetime=f"{utc(days=3, hour=18):%Y-%m-%dT%H:%M:%SZ}")
    clinic.change_visit(visit, duration=45)
    clinic.edit(appointment, duration=20)
    clinic.settle()
    assert clinic.appointment(appointment)["scheduled_time"] == wall(days=3)
    assert visit_of(clinic, visit)["duration"] == 20
    assert [call for call in clinic.calls("drchrono") if call.startswith("P")] == []


def test_one_way_to_drchrono_writes_nothing_to_oncall(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    decide(clinic, '[policy]\ndirection = "to_drchrono"')
    clinic.edit(appointment, status="Cancelled")
    clinic.book(exam_room=2)
    clinic.settle()
    assert visit_of(clinic, visit)["cancelled"] is False
    assert len(clinic.visits()) == 1
    assert clinic.mails() == []


def test_a_doctor_or_an_office_that_is_not_mapped_is_left_alone(clinic: Clinic) -> None:
    path = clinic.settings.mapping_file
    kept, _, _ = path.read_text().partition("[[doctors]]\ndrchrono = 202")
    types = "[types]" + path.read_text().partition("[types]")[2]
    one_office = kept.replace("booking_office = 301", "booking_office = 301\noffices = [301]")
    path.write_text(one_office + types)
    clinic.beat("mapping")
    clinic.book(doctor=202, profile=404)
    clinic.book(office=302, exam_room=2)
    clinic.catch_up()
    assert clinic.visits() == []
    assert clinic.attention() == []
    clinic.book(exam_room=3)
    clinic.pump()
    assert [visit["provider"] for visit in clinic.visits()] == [PROVIDER]


def test_paused_does_nothing_and_loses_nothing(clinic: Clinic) -> None:
    appointment, visit = linked(clinic)
    going = clinic.sync.settings
    clinic.sync.settings = going.model_copy(update={"sync_mode": Mode.PAUSED})
    clinic.edit(appointment, duration=45)
    clinic.sandbox.wait_idle()
    for aggregate in clinic.due():
        worker.run(clinic.sync, aggregate)
    assert clinic.calls("drchrono") == clinic.calls("oncall") == []
    clinic.sync.settings = going
    clinic.pump()
    assert visit_of(clinic, visit)["duration"] == 45


@pytest.mark.parametrize(
    "change", [{"exam_room": 2}, {"office": 302, "exam_room": 2}, {"profile": 404}]
)
def test_another_room_office_or_profile_of_the_same_type_is_no_change_in_oncall(
    clinic: Clinic, change: dict[str, Any]
) -> None:
    appointment, _ = linked(clinic)
    clinic.edit(appointment, **change)
    clinic.catch_up()
    assert [call for call in clinic.calls("oncall") if not call.startswith("GET")] == []
    assert clinic.mails() == []
    clinic.forget()
    clinic.catch_up()
    assert [call for call in clinic.calls("drchrono") if "ID" in call] == []


def test_a_profile_that_is_mapped_again_asks_no_more(clinic: Clinic) -> None:
    retype(clinic, '[types]\n[types.profiles]\n401 = "online"')
    appointment, visit = linked(clinic)
    retype(clinic, '[types]\n[types.profiles]\n401 = "skip"')
    clinic.edit(appointment, duration=45)
    clinic.settle()
    assert clinic.attention() == ["left_scope"]
    retype(clinic, '[types]\n[types.profiles]\n401 = "online"')
    clinic.settle()
    assert clinic.attention() == []
    assert visit_of(clinic, visit)["duration"] == 45
