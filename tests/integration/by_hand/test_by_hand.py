"""Pair, unlink, keep and exclude by hand, each with a preview and an audit line."""

import os

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from cli import environment
from cli.main import cli
from sync.operations.hand import by_hand, keep, pair
from sync.operations.hand.by_hand import NotPossibleError
from sync.operations.lookup import UnknownError
from sync.store.schema import decision
from tests.support.clinic import Clinic, utc, wall

LATER = f"{utc(days=3, hour=18):%Y-%m-%dT%H:%M:%SZ}"


def decisions(clinic: Clinic) -> list[tuple[str, str, str, str]]:
    with clinic.sync.store.read() as conn:
        rows = conn.execute(select(decision).order_by(decision.c.at, decision.c.a))
        return [(row.kind, row.a, row.b, row.by) for row in rows]


@pytest.fixture
def linked(clinic: Clinic) -> tuple[Clinic, str, str]:
    """One visit on both sides: its appointment's id and the OnCall visit's."""
    appointment = clinic.book()
    clinic.settle()
    (visit,) = clinic.visits()
    clinic.forget()
    return clinic, appointment, str(visit["id"])


@pytest.fixture
def apart(clinic: Clinic) -> tuple[Clinic, str, str]:
    """An appointment and an OnCall visit at another time that stand for the same."""
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop"})
    appointment = clinic.book()
    visit = clinic.invite(datetime=LATER)
    clinic.pump()
    clinic.sandbox.faults("drchrono", webhooks={"mode": "deliver"})
    clinic.sandbox.faults("oncall", webhooks={"mode": "deliver"})
    clinic.forget()
    return clinic, appointment, visit


# --- pair -----------------------------------------------------------------------------------------


def test_pair_a_visit_links_it_and_asks_about_what_differs(apart: tuple[Clinic, str, str]) -> None:
    clinic, appointment, visit = apart
    found = pair.pair_preview(clinic.sync, "visit", appointment, visit)
    assert "starts: they differ and stay so until: drchrono-oncall keep" in found.lines
    assert found.mails == 0
    assert decisions(clinic) == []
    pair.pair(clinic.sync, "visit", appointment, visit)
    clinic.settle()
    assert (len(clinic.appointments()), len(clinic.visits())) == (1, 1)
    assert clinic.attention() == ["starts_differs"]
    assert clinic.mails() == []
    assert decisions(clinic) == [("pair", f"appointment:{appointment}", f"visit:{visit}", "test")]
    keep.keep(clinic.sync, "drchrono", "appointment", appointment)
    clinic.settle()
    assert clinic.visits()[0]["datetime"] == f"{utc(days=3):%Y-%m-%dT%H:%M:%SZ}"
    assert clinic.mails() == [("change", "app")]
    assert clinic.attention() == []
    clinic.edit(appointment, scheduled_time=wall(days=5))
    clinic.settle()
    assert clinic.visits()[0]["datetime"] == f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}"


def test_pair_what_is_linked_already_is_refused(linked: tuple[Clinic, str, str]) -> None:
    clinic, appointment, visit = linked
    other = clinic.book(scheduled_time=wall(days=6))
    clinic.settle()
    for act in (pair.pair_preview, lambda *args: pair.pair(*args)):
        with pytest.raises(NotPossibleError, match="unlink"):
            act(clinic.sync, "visit", other, visit)
        with pytest.raises(UnknownError):
            act(clinic.sync, "visit", appointment, "999999")
    assert decisions(clinic) == []


def test_pair_a_person_with_a_contact_of_another_name(clinic: Clinic) -> None:
    """A changed surname is no match by itself; somebody who knows says that it is her."""
    base = clinic.sandbox.oncall_url
    made = clinic.sandbox.staff_oncall(
        "POST",
        "/contacts/",
        {
            "first_name": "Vera",
            "last_name": "Berg",
            "email": "vera@mail.example",
            "provider": f"{base}/providers/196157/",
            "division": f"{base}/divisions/2404/",
        },
    )
    contact = made.json()["url"].rstrip("/").rpartition("/")[2]
    clinic.pump()
    found = pair.pair_preview(clinic.sync, "person", str(clinic.patient), contact)
    assert "last_name: they differ and stay so until: drchrono-oncall keep" in found.lines
    assert found.mails == 0
    pair.pair(clinic.sync, "person", str(clinic.patient), contact)
    clinic.book()
    clinic.settle()
    assert [one["last_name"] for one in clinic.of("oncall", "contacts")] == ["Berg"]
    assert clinic.attention() == ["contact_differs"]
    keep.keep(clinic.sync, "drchrono", "patient", str(clinic.patient))
    clinic.settle()
    assert [one["last_name"] for one in clinic.of("oncall", "contacts")] == ["Lindqvist"]
    assert clinic.attention() == []


