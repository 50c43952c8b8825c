"""List a doctor's day with an answer for each visit, and answer what was pasted."""

import json
from datetime import date

import pytest

from sync.operations.lookup import UnknownError
from sync.operations.why import day as days
from sync.operations.why.answer import Answer
from sync.operations.why.ask import of_text
from sync.operations.why.day import Day, of_day
from tests.support.clinic import DOCTOR, ZONE, Clinic, utc, wall

PERSONAL = ("Vera", "Lindqvist", "vera@", "1984-05", "Ada", "ada@")


def list_day(clinic: Clinic, ahead: int, *, calls: tuple[int, int] = (1, 0)) -> Day:
    """The day at its stated cost, without a write and without a value of anybody."""
    clinic.forget()
    found = of_day(clinic.sync, str(DOCTOR), utc(days=ahead).astimezone(ZONE).date())
    spent = (len(clinic.calls("drchrono")), len(clinic.calls("oncall")))
    assert (spent, clinic.writes()) == (calls, [])
    told = json.dumps([one.answer.as_dict() for one in found.entries]) + found.trouble
    assert [word for word in PERSONAL if word in told] == []
    return found


def causes(found: Day) -> list[str]:
    return [one.answer.cause for one in found.entries]


@pytest.mark.parametrize("clinic", ["sqlite", "postgresql"], indirect=True)
def test_a_day_by_time_each_with_its_answer(clinic: Clinic) -> None:
    second, visit = clinic.linked(scheduled_time=wall(days=3, hour=16))
    without = clinic.new_patient(first_name="Ada", email="")
    first = clinic.book(patient=without, scheduled_time=wall(days=3, hour=15))
    clinic.book(patient=without, scheduled_time=wall(days=4, hour=15))
    over = clinic.book(patient=without, scheduled_time=wall(days=3, hour=17), status="Cancelled")
    clinic.settle()
    found = list_day(clinic, 3)
    assert [one.id for one in found.entries] == [first, second, over]
    assert causes(found) == ["patient_without_email", "there", "cancelled"]
    assert (found.whole, found.trouble, found.zone) == (True, "", "US/Eastern")
    assert found.entries[0].starts == utc(days=3, hour=15)
    assert found.entries[1].answer.subject["oncall-appointment"] == visit
    # What is there is not asked for again: this is what a page of many costs.
    assert not found.entries[1].answer.only_known


def test_what_oncall_alone_has_is_in_it(clinic: Clinic) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    clinic.new_patient(date_of_birth="1990-01-01")
    clinic.catch_up()
    visit = clinic.invite()
    clinic.settle()
    (only,) = list_day(clinic, 4).entries
    assert (only.kind, only.id, only.answer.cause) == (
        "oncall-appointment",
        visit,
        "patient_unsure",
    )


def test_a_day_that_can_t_be_read_is_told_from_what_is_known(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    down = {"match": {"path": "^/api/"}, "do": "status", "status": 429, "times": None}
    clinic.sandbox.faults("drchrono", down)
    found = list_day(clinic, 3)
    assert ([one.id for one in found.entries], causes(found)) == ([appointment], ["there"])
    assert (found.whole, found.entries[0].answer.only_known) == (False, True)
    assert "DrChrono allows no more calls before about" in found.trouble
    assert causes(list_day(clinic, 3, calls=(0, 0))) == ["there"]


def test_a_day_is_bounded(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic.sandbox.behaviours("drchrono", page_size=2)
    for hour in (13, 14, 15, 16, 17):
        clinic.book(scheduled_time=wall(days=3, hour=hour))
    monkeypatch.setattr(days, "MOST_PAGES", 2)
    found = list_day(clinic, 3, calls=(2, 0))
    assert (len(found.entries), found.whole) == (4, False)
    with pytest.raises(UnknownError, match="doctor"):
        of_day(clinic.sync, "201&since=2000", utc().date())
    for slip in (date.min, date.max, date(2062, 1, 1)):
        with pytest.raises(UnknownError, match="within three years"):
            of_day(clinic.sync, str(DOCTOR), slip)


def test_what_was_pasted(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()

    def asked(text: str) -> list[Answer]:
        return list(of_text(clinic.sync, text))

    address = f"{clinic.settings.drchrono_base_url}/api/appointments/{appointment}"
    for text, kind in (
        (address, "appointment"),
        (f"https://api.oncallhealth.com/appointments/{visit}", "oncall-appointment"),
        (f"https://app.drchrono.com/patients/{clinic.patient}", "patient"),
        (appointment, "appointment"),
        (visit, "oncall-appointment"),
    ):
        (answer,) = asked(text)
        assert (answer.cause, next(iter(answer.subject))) == ("there", kind)
    both = asked("987654")
    assert [one.cause for one in both] == ["never_heard_of", "never_heard_of"]
    with pytest.raises(UnknownError):
        asked("https://evil.example/appointments/5001")
