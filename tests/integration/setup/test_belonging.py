"""A process that does not belong to its database does no work, and says what to do."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from sqlalchemy import select, text, update

from cli import environment
from cli.main import cli
from sync.assemble import build
from sync.config import Settings
from sync.runtime import Sync
from sync.setup import keys
from sync.setup.belonging import Belonging
from sync.store import attention as items
from sync.store import revisions
from sync.store.clock import DatabaseClock
from sync.store.database import Store
from sync.store.schema import attention, digest_key, installation
from sync.tasks import schedule, worker
from tests.support.clinic import SECRET, Clinic, open_clinic, wall
from tests.support.sandbox_client import Sandbox
from workers import heartbeat

OLD, NEW = "the-former-digest-key-of-32-bytes", "the-present-digest-key-of-32-byte"


def settings(url: str, **changes: str) -> Settings:
    values = {
        "database_url": url,
        "digest_keys": OLD,
        "encryption_keys": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "sync_mode": "live",
        **changes,
    }
    return Settings(_env_file=None, **values)  # type: ignore[call-arg, arg-type]


def process(store: Store, **changes: str) -> Sync:
    """What another process of the installation has."""
    return build(settings(store.url, **changes), owner="test")


def misfit(sync: Sync) -> str:
    """What it would find if it asked now."""
    sync.fit = Belonging()
    return sync.misfit() or ""


def ended_with(settings: Settings) -> str:
    """What a worker or beat says when it ends at its start; nothing when it begins."""
    try:
        heartbeat.build(settings, "worker").close()
    except SystemExit as ended:
        return str(ended.code)
    return ""


def test_tables_of_another_version_are_left_alone(store: Store) -> None:
    assert ended_with(settings(store.url)) == ""
    sync = process(store)
    assert misfit(sync) == ""
    for revision, said in (("9999", "deploy the newer image"), ("0001", "drchrono-oncall migrate")):
        with store.write() as conn:
            conn.execute(text("UPDATE alembic_version SET version_num = :at"), {"at": revision})
        # At the start, and while it runs: a migration may come at any time.
        assert said in ended_with(settings(store.url))
        assert said in misfit(sync)
        assert worker.run(sync, 1) == ()
        assert schedule.due_tasks(sync) == ()
    sync.close()


def test_a_database_without_tables_is_told_of(empty_database_url: str) -> None:
    assert "drchrono-oncall migrate" in ended_with(settings(empty_database_url))


def test_a_database_that_is_away_keeps_no_process_from_starting() -> None:
    assert ended_with(settings("postgresql+psycopg://nobody@127.0.0.1:1/none")) == ""


def test_the_newest_revision_is_known(store: Store) -> None:
    with store.read() as conn:
        assert revisions.present(conn) == revisions.known()[0]


# --- keys -----------------------------------------------------------------------------------------


@pytest.fixture
def old(sandbox: Sandbox, database_url: str, tmp_path: Path) -> Iterator[Clinic]:
    with open_clinic(sandbox, database_url, tmp_path, digest_keys=OLD) as clinic:
        clinic.new_patient()
        clinic.go_live()
        yield clinic


def test_other_keys_are_refused_until_all_are_there(
    old: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `$` that compose has eaten is enough to have another key."""
    appointment, visit = old.linked()
    with Clinic(old.sandbox, old.values["database_url"], old.home, digest_keys=NEW) as wrong:
        wrong.hear()
        said = ended_with(wrong.settings)
        assert "DIGEST_KEYS" in said
        assert old.sync.digests.key_id in said
        assert NEW not in said
        old.edit(appointment, scheduled_time=wall(days=4))
        old.sandbox.wait_idle()
        refused = requests.post(
            f"{wrong.url}/webhooks/drchrono",
            json={"object": {"id": appointment}},
            headers={"X-drchrono-event": "APPOINTMENT_MODIFY", "X-drchrono-signature": SECRET},
            timeout=10,
        )
        assert refused.status_code == 503
        assert requests.get(f"{wrong.url}/readyz", timeout=10).status_code == 503
        assert (wrong.due(), wrong.waiting()) == ([], 0)
        monkeypatch.setattr(environment, "settings", lambda: wrong.settings)
        told = CliRunner().invoke(cli, ["keys", "status"])
        assert "MISSING" in told.output
        assert told.exit_code == 1
        assert "DIGEST_KEYS" in CliRunner().invoke(cli, ["resync", "visit", "1"]).output
        found = CliRunner().invoke(cli, ["check", "--json"])
        assert "DIGEST_KEYS is not what" in found.output
    old.hear()
    old.edit(appointment, scheduled_time=wall(days=5))
    old.settle()
    assert [one["id"] for one in old.visits()] == [visit]