# --- unlink ---------------------------------------------------------------------------------------


def test_unlink_makes_each_its_own_and_never_pairs_them_again(
    linked: tuple[Clinic, str, str],
) -> None:
    clinic, appointment, visit = linked
    found = by_hand.unlink_preview(clinic.sync, "appointment", appointment)
    assert found.mails == 1
    assert any("a new OnCall visit is made" in line for line in found.lines)
    assert len(clinic.visits()) == 1
    by_hand.unlink(clinic.sync, "appointment", appointment)
    assert decisions(clinic) == [
        ("never_pair", f"appointment:{appointment}", f"visit:{visit}", "test")
    ]
    clinic.settle()
    clinic.catch_up()
    assert len(clinic.visits()) == 2
    # The same patient at the same time twice: a person is told, nobody is booked double.
    assert len(clinic.appointments()) == 1
    assert clinic.attention() == ["slot_taken"]
    assert clinic.mails() == [("invitation", "app")]
    # No two visits bear the same marker: the new one is another life of the appointment's.
    first, second = (one["metadata"] for one in clinic.visits())
    assert first != second
    clinic.edit(appointment, scheduled_time=wall(days=5))
    clinic.settle()
    stands = {str(v["id"]): v["datetime"] for v in clinic.visits()}
    assert stands.pop(visit) == f"{utc(days=3):%Y-%m-%dT%H:%M:%SZ}"
    assert list(stands.values()) == [f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}"]


def test_unlinked_can_be_paired_again_by_hand(linked: tuple[Clinic, str, str]) -> None:
    clinic, appointment, visit = linked
    by_hand.unlink(clinic.sync, "oncall-appointment", visit)
    pair.pair(clinic.sync, "visit", appointment, visit)
    clinic.settle()
    clinic.edit(appointment, scheduled_time=wall(days=5))
    clinic.settle()
    (now,) = clinic.visits()
    assert (str(now["id"]), now["datetime"]) == (visit, f"{utc(days=5):%Y-%m-%dT%H:%M:%SZ}")
    assert clinic.mails() == [("change", "app")]
    assert [(kind, by) for kind, _, _, by in decisions(clinic)] == [("pair", "test")]


def test_unlink_a_contact_makes_another_one(linked: tuple[Clinic, str, str]) -> None:
    clinic, _, _ = linked
    (contact,) = clinic.of("oncall", "contacts")
    wrong = str(contact["id"])
    assert by_hand.unlink_preview(clinic.sync, "contact", wrong).mails == 0
    by_hand.unlink(clinic.sync, "contact", wrong)
    clinic.settle()
    assert len(clinic.of("oncall", "contacts")) == 2
    clinic.edit_patient(clinic.patient, first_name="Veronika")
    clinic.settle()
    names = {str(one["id"]): one["first_name"] for one in clinic.of("oncall", "contacts")}
    assert names.pop(wrong) == "Vera"
    assert list(names.values()) == ["Veronika"]


def test_unlink_what_is_linked_with_nothing(clinic: Clinic) -> None:
    with pytest.raises(UnknownError):
        by_hand.unlink_preview(clinic.sync, "appointment", "4711")
    with pytest.raises(NotPossibleError):
        by_hand.unlink_preview(clinic.sync, "patient", str(clinic.patient))


# --- keep -----------------------------------------------------------------------------------------


def differing(linked: tuple[Clinic, str, str]) -> tuple[Clinic, str, str]:
    """OnCall's time and length were changed, and nobody has told us yet."""
    clinic, appointment, visit = linked
    clinic.sandbox.faults("oncall", webhooks={"mode": "drop"})
    clinic.change_visit(visit, datetime=LATER, duration=45)
    clinic.sandbox.faults("oncall", webhooks={"mode": "deliver"})
    clinic.forget()
    return clinic, appointment, visit


def test_keep_drchrono_overwrites_oncall(linked: tuple[Clinic, str, str]) -> None:
    clinic, appointment, _ = differing(linked)
    found = keep.keep_preview(clinic.sync, "drchrono", "appointment", appointment)
    assert found.lines == ("starts, minutes: written to oncall (1 mail)",)
    assert found.mails == 1
    assert clinic.visits()[0]["datetime"] == LATER
    keep.keep(clinic.sync, "drchrono", "appointment", appointment)
    clinic.settle()
    (now,) = clinic.visits()
    assert (now["datetime"], now["duration"]) == (f"{utc(days=3):%Y-%m-%dT%H:%M:%SZ}", 30)
    assert clinic.appointment(appointment)["scheduled_time"] == wall(days=3)
    assert clinic.mails() == [("change", "app")]
    assert decisions(clinic) == [("keep", f"appointment:{appointment}", "drchrono", "test")]


