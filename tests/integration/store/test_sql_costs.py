"""What a webhook may ask of the database: statements and transactions, counted at the engine.

Counted over HTTP, from the body's arrival to the answer. Three questions are a process's own and no
webhook's, whoever calls: whether it belongs to its database, every five seconds
(`sync/setup/belonging.py`), and each second whether another process learned a zone or a profile and
how much of DrChrono's budget is left (`sync/runtime.py`). They stand still here.
"""

from collections.abc import Callable

import pytest

from tests.support import forged
from tests.support.clinic import Clinic, wall
from tests.support.sql import Cost, counted, own_questions_asked
from tests.support.templates import on_both

# Statements and transactions.
KNOWN = (8, 1)
UNCHANGED = (6, 1)
# An id that no read has shown gets five rows: aggregate, visit, object, item, delivery. What was
# said of it and the token of its read stand in tables of their own: a flood fills only those.
UNKNOWN = (12, 1)


@pytest.fixture(autouse=True)
def asked_once(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the process ask its own questions before."""
    own_questions_asked(clinic.sync, monkeypatch)


def cost(clinic: Clinic, happens: Callable[[], object]) -> Cost:
    """What the webhooks of something that happens ask of the database; nothing is worked on."""
    clinic.sandbox.wait_idle()
    with counted(clinic.sync.store) as asked:
        happens()
        clinic.sandbox.wait_idle()
    return asked


@on_both
def test_a_known_visit_is_changed_in_drchrono(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    moved = {"scheduled_time": wall(days=3, hour=17)}
    asked = cost(clinic, lambda: clinic.edit(appointment, **moved))
    assert clinic.waiting() == 1
    asked.within(*KNOWN)


@on_both
def test_a_visit_that_waits_already_is_changed_again(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    clinic.edit(appointment, scheduled_time=wall(days=3, hour=17))
    again = {"scheduled_time": wall(days=3, hour=18)}
    cost(clinic, lambda: clinic.edit(appointment, **again)).within(*KNOWN)


@on_both
def test_a_known_visit_is_deleted_in_drchrono(clinic: Clinic) -> None:
    appointment, _ = clinic.linked()
    asked = cost(clinic, lambda: clinic.delete(appointment))
    assert clinic.waiting() == 1
    asked.within(*KNOWN)


@on_both
def test_oncall_says_that_a_known_visit_changed(clinic: Clinic) -> None:
    _, visit = clinic.linked()
    asked = cost(clinic, lambda: forged.oncall(clinic, visit))
    assert clinic.waiting() == 1
    asked.within(*KNOWN)


@on_both
def test_a_known_chart_is_changed(clinic: Clinic) -> None:
    clinic.linked()
    new = {"email": "vera.lindqvist@mail.example"}
    asked = cost(clinic, lambda: clinic.edit_patient(clinic.patient, **new))
    assert clinic.waiting() == 1
    asked.within(*KNOWN)


@on_both
def test_nothing_of_ours_changed(clinic: Clinic) -> None:
    """Said once and once more: the second takes the place of the first."""
    appointment, _ = clinic.linked()
    for colour in ("Red", "Green"):
        asked = cost(clinic, lambda to=colour: clinic.edit(appointment, color=to))
        assert clinic.waiting() == 0
        asked.within(*UNCHANGED)


@on_both
def test_nothing_of_ours_changed_in_a_chart(clinic: Clinic) -> None:
    clinic.linked()
    asked = cost(clinic, lambda: clinic.edit_patient(clinic.patient, race="white"))
    assert clinic.waiting() == 0
    asked.within(*UNCHANGED)


@on_both
def test_nobody_read_the_appointment_yet(clinic: Clinic) -> None:
    clinic.linked()
    later = {"scheduled_time": wall(days=9)}
    asked = cost(clinic, lambda: clinic.book(patient=clinic.patient, **later))
    assert clinic.waiting() == 1
    asked.within(*UNKNOWN)


@on_both
def test_nobody_read_the_visit_yet(clinic: Clinic) -> None:
    clinic.linked()
    asked = cost(clinic, lambda: forged.oncall(clinic, 99_999_999, "appointment_created"))
    assert clinic.waiting() == 1
    asked.within(*UNKNOWN)


@on_both
def test_none_of_ours(clinic: Clinic) -> None:
    """Nothing is kept but a count, and that it changed: somebody may wait for its place."""
    other = forged.appointment(99_999, doctor=1)
    # The first of an hour is noted for the set-up's page, apart (`sync.setup.told`).
    forged.drchrono(clinic, "APPOINTMENT_CREATE", forged.appointment(99_998, doctor=1))
    asked = cost(clinic, lambda: forged.drchrono(clinic, "APPOINTMENT_CREATE", other))
    assert clinic.waiting() == 0
    asked.within(4, 1)