def test_a_new_key_is_for_every_process(store: Store) -> None:
    """One that was not told of it does no work, at its start and from then on."""
    first, both = process(store), process(store, digest_keys=f"{NEW},{OLD}")
    assert misfit(first) == ""
    with store.write() as conn:
        conn.execute(digest_key.update().values(since=datetime(2026, 1, 1, tzinfo=UTC)))
        person = conn.execute(
            text("INSERT INTO aggregate (kind, created_at) VALUES ('person', :at) RETURNING id"),
            {"at": datetime(2026, 1, 1, tzinfo=UTC)},
        ).scalar_one()
    assert misfit(both) == ""
    for sync in (first, both):
        _index(sync, person)
    assert misfit(both) == ""
    assert "DIGEST_KEYS" in misfit(first)
    only_new = process(store, digest_keys=NEW)
    assert misfit(only_new) == ""  # the index was made with the new one last: the old may go
    with store.read() as conn:
        known = set(conn.execute(select(digest_key.c.key_id)).scalars())
    assert known == {only_new.digests.key_id}
    for sync in (first, both, only_new):
        sync.close()


def _index(sync: Sync, person: int) -> None:
    from sync.store.tables import person_index

    with sync.store.write() as conn:
        person_index.remember(conn, sync.digests, person, [("email", ("a@mail.example",))])


def test_keys_of_rows_from_before_they_were_written_down(store: Store) -> None:
    """The first start after an upgrade: the rows say which keys are needed."""
    writer = process(store)
    with store.write() as conn:
        person = conn.execute(
            text("INSERT INTO aggregate (kind, created_at) VALUES ('person', :at) RETURNING id"),
            {"at": datetime(2026, 1, 1, tzinfo=UTC)},
        ).scalar_one()
    _index(writer, person)
    other = process(store, digest_keys=NEW)
    assert "DIGEST_KEYS" in misfit(other)
    assert keys.give_up(other) == [writer.digests.key_id]
    assert misfit(other) == ""
    assert [(one.lost, one.needed) for one in keys.status(other) if not one.current] == [
        (True, {"people": 1})
    ]
    for sync in (writer, other):
        sync.close()


# --- accounts -------------------------------------------------------------------------------------


def test_a_key_of_another_organisation_does_no_work(old: Clinic) -> None:
    another = f"{old.sync.digests.key_id}:of another key"
    with old.sync.store.write() as conn:
        conn.execute(update(installation).values(oncall_proof=another))
    old.forget()
    assert misfit(old.sync) == ""  # it is another key, and OnCall says that it is the same clinic's
    assert len(old.calls("oncall")) == 1
    assert misfit(old.sync) == ""
    assert len(old.calls("oncall")) == 1
    with old.sync.store.write() as conn:
        conn.execute(update(installation).values(oncall_proof=another, oncall_org="99999"))
    assert "ONCALL_KEY is of another OnCall organisation" in misfit(old.sync)
    old.book()
    old.sandbox.wait_idle()
    old.forget()
    assert all(worker.run(old.sync, one) == () for one in old.due())
    assert (old.calls("drchrono"), old.calls("oncall")) == ([], [])


# --- a copy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("moved", "mode"), [(True, "shadow"), (True, "paused"), (False, "shadow")])
def test_a_copy_uses_no_token_that_another_lives_on(old: Clinic, moved: bool, mode: str) -> None:
    """At half of the token's life its renewal would end the pair that the original has."""
    address = "https://staging.example" if moved else old.settings.public_url
    before = old.sync.keeper.version()
    with Clinic(
        old.sandbox,
        old.values["database_url"],
        old.home,
        digest_keys=OLD,
        public_url=address,
        sync_mode=mode,
    ) as copy:
        copy.advance(25 * 3600)
        copy.forget()
        copy.beat("drchrono_appointments")
        renewed = [one for one in copy.calls("drchrono") if "/o/token/" in one]
        assert bool(renewed) is not moved
        assert (copy.calls("drchrono") == []) is moved
        assert str(copy.sync.keeper.status().state) == ("elsewhere" if moved else "good")
    assert (old.sync.keeper.version() == before) is moved


# --- the clock ------------------------------------------------------------------------------------


def test_the_time_is_the_databases(store: Store) -> None:
    """A host that is an hour ahead takes no lease early; on SQLite the host's time is the one."""
    hour = timedelta(hours=1)
    clock = DatabaseClock(host=lambda: datetime.now(UTC) + hour)
    with store.read() as conn:
        ahead = clock.measure(conn)
        shared = conn.dialect.name == "postgresql"
    off = clock() - datetime.now(UTC)
    assert abs(off - (timedelta(0) if shared else hour)) < timedelta(seconds=2)
    assert abs(ahead - (hour if shared else timedelta(0))) < timedelta(seconds=2)


def test_a_clock_that_is_off_is_told_once_and_until_it_is_right(postgres_url: str) -> None:
    store = Store(postgres_url)
    store.migrate()
    hour = {"ahead": timedelta(hours=1)}
    sync = process(store)
    sync.clock = DatabaseClock(host=lambda: datetime.now(UTC) + hour["ahead"])
    fit = sync.fit
    for ahead, told in ((timedelta(hours=1), 1), (timedelta(hours=1), 1), (timedelta(0), 0)):
        hour["ahead"] = ahead
        fit._asked = float("-inf")
        assert sync.misfit() is None
        with store.read() as conn:
            assert items.is_open(conn, 0, "clock_off") is bool(told)
            assert len(conn.execute(select(attention)).all()) == 1
    sync.close()
    store.close()
