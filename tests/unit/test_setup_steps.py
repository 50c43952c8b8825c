"""The steps of the set-up as a table: how each stands in each state, and which one is next."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sync.config import Settings
from sync.drchrono.keeper import ConnectionState
from sync.setup.finding import good, trouble
from sync.setup.told import Told
from sync.setup.walk.dry_run import DryRun
from sync.setup.walk.known import Doctors, Known, of_settings
from sync.setup.walk.model import State
from sync.setup.walk.steps import walk
from sync.setup.walk.trying import Tried

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECRETS = {
    "drchrono_client_id": "id",
    "drchrono_client_secret": "s3cret-client-x7Qb9Zr2Lk",
    "drchrono_webhook_secrets": "s3cret-hook-Wm4Tn8Vd1Hs",
    "oncall_key": "s3cret-key-Pf6Gj3Rc5By",
    "oncall_webhook_tokens": "s3cret-token-Ke2Xq9Nz7Du",
    "encryption_keys": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "digest_keys": "s3cret-digest-Ao5Iw8Cl0Mt3Vb6Yh1Sg",
}
COUNTS = {"create_in_oncall": 12, "create_in_drchrono": 1, "visits_matched": 3, "mails": 12}
HEARD = Told(handshake=NOW, event=NOW)
NAMES = (
    *("keys", "base", "application", "oncall_key", "connect", "mapping", "processes"),
    *("drchrono_webhook", "oncall_webhook", "dry_run", "live"),
)


def settings(**changed: Any) -> Settings:
    told = {"public_url": "https://sync.clinic.example", "sync_mode": "live", **SECRETS}
    return Settings(**{**told, **changed})


def whole(**changed: Any) -> Known:
    """All of it is done, but for what is changed."""
    known = Known(
        settings(),
        {},
        base=(good("database", "sqlite"), good("redis", "it answers")),
        roles=frozenset({"web", "worker", "beat"}),
        oncall_key=Tried(right=True, detail="", at=NOW),
        token=good("drchrono token", str(ConnectionState.GOOD)),
        practice="77",
        doctors=Doctors(frozenset({"201", "202"}), frozenset({"201"}), "v1"),
        drchrono=HEARD,
        oncall=Told(event=NOW),
        dry_run=DryRun("done", NOW, "v1", counts=COUNTS, to_decide={}),
        accepted_at=NOW,
    )
    return replace(known, **changed)


def none(detail: str = "none") -> Any:
    return trouble("drchrono token", detail, "drchrono-oncall connect")


# What is changed of a whole set-up; the step, how it stands, and words of what is missing.
TABLE: list[tuple[str, dict[str, Any], str, State, str]] = [
    ("database away", {"base": (trouble("database", "it is away", "Start it."),)},
     "base", State.WRONG, "Database: it is away"),
    ("address of this machine", {"settings": settings(public_url="http://127.0.0.1:8000")},
     "base", State.TODO, "PUBLIC_URL is this machine itself"),
    ("key not tried", {"oncall_key": None}, "oncall_key", State.TODO, "not tried yet"),
    ("key refused", {"oncall_key": Tried(right=False, detail="not taken", at=NOW)},
     "oncall_key", State.WRONG, "OnCall: not taken"),
    ("never connected", {"token": none(), "practice": None}, "connect", State.TODO, "No DrChrono"),
    ("permission lost", {"token": none("lost")}, "connect", State.WRONG, "permission: lost"),
    ("not tied", {"practice": None}, "connect", State.WRONG, "not tied"),
    ("other account", {"wrong_accounts": ("oncall",)}, "connect", State.WRONG, "OnCall is not the"),
    ("no mapping", {"doctors": Doctors()}, "mapping", State.TODO, "maps no doctor"),
    ("mapping unreadable", {"doctors": Doctors(trouble="line 3: x")},
     "mapping", State.WRONG, "line 3"),
    ("no worker", {"roles": frozenset({"beat"})}, "processes", State.TODO, "was heard of worker"),
    ("nothing heard", {"drchrono": Told()}, "drchrono_webhook", State.TODO, "not asked"),
    ("handshake only", {"drchrono": Told(handshake=NOW)},
     "drchrono_webhook", State.TODO, "The handshake came"),
    ("other secret", {"drchrono": Told(handshake=NOW, refused=NOW)},
     "drchrono_webhook", State.WRONG, "another secret"),
    ("refused later is a stranger", {"drchrono": replace(HEARD, refused=NOW)},
     "drchrono_webhook", State.DONE, ""),
    ("oncall silent", {"oncall": Told()}, "oncall_webhook", State.TODO, "No event of OnCall"),
    ("oncall refused", {"oncall": Told(refused=NOW)}, "oncall_webhook", State.WRONG, "another"),
    ("not counted", {"accepted_at": None, "dry_run": None}, "dry_run", State.TODO, "not counted"),
    ("counting", {"accepted_at": None, "dry_run": DryRun("running", NOW)},
     "dry_run", State.WAITS, "being counted"),
    ("count failed", {"accepted_at": None, "dry_run": DryRun("failed", NOW, code="budget")},
     "dry_run", State.WRONG, "(budget)"),
    ("mapping is newer", {"accepted_at": None, "dry_run": DryRun("done", NOW, "v0", counts=COUNTS)},
     "dry_run", State.TODO, "changed after"),
    ("not accepted", {"accepted_at": None}, "live", State.TODO, "Nobody has accepted"),
    ("shadow", {"settings": settings(sync_mode="shadow")}, "live", State.TODO, "is shadow"),
]  # fmt: skip


def test_all_of_it_is_done() -> None:
    found = walk(whole())
    assert (found.complete, found.next) == (True, None)
    assert tuple(one.name for one in found.steps) == NAMES
    assert all(not one.missing and not one.do for one in found.steps)


@pytest.mark.parametrize(
    ("changed", "name", "state", "words"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_a_step_says_what_is_missing(
    changed: dict[str, Any], name: str, state: State, words: str
) -> None:
    found = walk(whole(**changed))
    step = found.step(name)
    assert step is not None
    assert (step.state, words in step.missing) == (state, True)
    assert found.complete is (state is State.DONE)
    assert found.next == (None if state is State.DONE else name)
    if state in {State.TODO, State.WRONG}:
        assert step.do or step.press


def test_a_fresh_clone_begins_with_its_keys_and_says_every_setting_that_is_missing() -> None:
    found = walk(of_settings(Settings()))
    assert found.next == "keys"
    states = {one.name: one.state for one in found.steps}
    assert states == {
        **dict.fromkeys(NAMES, State.WAITS),
        **dict.fromkeys(("keys", "application", "oncall_key"), State.TODO),
        **dict.fromkeys(("drchrono_webhook", "oncall_webhook"), State.TODO),
    }
    key = found.step("keys")
    assert key is not None
    assert "ENCRYPTION_KEYS is not set; DIGEST_KEYS is not set" in key.missing
    application = found.step("application")
    assert application is not None
    assert application.enter[0].text == "http://127.0.0.1:8000/oauth/drchrono/callback"


def test_a_setting_that_can_t_be_used_is_wrong_where_it_belongs() -> None:
    bad = {"ONCALL_KEY": "has a blank in it", "LEASE_SECONDS": "write a number"}
    found = walk(of_settings(settings(), bad))
    wrong = {one.name: one.missing for one in found.steps if one.state is State.WRONG}
    assert wrong == {
        "base": "LEASE_SECONDS write a number.",
        "oncall_key": "ONCALL_KEY has a blank in it.",
    }


def test_half_way_what_comes_later_waits_and_says_for_what() -> None:
    found = walk(whole(token=none(), practice=None, doctors=Doctors(), accepted_at=None,
                       dry_run=None))  # fmt: skip
    assert found.next == "connect"
    later = found.step("mapping")
    assert later is not None
    assert (later.state, later.missing) == (State.WAITS, "This comes after: Connect DrChrono.")
    assert (later.command, later.press) == ("", ())


def test_no_secret_is_in_any_step() -> None:
    states = [whole(), of_settings(settings()), of_settings(Settings())]
    told = str([walk(one) for one in [*states, *(whole(**row[1]) for row in TABLE)]])
    assert not [secret for name, secret in SECRETS.items() if name != "drchrono_client_id"
                and secret in told]  # fmt: skip