def test_keep_oncall_overwrites_one_field_of_drchrono(linked: tuple[Clinic, str, str]) -> None:
    clinic, appointment, visit = differing(linked)
    found = keep.keep_preview(clinic.sync, "oncall", "oncall-appointment", visit, ("minutes",))
    # The time is OnCall's edit anyway, which is carried as ever.
    assert found.lines == ("starts, minutes: written to drchrono (0 mails)",)
    keep.keep(clinic.sync, "oncall", "oncall-appointment", visit, ("minutes",))
    clinic.settle()
    now = clinic.appointment(appointment)
    assert (now["scheduled_time"], now["duration"]) == (wall(days=3, hour=18), 45)
    assert clinic.mails() == []


def test_keep_needs_a_difference_and_a_known_field(linked: tuple[Clinic, str, str]) -> None:
    clinic, appointment, _ = linked
    with pytest.raises(NotPossibleError, match="nothing to keep"):
        keep.keep(clinic.sync, "drchrono", "appointment", appointment)
    with pytest.raises(NotPossibleError, match="starts, minutes, type, provider, state"):
        keep.keep(clinic.sync, "drchrono", "appointment", appointment, ("x",))
    with pytest.raises(NotPossibleError, match="flow from the chart"):
        keep.keep(clinic.sync, "oncall", "patient", str(clinic.patient))
    assert clinic.due() == []


def test_keep_drchrono_writes_a_person_to_contact_and_participant(
    linked: tuple[Clinic, str, str],
) -> None:
    clinic, _, _ = linked
    (contact,) = clinic.of("oncall", "contacts")
    (participant,) = clinic.visits()[0]["participants"]
    for path in (f"/contacts/{contact['id']}/", f"/participants/{participant['id']}/"):
        answer = clinic.sandbox.staff_oncall("PATCH", path, {"first_name": "Wera"})
        assert answer.status_code == 200, answer.text
    clinic.settle()
    clinic.forget()
    found = keep.keep_preview(clinic.sync, "drchrono", "patient", str(clinic.patient))
    assert found.mails == 1
    keep.keep(clinic.sync, "drchrono", "patient", str(clinic.patient))
    clinic.settle()
    assert [one["first_name"] for one in clinic.of("oncall", "contacts")] == ["Vera"]
    assert clinic.visits()[0]["participants"][0]["first_name"] == "Vera"
    assert [one for one in clinic.calls("drchrono") if not one.startswith("GET")] == []


# --- exclude --------------------------------------------------------------------------------------


def test_exclude_stops_syncing_a_patient_until_undone(linked: tuple[Clinic, str, str]) -> None:
    clinic, appointment, _ = linked
    patient = str(clinic.patient)
    found = by_hand.exclude_preview(clinic.sync, patient)
    assert found.mails == 0
    assert "1 visits to come stay as they are" in found.lines[1]
    by_hand.exclude(clinic.sync, patient)
    assert decisions(clinic) == [("exclude", patient, "", "test")]
    clinic.edit(appointment, scheduled_time=wall(days=5))
    clinic.edit_patient(clinic.patient, first_name="Veronika")
    clinic.book(scheduled_time=wall(days=6))
    clinic.settle()
    clinic.catch_up()
    assert [one for one in clinic.calls("oncall") if not one.startswith("GET")] == []
    assert clinic.mails() == []
    by_hand.exclude(clinic.sync, patient, undo=True)
    clinic.settle()
    times = sorted(one["datetime"] for one in clinic.visits())
    assert times == [f"{utc(days=day):%Y-%m-%dT%H:%M:%SZ}" for day in (5, 6)]
    assert [one["first_name"] for one in clinic.of("oncall", "contacts")] == ["Veronika"]


# --- the commands ---------------------------------------------------------------------------------


def test_each_command_shows_what_follows_and_does_it_only_when_told(
    linked: tuple[Clinic, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic, appointment, visit = differing(linked)
    monkeypatch.setattr(environment, "settings", lambda: clinic.settings)
    runner = CliRunner()
    for arguments, mails in (
        (["keep", "drchrono", "appointment", appointment], 1),
        (["exclude", str(clinic.patient)], 0),
        (["unlink", "appointment", appointment], 1),
        (["pair", "visit", appointment, visit], 0),
    ):
        shown = runner.invoke(cli, arguments)
        assert shown.exit_code == 1, shown.output
        before = len(decisions(clinic))
        if arguments[0] == "pair":
            assert "differ" in shown.stdout
        assert f"Mails: {mails}" in shown.stdout
        assert "--yes" in shown.stderr
        done = runner.invoke(cli, [*arguments, "--yes"])
        assert done.exit_code == 0, done.output
        assert len(decisions(clinic)) == before + (arguments[0] != "pair")
    assert {by for _, _, _, by in decisions(clinic)} == {f"uid {os.getuid()}"}
