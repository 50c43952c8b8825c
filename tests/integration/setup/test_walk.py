"""The set-up walked over both sandboxes by HTTP: from connected to nobody, to live."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from cli.world.seed_mapping import decided
from sync.config import Mode
from sync.matching import preview
from sync.setup import practice
from sync.setup.check import check
from sync.setup.mapping_edit.gathered import gather
from sync.setup.walk import deeds, dry_run, trying
from sync.setup.walk.known import known
from sync.setup.walk.model import State, Step
from sync.setup.walk.steps import open_step, walk
from sync.store.tables import journal
from tests.support.clinic import SECRET, TOKEN, Clinic
from tests.support.sandbox_client import Sandbox


@pytest.fixture
def fresh(sandbox: Sandbox, sqlite_url: str, tmp_path: Path) -> Iterator[Clinic]:
    """Settings and a database; nothing is connected, nobody calls here yet."""
    sandbox.reset("clinic")
    sandbox.behaviours("drchrono", burst_limit=None, bulk_polls=0)
    with Clinic(sandbox, sqlite_url, tmp_path, go_live="ask") as clinic:
        clinic.settings.public_url = clinic.url
        yield clinic


def step(clinic: Clinic, name: str) -> Step:
    found = walk(known(clinic.sync)).step(name)
    assert found is not None
    return found


def state(clinic: Clinic, name: str) -> State:
    return step(clinic, name).state


def is_next(clinic: Clinic) -> str:
    found = open_step(clinic.sync)
    return found.name if found else ""


def mapped(clinic: Clinic) -> None:
    found = gather(clinic.sync)
    clinic.settings.mapping_file.write_text(decided(found.suggestion(), found))
    practice.learn(clinic.sync)


def alive(clinic: Clinic) -> None:
    with clinic.sync.store.write() as conn:
        for role in ("web", "worker", "beat"):
            journal.beat(conn, f"{role}@test:1", role, clinic.now())


def test_the_whole_walk_costs_what_it_says_and_ends_live(fresh: Clinic) -> None:
    assert is_next(fresh) == "oncall_key"
    assert fresh.calls("oncall") == fresh.calls("drchrono") == []  # looking asks nobody
    assert trying.oncall_key(fresh.sync).ok
    assert (fresh.calls("oncall"), is_next(fresh)) == (["GET /providers/"], "connect")
    fresh.authorise()
    assert is_next(fresh) == "mapping"
    mapped(fresh)
    assert step(fresh, "mapping").found == "3 doctors mapped."
    assert is_next(fresh) == "processes"
    alive(fresh)
    assert is_next(fresh) == "drchrono_webhook"
    fresh.hear()
    ticks = {one.what: one.at is not None for one in step(fresh, "drchrono_webhook").ticks}
    assert ticks == {"Handshake": True, "First event": False}
    fresh.edit(fresh.of("drchrono", "appointments")[0]["id"], notes="a test")
    fresh.sandbox.wait_idle()
    assert is_next(fresh) == "oncall_webhook"
    fresh.invite()
    fresh.sandbox.wait_idle()
    assert is_next(fresh) == "dry_run"
    fresh.forget()
    assert dry_run.begin(fresh.sync)
    assert not dry_run.begin(fresh.sync)  # pressed twice
    assert is_next(fresh) == "dry_run"
    made = dry_run.make(fresh.sync)
    assert made is not None
    assert f"{made.create_in_oncall} visits would be made in OnCall" in step(fresh, "dry_run").found
    assert f"at most {made.mails} mails" in step(fresh, "dry_run").found
    assert (fresh.writes(), fresh.mails()) == ([], [])
    assert is_next(fresh) == "live"
    asked = deeds.asked(fresh.sync)
    with pytest.raises(deeds.OtherCountsError):
        deeds.go_live(fresh.sync, "1.5")
    deeds.go_live(fresh.sync, asked.sign)
    assert is_next(fresh) == ""
    assert walk(known(fresh.sync)).complete


def test_a_refused_key_is_wrong_until_it_is_tried_again(fresh: Clinic) -> None:
    fresh.sandbox.behaviours("oncall", key_prefix="Token ")
    assert not trying.oncall_key(fresh.sync).ok
    wrong = step(fresh, "oncall_key")
    assert (wrong.state, "not taken (unauthorised)" in wrong.missing) == (State.WRONG, True)
    fresh.sandbox.behaviours("oncall", key_prefix="")
    assert trying.oncall_key(fresh.sync).ok
    assert state(fresh, "oncall_key") is State.DONE


def test_another_key_is_tried_anew(fresh: Clinic) -> None:
    trying.oncall_key(fresh.sync)
    fresh.settings.oncall_key = type(fresh.settings.oncall_key)("another-key-of-this-test")
    assert state(fresh, "oncall_key") is State.TODO


def test_an_installation_of_before_is_not_asked_to_try_its_key(fresh: Clinic) -> None:
    fresh.authorise()
    assert state(fresh, "oncall_key") is State.DONE


def test_our_own_check_is_no_handshake(fresh: Clinic) -> None:
    (found,) = [one for one in check(fresh.sync) if one.name == "handshake"]
    assert found.ok
    assert [one.at for one in step(fresh, "drchrono_webhook").ticks] == [None, None]


def test_an_address_or_secret_of_today_is_verified_anew(fresh: Clinic) -> None:
    fresh.hear()
    assert step(fresh, "drchrono_webhook").ticks[0].at is not None
    fresh.settings.public_url = f"{fresh.url}/other"
    assert step(fresh, "drchrono_webhook").ticks[0].at is None


def _of_oncall(url: str) -> dict[str, object]:
    return {"event": "appointment_updated", "data": {"url": url}, "url": url}


@pytest.mark.parametrize("system", ["drchrono", "oncall"])
def test_a_call_with_another_secret_is_told_until_the_right_one_comes(
    fresh: Clinic, system: str
) -> None:
    trying.oncall_key(fresh.sync)
    name = f"{system}_webhook"
    event = {"X-drchrono-event": "PATIENT_MODIFY"}
    url = f"{fresh.sandbox.oncall_url}/appointments/1/"
    body = {"object": {"id": 1}} if system == "drchrono" else _of_oncall(url)

    def told(secret: str) -> int:
        signed = {**event, "X-drchrono-signature": secret} if system == "drchrono" else {}
        path = "" if system == "drchrono" else f"/{secret}"
        answer = requests.post(
            f"{fresh.url}/webhooks/{system}{path}", json=body, headers=signed, timeout=10
        )
        return answer.status_code

    assert told("an old one") == 401
    assert state(fresh, name) is State.WRONG
    assert told(SECRET if system == "drchrono" else TOKEN) == 204
    assert state(fresh, name) is State.DONE
    assert told("an old one") == 401
    assert state(fresh, name) is State.DONE  # nobody from outside undoes it


def test_who_only_knocks_is_nobody(fresh: Clinic) -> None:
    assert requests.post(f"{fresh.url}/webhooks/drchrono", timeout=10).status_code == 401
    assert requests.get(f"{fresh.url}/webhooks/drchrono", timeout=10).status_code == 400
    assert state(fresh, "drchrono_webhook") is not State.WRONG


def test_a_database_that_is_away_keeps_no_handshake_from_its_answer(
    fresh: Clinic,
) -> None:
    with fresh.sync.store.engine.begin() as conn:
        conn.exec_driver_sql("DROP TABLE probe")
    answer = requests.get(f"{fresh.url}/webhooks/drchrono?msg=abc", timeout=10)
    assert answer.status_code == 200


def test_a_dry_run_that_can_t_be_made_says_why(fresh: Clinic) -> None:
    trying.oncall_key(fresh.sync)
    fresh.authorise()
    mapped(fresh)
    fresh.sandbox.faults("drchrono", {"do": "status", "status": 429, "times": 1})
    dry_run.begin(fresh.sync)
    assert dry_run.make(fresh.sync) is None
    assert state(fresh, "dry_run") is State.WRONG


def test_shadow_is_said_before_anybody_accepts(fresh: Clinic) -> None:
    fresh.settings.sync_mode = Mode.SHADOW
    trying.oncall_key(fresh.sync)
    fresh.authorise()
    mapped(fresh)
    alive(fresh)
    dry_run.keep(fresh.sync, preview.preview(fresh.sync), fresh.sync.mapping.version)
    assert "SYNC_MODE is shadow" in step(fresh, "live").missing
    with pytest.raises(deeds.OtherCountsError, match="SYNC_MODE"):
        deeds.go_live(fresh.sync, deeds.asked(fresh.sync).sign)


def test_looking_costs_no_call_under_another_key_either(fresh: Clinic) -> None:
    fresh.authorise()
    fresh.forget()
    fresh.settings.oncall_key = type(fresh.settings.oncall_key)("another-key-of-this-test")
    assert (is_next(fresh), state(fresh, "connect")) == ("oncall_key", State.WAITS)
    assert fresh.calls("oncall") == fresh.calls("drchrono") == []
