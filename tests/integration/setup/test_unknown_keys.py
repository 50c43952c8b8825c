"""A baseline under a digest key that is not configured is unknown: never a change, never an end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from sync.operations import renew
from sync.setup.keys import give_up
from sync.store.schema import baseline, object_
from tests.support.clinic import Clinic, checked, open_clinic, wall
from tests.support.sandbox_client import Sandbox

OLD, NEW = "the-former-digest-key-of-32-bytes", "the-present-digest-key-of-32-byte"


@contextmanager
def rekeyed(clinic: Clinic, keys: str) -> Iterator[Clinic]:
    """The same database and remotes under other DIGEST_KEYS; one that is missing is given up."""
    with Clinic(
        clinic.sandbox, clinic.values["database_url"], clinic.home, digest_keys=keys
    ) as other:
        other.patient = clinic.patient
        other.offset = clinic.offset
        give_up(other.sync)
        other.hear()
        other.forget()
        with checked(other):
            yield other


def older(clinic: Clinic) -> list[tuple[str, str]]:
    """The kind and field of each baseline that is not under the current key."""
    with clinic.sync.store.read() as conn:
        rows = conn.execute(
            select(object_.c.system + " " + object_.c.kind, baseline.c.field)
            .join(object_, object_.c.id == baseline.c.object)
            .where(baseline.c.key_id != clinic.sync.digests.key_id)
        )
        return sorted({(row[0], row[1]) for row in rows})


@pytest.fixture
def old(sandbox: Sandbox, database_url: str, tmp_path: Path) -> Iterator[Clinic]:
    with open_clinic(sandbox, database_url, tmp_path, digest_keys=OLD) as clinic:
        clinic.new_patient()
        clinic.go_live()
        yield clinic


def test_a_moved_visit_is_not_another_patients(old: Clinic) -> None:
    """Which side is the newer can't be told: one question, no write, no mail; `keep` answers."""
    appointment, visit = old.linked()
    with rekeyed(old, NEW) as clinic:
        clinic.edit(appointment, scheduled_time=wall(days=4))
        clinic.settle()
        assert clinic.attention() == ["baseline_unreadable"]
        clinic.edit(appointment, scheduled_time=wall(days=5))
        clinic.settle()
        assert clinic.attention() == ["baseline_unreadable"]
        assert (clinic.writes(), clinic.mails()) == ([], [])
        assert [one["id"] for one in clinic.visits()] == [visit]
    with rekeyed(old, f"{NEW},{OLD}") as clinic:  # the key was found
        clinic.edit(appointment, scheduled_time=wall(days=6))
        clinic.settle()
        assert clinic.attention() == []
        assert clinic.mails() == [("change", "app")]
        assert [one["id"] for one in clinic.visits()] == [visit]


def test_what_both_sides_say_alike_needs_no_key(old: Clinic) -> None:
    appointment, _visit = old.linked()
    with rekeyed(old, NEW) as clinic:
        clinic.edit(appointment, color="#123456")
        clinic.settle()
        assert (clinic.attention(), clinic.writes(), clinic.mails()) == ([], [], [])
        clinic.edit(appointment, scheduled_time=wall(days=4))
        clinic.settle()
        assert (clinic.attention(), clinic.mails()) == ([], [("change", "app")])


def test_an_end_under_an_unknown_key_ends_nothing(old: Clinic) -> None:
    appointment, _visit = old.linked()
    with rekeyed(old, NEW) as clinic:
        clinic.edit(appointment, status="Cancelled")
        clinic.settle()
        assert (clinic.attention(), clinic.writes(), clinic.mails()) == (
            ["baseline_unreadable"],
            [],
            [],
        )


def test_a_chart_under_an_unknown_key_changes_nobody(old: Clinic) -> None:
    old.linked()
    with rekeyed(old, NEW) as clinic:
        clinic.edit_patient(clinic.patient, email="another@mail.example")
        clinic.settle()
        assert (clinic.attention(), clinic.writes(), clinic.mails()) == (
            ["baseline_unreadable"],
            [],
            [],
        )


def test_whether_charts_were_merged_can_not_be_told(old: Clinic) -> None:
    """By the ids it is another chart, but the index that would know the person is unreadable."""
    appointment, visit = old.linked()
    first = old.patient
    second = old.new_patient(first_name="Olle", email="olle@mail.example")
    old.patient = first
    with rekeyed(old, NEW) as clinic:
        clinic.edit(appointment, patient=second)
        clinic.settle()
        assert (clinic.attention(), clinic.writes()) == (["baseline_unreadable"], [])
        assert [one["id"] for one in clinic.visits() if not one["cancelled"]] == [visit]


def test_a_change_of_keys_is_no_storm(old: Clinic) -> None:
    """What is shown as it is settled is taken over under the new key: no write, no read by id."""
    appointments = [old.linked(scheduled_time=wall(days=3 + n))[0] for n in range(3)]
    with rekeyed(old, f"{NEW},{OLD}") as clinic:
        for one in appointments:
            clinic.edit(one, color="#123456")
        clinic.settle()
        assert (clinic.calls("drchrono"), clinic.calls("oncall")) == ([], [])
        clinic.whole_cycle()
        clinic.whole_cycle()
        assert (clinic.attention(), clinic.writes(), clinic.mails()) == ([], [], [])
        reads = [c for c in clinic.calls("drchrono") if c.startswith("GET /api/appointments/")]
        assert reads == []
        # OnCall's list of contacts does not show these: they are taken over when read by id.
        names = [("oncall contact", "first_name"), ("oncall contact", "last_name")]
        assert older(clinic) == names
        assert renew.contacts(clinic.sync, 100) == 0
        assert older(clinic) == []
        assert clinic.writes() == []
    with rekeyed(old, NEW) as clinic:  # the old one may go now
        clinic.edit(appointments[0], scheduled_time=wall(days=9))
        clinic.settle()
        assert (clinic.attention(), clinic.mails()) == ([], [("change", "app")])


def test_a_change_of_keys_holds_no_work(old: Clinic) -> None:
    """The noted digest of the OnCall key is of the old one: that is no other OnCall account."""
    appointment, _visit = old.linked()
    with rekeyed(old, f"{NEW},{OLD}") as clinic:
        health = clinic.sandbox.session.get(f"{clinic.url}/healthz", timeout=10).json()
        assert health["parts"]["account"] == {"ok": True}
        clinic.edit(appointment, scheduled_time=wall(days=4))
        clinic.pump()
        assert (clinic.attention(), clinic.mails()) == ([], [("change", "app")])
        assert "GET /providers/" not in clinic.calls("oncall")
