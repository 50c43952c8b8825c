"""People: names and addresses right everywhere, charts merged, nobody mailed who must not be.

O… are facts of docs/api-facts.md.
"""

from typing import Any

import pytest

from tests.support.clinic import DIVISION, PROVIDER, Clinic, utc, wall
from tests.support.syncs import decide, linked, visit_of

OTHER_DOCTOR, OTHER_TELEHEALTH = 202, 404


def participants(clinic: Clinic) -> list[tuple[str, str, str]]:
    """Everybody who is invited to a visit: first name, last name, e-mail."""
    return sorted(
        (p["first_name"], p["last_name"], p["email"])
        for visit in clinic.visits()
        for p in visit["participants"]
    )


def contacts(clinic: Clinic) -> list[tuple[str, str, str]]:
    return sorted(
        (c["first_name"], c["last_name"], c["email"]) for c in clinic.of("oncall", "contacts")
    )


def chart(clinic: Clinic, patient: int) -> dict[str, Any]:
    return next(p for p in clinic.of("drchrono", "patients") if p["id"] == patient)


# --- names and addresses --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("Cher", ""),
        ("", "Sukarno"),
        ("A" * 60, "B" * 60),
        ("Zoë", "Núñez-Žižek"),
        ("Sam 🙂", "O’Néill Jr."),
        ("王", "小明"),
    ],
)
def test_names_of_every_kind_there_and_back(clinic: Clinic, first: str, last: str) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    patient = clinic.new_patient(first_name=first, last_name=last, email="who@mail.example")
    clinic.book()
    clinic.pump()
    assert participants(clinic) == [(first, last, "who@mail.example")]
    assert contacts(clinic) == [(first, last, "who@mail.example")]
    who = {"first_name": first, "last_name": last, "email": "who@mail.example"}
    clinic.invite(participants=[who])
    clinic.settle()
    assert [a["patient"] for a in clinic.appointments()] == [patient, patient]
    assert clinic.attention() == []


def test_a_new_name_and_e_mail_reach_every_contact_and_open_future_visit(clinic: Clinic) -> None:
    """Two doctors in two divisions: two contacts of one patient, and both are kept right."""
    linked(clinic)
    linked(clinic, doctor=OTHER_DOCTOR, profile=OTHER_TELEHEALTH, scheduled_time=wall(days=6))
    over, ended = linked(clinic, scheduled_time=wall(days=8))
    clinic.edit(over, status="Cancelled")
    clinic.pump()
    clinic.forget()
    clinic.edit_patient(clinic.patient, last_name="Sørensen", email="vera.s@mail.example")
    clinic.settle()
    now = ("Vera", "Sørensen", "vera.s@mail.example")
    assert participants(clinic) == [now, now]
    assert contacts(clinic) == [now, now]
    places = {(c["provider"], c["division"]) for c in clinic.of("oncall", "contacts")}
    assert len(places) == 2
    (former,) = visit_of(clinic, ended)["participants"]  # type: ignore[misc,attr-defined]
    assert former["email"] == "vera@mail.example"
    assert clinic.mails() == [("invitation", "app"), ("invitation", "app")]
    clinic.catch_up()
    assert len(clinic.mails()) == 2


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("where", ["participant", "contact"])
def test_demographics_flow_back_only_where_the_mapping_says_so(
    clinic: Clinic, back: bool, where: str
) -> None:
    _, visit = linked(clinic)
    linked(clinic, scheduled_time=wall(days=6))
    decide(clinic, f"[policy]\ndemographics_back = {str(back).lower()}")
    (one,) = visit_of(clinic, visit)["participants"]  # type: ignore[misc,attr-defined]
    (contact,) = clinic.of("oncall", "contacts")
    path = {"participant": f"/participants/{one['id']}/", "contact": f"/contacts/{contact['id']}/"}
    answer = clinic.sandbox.staff_oncall("PATCH", path[where], {"email": "fixed@mail.example"})
    assert answer.status_code == 200
    clinic.catch_up()
    patient = chart(clinic, clinic.patient)
    assert patient["email"] == ("fixed@mail.example" if back else "vera@mail.example")
    if back:
        now = ("Vera", "Lindqvist", "fixed@mail.example")
        assert participants(clinic) == [now, now]
        assert contacts(clinic) == [now]
        written = [call for call in clinic.calls("oncall") if call.startswith("PATCH")]
        others = {
            "participant": ["PATCH /contacts/ID/", "PATCH /participants/ID/"],
            "contact": ["PATCH /participants/ID/", "PATCH /participants/ID/"],
        }
        assert sorted(written) == others[where]
        clinic.catch_up()
        assert [call for call in clinic.calls("drchrono") if call.startswith("P")].count(
            "PATCH /api/patients/ID"
        ) == 1


