"""Bring patients of a file in: each line one roster contact, whoever knows the person already."""

import io

import pytest

from sync.batches import showing, steering
from sync.core.batch.model import OVER, Kind, State
from sync.matching import match
from sync.matching.scan import new_scan
from sync.sheets.errors import UnusableError
from sync.store.batches import files, items, rows
from sync.tasks import driving, worker
from tests.support.agreement import agree
from tests.support.batches.dying import Dying
from tests.support.batches.imports import (
    HEADERS,
    brought,
    contact,
    done,
    fates,
    line,
    opened,
    outcomes,
    planned,
    result,
)
from tests.support.clinic import Clinic
from tests.support.templates import on_both

NORA = {
    "first_name": "Noraa",
    "last_name": "Quilla",
    "email": "nora0@mail.example",
    "date_of_birth": "1980-12-31",
}


def vera(**changes: str) -> list[str]:
    """The clinic's one patient, as a file says her."""
    said = {"first_name": "Vera", "last_name": "Lindqvist", "email": "vera@mail.example"}
    return line(0, **{**said, "date_of_birth": "1984-05-06", **changes})


@on_both
def test_each_line_becomes_a_contact_once(clinic: Clinic) -> None:
    number = planned(clinic, [vera(), line(1), line(2)])
    assert fates(clinic, number) == [("create", None)] * 3
    foreseen = showing.foreseen(clinic.sync, number)
    assert (foreseen.drchrono_calls, foreseen.oncall_calls) == (0, 6)
    assert (foreseen.mails_to_patients, foreseen.mails_to_providers) == (0, 0)
    clinic.forget()
    done(clinic, number)
    assert outcomes(clinic, number) == ["created"] * 3
    assert len(clinic.of("oncall", "contacts")) == 3
    assert clinic.calls("drchrono") == []
    assert clinic.mails() == []
    told = result(clinic, number)
    assert [one["Email"] for one in told][1] == "nora1@mail.example"
    assert all(one["oncall_url"].startswith(clinic.sandbox.oncall_url) for one in told)
    again = planned(clinic, [vera(), line(1), line(2)])
    assert fates(clinic, again) == [("already_there", None)] * 3


@on_both
def test_the_chart_s_first_visit_makes_no_second_contact(clinic: Clinic) -> None:
    brought(clinic, [vera()])
    clinic.linked()
    (made,) = clinic.of("oncall", "contacts")
    assert made["email"] == "vera@mail.example"
    assert clinic.attention() == []
    agree(clinic)


@on_both
def test_a_chart_takes_its_contact_over(clinic: Clinic) -> None:
    number = brought(clinic, [line(0, mobile_phone="212-555-0199")])
    patient = clinic.new_patient(**NORA)
    clinic.linked(patient=patient)
    (made,) = clinic.of("oncall", "contacts")
    assert showing.items(clinic.sync, number)[0].remote_id == str(made["id"])
    assert clinic.attention() in ([], ["contact_differs"])
    clinic.edit_patient(patient, last_name="Quillfeather")
    clinic.settle()
    (made,) = clinic.of("oncall", "contacts")
    assert made["last_name"] == "Quillfeather"
    again = planned(clinic, [line(0)])
    assert fates(clinic, again) == [("question", "patient_unsure")]


@on_both
def test_the_matching_gives_a_chart_its_contact(clinic: Clinic) -> None:
    brought(clinic, [line(0)])
    clinic.new_patient(**NORA)
    match.match(new_scan(clinic.sync))
    again = planned(clinic, [line(0)])
    assert fates(clinic, again) == [("already_there", None)]
    assert len(clinic.of("oncall", "contacts")) == 1


def test_what_is_there_already_is_found(clinic: Clinic) -> None:
    there = contact(clinic, phone="2125550147", sex="female")
    number = planned(clinic, [line(0)])
    (item,) = showing.items(clinic.sync, number)
    assert (str(item.fate), item.remote_id) == ("already_there", there)
    done(clinic, number)
    assert outcomes(clinic, number) == ["already_there"]
    assert len(clinic.of("oncall", "contacts")) == 1


@on_both
def test_a_contact_without_a_chart_is_brought_up_to_date(clinic: Clinic) -> None:
    there = contact(clinic, phone="")
    number = planned(clinic, [line(0)])
    (item,) = showing.items(clinic.sync, number)
    assert str(item.fate) == "update"
    assert set(item.fields) == {"phone", "sex"}
    clinic.forget()
    done(clinic, number)
    assert outcomes(clinic, number) == ["updated"]
    assert clinic.writes() == ["PATCH /contacts/ID/"]
    (made,) = clinic.of("oncall", "contacts")
    assert str(made["id"]) == there
    again = planned(clinic, [line(0)])
    assert fates(clinic, again) == [("already_there", None)]


def test_a_chart_s_contact_is_never_updated_from_a_file(clinic: Clinic) -> None:
    clinic.linked()
    number = planned(clinic, [vera(mobile_phone="212-555-0100")])
    assert fates(clinic, number) == [("already_there", None)]


