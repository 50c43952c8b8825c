"""Bring DrChrono's charts to OnCall as contacts: once each, whoever is killed or in the way."""

import pytest

from sync.batches import showing, steering
from sync.batches.step import Step
from sync.core.batch.model import Fate, Kind, Outcome, State
from sync.operations.hand import by_hand
from sync.store.batches import links_sealed
from sync.store.tables import links
from tests.support.batches.backfills import (
    done,
    fates,
    outcomes,
    over,
    people,
    planned,
    slice_of,
    state,
)
from tests.support.clinic import DIVISION, DOCTOR, PROVIDER, Clinic
from tests.support.sql import counted
from tests.support.templates import on_both


def contacts(clinic: Clinic) -> list[str]:
    """The e-mails of the contacts, sorted."""
    return sorted(one["email"] for one in clinic.of("oncall", "contacts"))


def contact(clinic: Clinic, **changes: object) -> str:
    """Staff make a contact in OnCall; its id."""
    base = clinic.sandbox.oncall_url
    body = {
        "provider": f"{base}/providers/{PROVIDER}/",
        "division": f"{base}/divisions/{DIVISION}/",
        "first_name": "Ada",
        "last_name": "Berga",
        "email": "ada0@mail.example",
        "date_of_birth": "1984-05-06",
        **changes,
    }
    answer = clinic.sandbox.staff_oncall("POST", "/contacts/", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"].rstrip("/").rpartition("/")[2])


@pytest.fixture(params=["bulk lists", "pages"])
def lists(request: pytest.FixtureRequest, clinic: Clinic) -> str:
    """The account has bulk lists, or pages of two."""
    if request.param == "pages":
        clinic.sandbox.behaviours("drchrono", bulk_lists=False, page_size=2)
    return str(request.param)


@on_both
def test_a_contact_for_every_chart_and_no_call_for_each(clinic: Clinic, lists: str) -> None:
    ids = people(clinic, 5)
    clinic.settle()
    number = planned(clinic)
    own = str(clinic.of("drchrono", "patients")[0]["id"])
    assert fates(clinic, number) == dict.fromkeys([own, *ids], "create")
    assert contacts(clinic) == []
    foreseen = showing.foreseen(clinic.sync, number)
    assert (foreseen.oncall_calls, foreseen.mails_to_patients) == (12, 0)
    clinic.forget()
    done(clinic, number)
    assert set(outcomes(clinic, number).values()) == {"created"}
    assert len(contacts(clinic)) == 6
    assert clinic.calls("oncall") == ["GET /contacts/", "POST /contacts/"] * 6
    listed = [one for one in clinic.calls("drchrono") if "ID" not in one]
    assert listed == clinic.calls("drchrono")
    assert len(listed) <= (3 if lists == "bulk lists" else 4)
    assert clinic.mails() == []


@on_both
def test_a_second_backfill_finds_everything_there(clinic: Clinic) -> None:
    people(clinic, 2)
    done(clinic, planned(clinic))
    there = contacts(clinic)
    clinic.forget()
    number = planned(clinic)
    assert set(fates(clinic, number).values()) == {"already_there"}
    done(clinic, number)
    assert clinic.writes() == []
    assert contacts(clinic) == there


def test_the_first_visit_marks_the_chart_and_makes_no_second_contact(clinic: Clinic) -> None:
    (patient,) = people(clinic, 1)
    done(clinic, planned(clinic))
    clinic.book(patient=int(patient))
    clinic.settle()
    assert contacts(clinic) == ["ada0@mail.example", "vera@mail.example"]
    chart = next(one for one in clinic.of("drchrono", "patients") if str(one["id"]) == patient)
    assert chart["custom_demographics"]
    assert len(clinic.visits()) == 1


@on_both
def test_what_oncall_has_is_linked_and_never_made_again(clinic: Clinic) -> None:
    """A contact under another case of the e-mail is the same; of another birth date it is asked."""
    same, other = people(clinic, 2)
    there = contact(clinic, email="ADA0@Mail.example")
    contact(clinic, email="ada1@mail.example", last_name="Bergb", date_of_birth="1950-01-01")
    number = planned(clinic)
    own = str(clinic.of("drchrono", "patients")[0]["id"])
    wanted = {own: "create", same: "already_there", other: "contact_unsure"}
    assert fates(clinic, number) == wanted
    done(clinic, number)
    found = outcomes(clinic, number)
    assert (found[same], found[other]) == ("already_there", "contact_unsure")
    items = {one.source_id: one for one in showing.items(clinic.sync, number)}
    assert items[same].remote_id == there
    assert items[other].outcome is Outcome.QUESTION
    assert len(items[other].candidates) == 1
    assert len(contacts(clinic)) == 3
    with clinic.sync.store.read() as conn:
        linked = links.find(conn, "oncall", "contact", there)
    assert linked is not None
    again = planned(clinic)
    assert (fates(clinic, again)[same], fates(clinic, again)[other]) == (
        "already_there",
        "contact_unsure",
    )


def test_a_family_shares_an_address_and_a_crowd_gets_nothing(clinic: Clinic) -> None:
    family = [
        str(clinic.new_patient(first_name=name, last_name="Okoro", email="okoro@mail.example"))
        for name in ("Ines", "Joao", "Kofi")
    ]
    crowd = people(clinic, 12, email="desk@mail.example")
    number = planned(clinic)
    found = fates(clinic, number)
    assert {found[one] for one in family} == {"create"}
    assert {found[one] for one in crowd} == {"email_shared"}
    done(clinic, number)
    assert contacts(clinic) == ["okoro@mail.example"] * 3 + ["vera@mail.example"]


def test_who_cannot_be_reached_is_a_problem_with_its_cause(clinic: Clinic) -> None:
    none = str(clinic.new_patient(email="", last_name="Nomail"))
    invented = str(clinic.new_patient(email="noemail@clinic.example", last_name="Invented"))
    clinic.sandbox.behaviours("drchrono", checks_email=False)
    half = str(clinic.new_patient(email="ada at mail", last_name="Half"))
    nobody = str(clinic.new_patient(email="x1@mail.example", first_name="", last_name=""))
    unmapped = str(clinic.new_patient(doctor=202, email="x2@mail.example", last_name="Unmapped"))
    excluded = str(clinic.new_patient(email="x3@mail.example", last_name="Excluded"))
    steering.cancel(clinic.sync, planned(clinic))
    by_hand.exclude(clinic.sync, excluded)
    path, text = clinic.settings.mapping_file, clinic.settings.mapping_file.read_text()
    tables = text.split("[[doctors]]")
    path.write_text("[[doctors]]".join(one for one in tables if "drchrono = 202\n" not in one))
    clinic.advance(5)
    number = planned(clinic)
    found = fates(clinic, number)
    assert found[none] == found[invented] == "patient_without_email"
    assert found[half] == "patient_email_unclear"
    assert found[nobody] == "patient_without_name"
    assert found[unmapped] == "doctor_unmapped"
    assert found[excluded] == "patient_excluded"
    done(clinic, number)
    assert contacts(clinic) == ["vera@mail.example"]


def test_since_and_doctor_choose(clinic: Clinic) -> None:
    mine = people(clinic, 1)[0]
    theirs = people(clinic, 1, doctor=202, email="theirs@mail.example")[0]
    number = planned(clinic, doctor=str(DOCTOR))
    assert mine in fates(clinic, number)
    assert theirs not in fates(clinic, number)
    assert len(fates(clinic, planned(clinic, since="2020-01-01"))) == 3
    assert fates(clinic, planned(clinic, since="2999-01-01")) == {}
    with pytest.raises(LookupError, match="Name the doctor in the mapping"):
        steering.open_backfill(clinic.sync, Kind.BACKFILL_PATIENTS, doctor="999")


@on_both
def test_a_chart_that_changed_since_it_was_planned_is_taken_as_it_is_now(clinic: Clinic) -> None:
    patient, gone = people(clinic, 2)
    number = planned(clinic)
    clinic.edit_patient(int(patient), email="new@mail.example")
    clinic.edit_patient(int(gone), patient_status="I")
    done(clinic, number)
    assert contacts(clinic) == ["new@mail.example", "vera@mail.example"]
    assert outcomes(clinic, number)[gone] == "patient_inactive"
    clinic.edit_patient(int(patient), email="newer@mail.example")
    clinic.catch_up()
    assert contacts(clinic) == ["newer@mail.example", "vera@mail.example"]


def test_a_chart_that_changes_while_its_page_is_at_hand(clinic: Clinic) -> None:
    """What the page says is older by then than what is known: it is read, and nothing settled."""
    _first, second = people(clinic, 2)
    number = planned(clinic)
    steering.start(clinic.sync, number)
    send = clinic.sync.gate._wire.send  # type: ignore[attr-defined]
    edited = []

    def edits(request: object) -> object:
        answer = send(request)
        if request.method == "POST" and "/contacts/" in request.url and not edited:  # type: ignore[attr-defined]
            edited.append(1)
            clinic.edit_patient(int(second), email="late@mail.example")
            clinic.sandbox.wait_idle()
        return answer

    clinic.sync.gate._wire.send = edits  # type: ignore[attr-defined]
    slice_of(clinic, number)
    clinic.sync.gate._wire.send = send  # type: ignore[attr-defined]
    over(clinic, number)
    assert "late@mail.example" in contacts(clinic)  # made of the chart as it is now
    clinic.catch_up()
    assert contacts(clinic) == ["ada0@mail.example", "late@mail.example", "vera@mail.example"]
    assert set(outcomes(clinic, number).values()) == {"created"}


@on_both
def test_a_lost_answer_is_looked_for_and_nothing_is_made_twice(clinic: Clinic) -> None:
    people(clinic, 3)
    number = planned(clinic)
    fault = {"match": {"method": "POST", "path": "^/contacts/$"}, "do": "drop_after", "times": 2}
    clinic.sandbox.faults("oncall", fault)
    done(clinic, number)
    assert len(contacts(clinic)) == len(set(contacts(clinic))) == 4
    assert set(outcomes(clinic, number).values()) == {"created"}


@on_both
def test_cancelled_it_makes_nothing_more_and_finds_what_was_sent(clinic: Clinic) -> None:
    people(clinic, 3)
    number = planned(clinic)
    fault = {"match": {"method": "POST", "path": "^/contacts/$"}, "do": "drop_after", "times": 1}
    clinic.sandbox.faults("oncall", fault)
    steering.start(clinic.sync, number)
    send = clinic.sync.gate._wire.send  # type: ignore[attr-defined]

    def cancels(request: object) -> object:
        try:
            return send(request)
        finally:
            if request.method == "POST" and "/contacts/" in request.url:  # type: ignore[attr-defined]
                steering.cancel(clinic.sync, number)

    clinic.sync.gate._wire.send = cancels  # type: ignore[attr-defined]
    slice_of(clinic, number)
    clinic.sync.gate._wire.send = send  # type: ignore[attr-defined]
    assert state(clinic, number) is State.ENDING
    clinic.settle()
    assert state(clinic, number) is State.CANCELLED
    assert sorted(outcomes(clinic, number).values()) == ["created", *["left_out"] * 3]
    assert len(contacts(clinic)) == 1


@on_both
def test_planned_again_and_again_from_wherever_it_was_cut(clinic: Clinic) -> None:
    """Each page is a place to go on from: an hour later a bulk list is ordered anew."""
    clinic.sandbox.behaviours("drchrono", bulk_page_limit=2)
    ids = people(clinic, 4)
    clinic.settle()
    number, _rings = steering.open_backfill(clinic.sync, Kind.BACKFILL_PATIENTS)
    for _slice in range(5):
        clinic.sync.gate.closed = False
        send = clinic.sync.gate._wire.send  # type: ignore[attr-defined]

        def closing(request: object, send: object = send) -> object:
            answer = send(request)  # type: ignore[operator]
            if request.method == "GET" and "page=" in request.url:  # type: ignore[attr-defined]
                clinic.sync.gate.closed = True
            return answer

        clinic.sync.gate._wire.send = closing  # type: ignore[attr-defined]
        slice_of(clinic, number)
        clinic.sync.gate._wire.send = send  # type: ignore[attr-defined]
        clinic.sync.gate.closed = False
        clinic.advance_all(4000)
    clinic.settle()
    shown = showing.show(clinic.sync, number)
    assert (shown.state, shown.total) == (State.PLANNED, 5)
    assert set(ids) < set(fates(clinic, number))
    assert shown.fates == {Fate.CREATE: 5}


def test_a_list_that_is_begun_anew_names_nobody_twice(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link to go on from was sealed with a key that is gone."""
    clinic.sandbox.behaviours("drchrono", bulk_lists=False, page_size=2)
    people(clinic, 4)
    clinic.advance(120)
    number, _rings = steering.open_backfill(clinic.sync, Kind.BACKFILL_PATIENTS)
    keep = Step.keeping
    kept = []

    def cut(step: Step, *args: object, **values: object) -> object:
        kept.append(args[0])
        if len(kept) == 2:
            clinic.sync.gate.closed = True
        return keep(step, *args, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(Step, "keeping", cut)
    slice_of(clinic, number)
    assert "place" in str(kept[-1])
    assert "page" not in str(kept[-1]["place"]["next"])  # type: ignore[index]
    clinic.sync.gate.closed = False
    monkeypatch.setattr(Step, "keeping", keep)
    monkeypatch.setattr(links_sealed, "opened", lambda _keys, _sealed: None)
    clinic.settle()
    assert showing.show(clinic.sync, number).total == 5
    assert len(showing.items(clinic.sync, number)) == 5


def test_planning_asks_the_database_by_the_page(clinic: Clinic) -> None:
    """As many statements for twelve charts as for three, once they are indexed."""
    people(clinic, 3)
    planned(clinic)
    with counted(clinic.sync.store) as few:
        planned(clinic)
    people(clinic, 9, email="")
    planned(clinic)
    with counted(clinic.sync.store) as many:
        planned(clinic)
    assert many.within(few.count + 2, few.transactions + 2)