# --- who gets nothing -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["I", "D"])
def test_no_new_visit_for_inactive_and_deceased_patients(clinic: Clinic, status: str) -> None:
    clinic.edit_patient(clinic.patient, patient_status=status)
    clinic.book()
    clinic.settle()
    assert clinic.visits() == []
    assert clinic.mails() == []
    assert clinic.attention() == ["patient_inactive"]
    clinic.edit_patient(clinic.patient, patient_status="A")
    clinic.settle()
    assert len(clinic.visits()) == 1
    assert clinic.attention() == []


@pytest.mark.parametrize("status", ["I", "D"])
def test_no_mail_for_a_change_of_an_inactive_or_deceased_patient(
    clinic: Clinic, status: str
) -> None:
    linked(clinic)
    clinic.edit_patient(clinic.patient, patient_status=status, email="estate@mail.example")
    clinic.settle()
    assert clinic.mails() == []
    assert clinic.attention() == ["patient_inactive"]
    clinic.catch_up()
    assert clinic.attention() == ["patient_inactive"]
    clinic.edit_patient(clinic.patient, patient_status="A")
    clinic.settle()
    assert participants(clinic) == [("Vera", "Lindqvist", "estate@mail.example")]
    assert clinic.attention() == []


@pytest.mark.parametrize("status", ["I", "D"])
def test_a_move_waits_while_the_patient_is_inactive_and_an_end_does_not(
    clinic: Clinic, status: str
) -> None:
    appointment, visit = linked(clinic)
    other, ended = linked(clinic, scheduled_time=wall(days=6))
    clinic.edit_patient(clinic.patient, patient_status=status)
    clinic.settle()
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    clinic.edit(other, status="Cancelled")
    clinic.catch_up()
    assert clinic.mails() == [("cancellation", "app")]
    assert visit_of(clinic, ended)["cancelled"] is True
    assert set(clinic.attention()) == {"patient_inactive"}
    clinic.edit_patient(clinic.patient, patient_status="A")
    clinic.settle()
    assert visit_of(clinic, visit)["datetime"] == f"{utc(days=3, hour=17):%Y-%m-%dT%H:%M:%SZ}"
    assert clinic.mails() == [("cancellation", "app"), ("change", "app")]
    assert clinic.attention() == []


# --- who is who -----------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
def test_charts_merged_in_drchrono_are_the_same_person(clinic: Clinic, known: bool) -> None:
    """The appointment's patient is another id with the same name, birth date and e-mail."""
    appointment, visit = linked(clinic)
    if not known:
        clinic.sandbox.faults("drchrono", webhooks={"mode": "drop", "times": 1})
    kept = clinic.new_patient()
    clinic.pump()
    clinic.edit(appointment, patient=kept)
    clinic.settle()
    assert [v["id"] for v in clinic.visits()] == [visit]
    assert clinic.mails() == []
    assert clinic.attention() == []
    # The chart that stays is followed from here on.
    clinic.edit_patient(kept, email="vera.new@mail.example")
    clinic.settle()
    assert participants(clinic) == [("Vera", "Lindqvist", "vera.new@mail.example")]
    assert contacts(clinic) == [("Vera", "Lindqvist", "vera.new@mail.example")]


@pytest.mark.parametrize(
    "other",
    [
        {"first_name": "Omar", "email": "omar@mail.example"},
        # A twin, or a parent and child, with one e-mail for the family.
        {"first_name": "Vesna"},
        {"date_of_birth": "2012-05-06"},
        {"date_of_birth": None},
    ],
)
def test_a_swapped_patient_is_a_new_visit(clinic: Clinic, other: dict[str, Any]) -> None:
    appointment, old = linked(clinic)
    clinic.edit(appointment, patient=clinic.new_patient(**other))
    clinic.settle()
    (visit,) = clinic.visits()
    assert visit["id"] != old
    assert visit_of(clinic, old)["cancelled"] is True
    assert sorted(clinic.mails()) == [("cancellation", "app"), ("invitation", "app")]


def test_two_charts_without_a_birth_date_may_be_two_people(clinic: Clinic) -> None:
    clinic.new_patient(date_of_birth=None)
    appointment, old = linked(clinic)
    clinic.edit(appointment, patient=clinic.new_patient(date_of_birth=None))
    clinic.settle()
    (visit,) = clinic.visits()
    assert visit["id"] != old


@pytest.mark.parametrize(
    ("policy", "made", "attention"),
    [("create", 1, []), ("ask", 0, ["new_patient"]), ("never", 0, ["participant_unmatched"])],
)
def test_someone_new_in_oncall_by_policy(
    clinic: Clinic, policy: str, made: int, attention: list[str]
) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    decide(clinic, f'[policy]\nnew_patients = "{policy}"')
    who = {"first_name": "Ines", "last_name": "Okoro", "email": "ines@mail.example"}
    clinic.invite(participants=[who], datetime=f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}")
    clinic.settle()
    assert len([p for p in clinic.of("drchrono", "patients") if p["last_name"] == "Okoro"]) == made
    assert len(clinic.appointments()) == made
    assert clinic.attention() == attention