@pytest.mark.parametrize(
    ("said", "fate", "cause"),
    [
        (vera(date_of_birth="1984-05-07"), "question", "patient_unsure"),
        (vera(first_name="Veronika"), "question", "patient_unsure"),
        (vera(email="vera@other.example"), "question", "patient_unsure"),
        (vera(date_of_birth=""), "create", None),
        (line(5, email=""), "problem", "email_missing"),
        (line(5, email="none@none.com"), "problem", "email_placeholder"),
        (line(5, email="Nora Quill"), "problem", "email_is_name"),
        (line(5, first_name=""), "problem", "name_missing"),
    ],
)
def test_doubt_is_a_question_and_a_problem_is_named(
    clinic: Clinic, said: list[str], fate: str, cause: str | None
) -> None:
    number = planned(clinic, [line(9), said])
    assert fates(clinic, number) == [("create", None), (fate, cause)]
    if fate != "create":
        clinic.forget()
        done(clinic, number)
        assert outcomes(clinic, number) == ["created", fate]
        assert len(clinic.of("oncall", "contacts")) == 1
        assert result(clinic, number)[1]["problem"] != ""


def test_contacts_that_may_be_it_are_a_question(clinic: Clinic) -> None:
    there = contact(clinic, date_of_birth="1970-01-01")
    number = planned(clinic, [line(0)])
    (item,) = showing.items(clinic.sync, number)
    assert (str(item.fate), item.candidates) == ("question", (there,))


def test_the_same_person_twice_in_a_file_is_made_once(clinic: Clinic) -> None:
    number = planned(clinic, [line(1), line(1, first_name="NORAB"), line(2)])
    said = [("create", None), ("already_there", "same_line"), ("create", None)]
    assert fates(clinic, number) == said
    done(clinic, number)
    assert outcomes(clinic, number) == ["created", "already_there", "created"]
    first, same, _other = result(clinic, number)
    assert first["oncall_url"] == same["oncall_url"] != ""
    assert len(clinic.of("oncall", "contacts")) == 2


def test_the_same_person_twice_with_another_phone_is_one_problem(clinic: Clinic) -> None:
    number = planned(clinic, [line(1), line(1, mobile_phone="212-555-0199")])
    assert fates(clinic, number) == [("create", None), ("problem", "same_line_differs")]


def test_who_is_named_twice_and_refused_is_refused_twice(clinic: Clinic) -> None:
    number = planned(clinic, [line(1), line(1)])
    clinic.sandbox.behaviours("oncall", refuses="email")
    done(clinic, number)
    assert outcomes(clinic, number) == ["problem", "problem"]
    assert [one["oncall_url"] for one in result(clinic, number)] == ["", ""]


def test_an_address_that_a_crowd_shares_invites_nobody(clinic: Clinic) -> None:
    crowd = [line(one, email="office@mail.example") for one in range(1, 8)]
    number = planned(clinic, [*crowd, line(9)])
    assert fates(clinic, number) == [("problem", "email_shared")] * 7 + [("create", None)]


def test_a_household_shares_an_address(clinic: Clinic) -> None:
    number = brought(clinic, [line(one, email="home@mail.example") for one in (1, 2, 3)])
    assert outcomes(clinic, number) == ["created"] * 3


def test_without_a_provider_each_line_is_a_problem(clinic: Clinic) -> None:
    number = planned(clinic, [line(1)], provider=None)
    assert fates(clinic, number) == [("problem", "no_provider")]


def test_without_a_provider_it_is_that_of_the_chart_s_visits(clinic: Clinic) -> None:
    clinic.linked()
    number = planned(clinic, [vera(), line(1)], provider=None)
    assert fates(clinic, number) == [("already_there", None), ("problem", "no_provider")]


def test_the_provider_is_found_by_name(clinic: Clinic) -> None:
    (provider, *_) = clinic.of("oncall", "providers")
    headers = (*HEADERS, "Provider")
    said = [[*line(1), str(provider["full_name"])], [*line(2), "Nobody Known"]]
    number = planned(clinic, said, headers, provider=None)
    assert fates(clinic, number) == [("create", None), ("problem", "provider_unknown")]


def test_the_file_is_deleted_once_it_is_read_and_its_lines_a_day_after(clinic: Clinic) -> None:
    number = planned(clinic, [line(1)])
    with clinic.sync.store.read() as conn:
        assert files.piece(conn, number, 0) is None
    done(clinic, number)
    assert len(result(clinic, number)) == 1
    clinic.advance(86_401)
    clinic.beat("imports")
    with pytest.raises(LookupError, match="deleted"):
        result(clinic, number)
    with clinic.sync.store.read() as conn:
        row = rows.get(conn, number)
        assert row is not None
        assert row.sealed_key is None
        assert all(one.sealed is None for one in items.after(conn, number, 0, limit=9))
    assert outcomes(clinic, number) == ["created"]


@pytest.mark.parametrize("started", [False, True])
def test_what_nobody_goes_on_with_is_deleted_after_a_day(clinic: Clinic, started: bool) -> None:
    number = planned(clinic, [line(1)])
    if started:
        steering.start(clinic.sync, number)
        steering.pause(clinic.sync, number)
    clinic.advance(86_401)
    clinic.beat("imports")
    clinic.settle()
    shown = showing.show(clinic.sync, number)
    wanted = (State.CANCELLED, None) if started else (State.FAILED, "not_started")
    assert (shown.state, shown.cause) == wanted
    clinic.advance(86_401)
    clinic.beat("imports")
    assert not showing.show(clinic.sync, number).has_file
    assert clinic.of("oncall", "contacts") == []


def test_a_choice_of_columns_is_remembered(clinic: Clinic) -> None:
    odd = ("A", "B", "C", "D", "E", "F", "G")
    number = opened(clinic, [line(1)], odd)
    chosen = {0: "first_name", 1: "last_name", 2: "email", 3: "birth_date"}
    steering.choose(clinic.sync, number, chosen)
    columns = showing.columns(clinic.sync, opened(clinic, [line(2)], odd))
    assert (dict(columns.chosen), columns.remembered) == (chosen, True)


def test_a_file_that_is_none_leaves_nothing(clinic: Clinic) -> None:
    file = io.BytesIO(b"\x00\x01\x02" * 3000)
    with pytest.raises(UnusableError):
        steering.open_file(clinic.sync, Kind.IMPORT_PATIENTS, file)
    assert showing.listed(clinic.sync, imports=True) == []


def test_the_reference_of_the_health_record_goes_along(clinic: Clinic) -> None:
    brought(clinic, [line(1)])
    (made,) = clinic.of("oncall", "contacts")
    field = clinic.sync.mapping.file.markers.contact_field
    if field is not None:
        assert "MRN-1" in str(made["custom_field_values"])


LOST = {"match": {"method": "POST", "path": "/contacts/?$"}, "times": 1}


@on_both
@pytest.mark.parametrize("do", ["drop", "drop_after"])
def test_a_lost_answer_makes_no_second_contact(clinic: Clinic, do: str) -> None:
    number = planned(clinic, [vera(), line(1)])
    clinic.sandbox.faults("oncall", {**LOST, "do": do, "times": 2})
    done(clinic, number)
    assert outcomes(clinic, number) == ["created"] * 2
    assert len(clinic.of("oncall", "contacts")) == 2
    posts = clinic.calls("oncall").count("POST /contacts/")
    assert posts == (4 if do == "drop" else 2)


@on_both
def test_cancelled_with_an_answer_lost_it_is_looked_for_and_nothing_more_is_sent(
    clinic: Clinic,
) -> None:
    number = planned(clinic, [line(one) for one in (1, 2, 3)])
    clinic.sandbox.faults("oncall", {**LOST, "do": "drop_after"})
    steering.start(clinic.sync, number)
    with clinic.sync.store.read() as conn:
        row = rows.get(conn, number)
    assert row is not None
    worker.run(clinic.sync, row.aggregate, seconds=0)
    steering.cancel(clinic.sync, number)
    clinic.settle()
    assert showing.show(clinic.sync, number).state is State.CANCELLED
    assert outcomes(clinic, number) == ["created", "left_out", "left_out"]
    assert len(clinic.of("oncall", "contacts")) == 1


@on_both
@pytest.mark.parametrize("do", ["drop", "drop_after"])
def test_a_chart_that_meets_a_create_without_an_answer_makes_no_second(
    clinic: Clinic, do: str
) -> None:
    number = planned(clinic, [line(0)])
    clinic.forget()
    clinic.sandbox.faults("oncall", {**LOST, "do": do})
    steering.start(clinic.sync, number)
    with clinic.sync.store.read() as conn:
        row = rows.get(conn, number)
    assert row is not None
    worker.run(clinic.sync, row.aggregate, seconds=0)
    steering.pause(clinic.sync, number)
    patient = clinic.new_patient(**NORA)
    clinic.book(patient=patient)
    clinic.pump()
    # Nothing is sent before it is known what became of the first one.
    assert clinic.calls("oncall").count("POST /contacts/") == 1
    clinic.settle(hours=3)
    assert len(clinic.visits()) == 1
    steering.resume(clinic.sync, number)
    clinic.settle(hours=3)
    assert showing.show(clinic.sync, number).state is State.DONE
    assert len(clinic.of("oncall", "contacts")) == 1
    assert outcomes(clinic, number)[0] in {"created", "already_there"}
    assert clinic.attention() == []


def test_a_command_that_was_killed_goes_on_without_workers(clinic: Clinic) -> None:
    """At points of one line's turn; what it had leased is free when the lease has run out."""
    dying = Dying(clinic.sync)
    try:
        for points in range(8, 40, 4):
            number = planned(clinic, [line(points)])
            steering.start(clinic.sync, number)
            with dying.mortal(points):
                driving.drive(clinic.sync, number, OVER)
            shown = driving.drive(clinic.sync, number, OVER)
            assert (shown.state, outcomes(clinic, number)) == (State.DONE, ["created"])
    finally:
        dying.undo()
    mails = [one["email"] for one in clinic.of("oncall", "contacts")]
    assert sorted(mails) == sorted(f"nora{points}@mail.example" for points in range(8, 40, 4))