def test_contacts_for_everyone_where_the_mapping_says_so(clinic: Clinic) -> None:
    clinic.new_patient(first_name="Nils", email="nils@mail.example")
    clinic.new_patient(first_name="Nomail", email="")
    clinic.new_patient(first_name="Gone", email="gone@mail.example", patient_status="I")
    clinic.settle()
    assert clinic.of("oncall", "contacts") == []
    decide(clinic, '[policy]\npeople = "all"')
    clinic.settle()
    names = [contact["first_name"] for contact in clinic.of("oncall", "contacts")]
    assert sorted(names) == ["Nils", "Vera"]
    # Somebody new, and a change of somebody without a visit, come by their webhooks.
    late = clinic.new_patient(first_name="Lene", email="lene@mail.example")
    clinic.settle()
    clinic.edit_patient(late, email="lene.berg@mail.example")
    clinic.settle()
    emails = [contact["email"] for contact in clinic.of("oncall", "contacts")]
    assert sorted(emails) == ["lene.berg@mail.example", "nils@mail.example", "vera@mail.example"]
    assert clinic.mails() == []
    assert clinic.attention() == []
    clinic.forget()
    clinic.whole_cycle()
    assert clinic.writes() == []


VERA = {"first_name": "Vera", "last_name": "Lindqvist", "email": "vera@mail.example"}
BORN = "1984-05-06"


@pytest.mark.parametrize(
    ("other", "typed", "born", "found"),
    [
        # One e-mail for the family: the birth date of the contact says who it is.
        ({"first_name": "Liv", "date_of_birth": "2012-02-03"}, {}, BORN, "vera"),
        ({"first_name": "Liv", "date_of_birth": "2012-02-03"}, {}, None, None),
        # Twins: one e-mail, one birth date, one surname.
        ({"first_name": "Vesna"}, {}, BORN, "vera"),
        ({"first_name": "Vesna"}, {}, None, None),
        # Father and son of one name.
        ({"last_name": "Lindqvist Jr.", "date_of_birth": "2012-02-03"}, {}, BORN, "vera"),
        ({"last_name": "Lindqvist Jr.", "date_of_birth": "2012-02-03"}, {}, None, None),
        # Accents and capitals are spelling, a changed surname is not.
        (None, {"first_name": "VÉRA", "last_name": "lindqvíst"}, None, "vera"),
        (None, {"last_name": "Sørensen"}, BORN, None),
        # Another birth date is another person; an unknown one may be anybody.
        (None, {}, "1985-05-06", None),
        ({"date_of_birth": None}, {}, BORN, None),
        # Another e-mail: a namesake, or she has a new one.
        (None, {"email": "vera.l@mail.example"}, None, None),
    ],
)
def test_who_is_invited_in_oncall_is_never_guessed(
    clinic: Clinic,
    other: dict[str, Any] | None,
    typed: dict[str, str],
    born: str | None,
    found: str | None,
) -> None:
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    vera = clinic.patient
    if other is not None:
        clinic.new_patient(**other)
    who = VERA | typed
    if born is not None:
        base = clinic.sandbox.oncall_url
        place = {
            "provider": f"{base}/providers/{PROVIDER}/",
            "division": f"{base}/divisions/{DIVISION}/",
        }
        body = who | place | {"date_of_birth": born}
        assert clinic.sandbox.staff_oncall("POST", "/contacts/", body).status_code == 201
    clinic.pump()
    clinic.invite(participants=[who])
    clinic.settle()
    booked = [a["patient"] for a in clinic.appointments()]
    assert booked == ([vera] if found else [])
    assert clinic.attention() == ([] if found else ["patient_unsure"])


def test_an_e_mail_that_oncall_lets_no_contact_change_is_told_once(clinic: Clinic) -> None:
    """A contact's e-mail may not be editable (O33). The visits' participants are put right."""
    linked(clinic)
    clinic.sandbox.behaviours("oncall", contact_email_editable=False)
    clinic.edit_patient(clinic.patient, email="vera.new@mail.example")
    clinic.settle()
    clinic.catch_up()
    assert participants(clinic) == [("Vera", "Lindqvist", "vera.new@mail.example")]
    assert contacts(clinic) == [("Vera", "Lindqvist", "vera@mail.example")]
    assert clinic.attention() == ["contact_refused"]
    assert clinic.calls("oncall").count("PATCH /contacts/ID/") == 1
