"""/ops/setup: who sees and who presses, secrets on Show alone, and going live by shown counts."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from sync.config import Mode
from sync.matching.preview import GoLivePreview
from sync.operations import audit
from sync.operations.operators import Role
from sync.runtime import Sync
from sync.setup.finding import good
from sync.setup.walk import deeds, dry_run
from sync.store.service import installation
from sync.store.tables import facts, journal
from tests.support.ops.browser import Person, post

SECRET = "a-webhook-secret-Wm4Tn8Vd1Hs"
TOKEN = "an-oncall-token-Ke2Xq9Nz7Du"
SETTINGS: dict[str, Any] = {
    "public_url": "https://sync.clinic.example",
    "drchrono_client_id": "the-client",
    "drchrono_client_secret": "a-client-secret-x7Qb9Zr2Lk",
    "drchrono_webhook_secrets": SECRET,
    "oncall_key": "an-oncall-key-Pf6Gj3Rc5By",
    "oncall_webhook_tokens": TOKEN,
}
FOUND = GoLivePreview(
    accepted=False, people_matched=4, visits_linked=0, visits_matched=3, create_in_oncall=12,
    create_in_drchrono=1, new_patients=0, new_contacts=5, drchrono_calls=40, oncall_calls=50,
    mails=12, to_decide={"visit_unsure": 2},
)  # fmt: skip

People = Callable[[str, Role], Person]


@pytest.fixture
def page(opened: Callable[..., FlaskClient]) -> FlaskClient:
    return opened(**SETTINGS)


@pytest.fixture
def of(page: FlaskClient) -> People:
    """Sign somebody in at the page."""

    def person(name: str, role: Role) -> Person:
        found = Person(page.application.extensions["sync"], page, name, role)
        found.sign_in()
        return found

    return person


def deeds_of(sync: Sync) -> list[tuple[str, str, str]]:
    return [(one.actor, one.action, one.subjects) for one in audit.newest(sync, audit.Filter(), 20)]


def text(person: Person) -> str:
    return person.browser.get("/ops/setup").get_data(as_text=True)


def test_it_shows_each_step_and_the_addresses_and_no_secret(of: People) -> None:
    page = text(of("victor", Role.VIEWER))
    assert page.count('class="step ') == 11
    assert "https://sync.clinic.example/oauth/drchrono/callback" in page
    assert "https://sync.clinic.example/webhooks/drchrono" in page
    assert not [secret for name, secret in SETTINGS.items() if name != "public_url"
                and secret in page]  # fmt: skip
    assert 'aria-current="step"' in page


@pytest.mark.parametrize(
    ("role", "buttons"),
    [
        (Role.VIEWER, set()),
        (Role.OPERATOR, {"try_oncall_key", "check"}),
        (Role.ADMIN, {"try_oncall_key", "check", "show"}),
    ],
)
def test_a_button_is_there_for_who_may_press_it(of: People, role: Role, buttons: set[str]) -> None:
    found = set(re.findall(r'action="/ops/setup/(\w+)"', text(of("vera", role))))
    assert found == buttons


@pytest.mark.parametrize(
    ("address", "least"),
    [
        ("check", Role.OPERATOR),
        ("try_oncall_key", Role.OPERATOR),
        ("dry_run", Role.OPERATOR),
        ("connect", Role.ADMIN),
        ("show", Role.ADMIN),
        ("go-live", Role.ADMIN),
    ],
)
def test_who_may_not_press_is_refused(of: People, address: str, least: Role) -> None:
    below = Role.VIEWER if least is Role.OPERATOR else Role.OPERATOR
    person = of("below", below)
    assert post(person.browser, f"/ops/setup/{address}", page="/ops").status_code == 403
    assert {action for _, action, _ in deeds_of(person.sync)} <= {"sign_in", "add_operator"}


def test_a_secret_is_shown_to_an_admin_alone_after_it_is_written_down(of: People) -> None:
    ruth = of("ruth", Role.ADMIN)
    for what, secret in (("drchrono_secret", SECRET), ("oncall_address", f"oncall/{TOKEN}")):
        shown = post(ruth.browser, "/ops/setup/show", page="/ops/setup", what=what)
        assert secret in shown.get_data(as_text=True)
        assert shown.headers["Cache-Control"] == "no-store"
    assert ("ruth", "show_secret", "setting:ONCALL_WEBHOOK_TOKENS") in deeds_of(ruth.sync)
    assert SECRET not in text(ruth)


def test_no_row_no_show(of: People, monkeypatch: pytest.MonkeyPatch) -> None:
    ruth = of("ruth", Role.ADMIN)
    monkeypatch.setattr("sync.setup.walk.deeds.deeds.note", _fails)
    shown = post(ruth.browser, "/ops/setup/show", page="/ops/setup", what="drchrono_secret")
    assert (shown.status_code, SECRET in shown.get_data(as_text=True)) == (500, False)


def _fails(*_: object) -> None:
    raise RuntimeError


def test_what_else_is_a_setting_is_not_shown(of: People) -> None:
    ruth = of("ruth", Role.ADMIN)
    answer = post(ruth.browser, "/ops/setup/show", page="/ops/setup", what="oncall_key")
    assert answer.status_code == 400


def test_an_address_to_connect_is_made_for_an_admin(of: People) -> None:
    ruth = of("ruth", Role.ADMIN)
    made = post(ruth.browser, "/ops/setup/connect", page="/ops/setup").get_data(as_text=True)
    assert "https://sync.clinic.example/oauth/drchrono/start?ticket=" in made
    assert ("ruth", "offer_connect", "") in deeds_of(ruth.sync)


def test_a_system_that_is_away_is_said_in_the_buttons_place(of: People) -> None:
    oscar = of("oscar", Role.OPERATOR)
    word = re.findall(r'name="csrf_token" value="([^"]+)"', text(oscar))[0]
    told = oscar.browser.post("/ops/setup/try_oncall_key", data={"csrf_token": word},
                              headers={"HX-Request": "true"}).get_data(as_text=True)  # fmt: skip
    assert "it does not do what is asked (connect)" in told
    assert "<title>" not in told


def ready(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything before going live is done, and counted."""
    sync.settings.sync_mode = Mode.LIVE
    monkeypatch.setattr(type(sync), "mapping", _Mapped())
    with sync.store.write() as conn:
        now = sync.clock()
        for role in ("web", "worker", "beat"):
            journal.beat(conn, f"{role}@test:1", role, now)
        installation.pin(conn, practice_group="77", oncall_org="2404", name="i")
        facts.put(conn, "zone:201", "US/Eastern", now)
    monkeypatch.setattr("sync.setup.check.token", lambda _sync: good("drchrono token", "good"))
    dry_run.keep(sync, FOUND, "v1")


class _Mapped:
    """A mapping of one doctor."""

    version = "v1"

    class _Doctor:
        drchrono = "201"

    doctors = (_Doctor(),)

    def __get__(self, *_: object) -> "_Mapped":
        return self


def test_going_live_shows_the_counts_and_takes_no_others(
    of: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruth = of("ruth", Role.ADMIN)
    ready(ruth.sync, monkeypatch)
    asked = ruth.browser.get("/ops/setup/go-live").get_data(as_text=True)
    assert "12 at most" in asked
    assert "To decide: " in asked
    (sign,) = re.findall(r'name="counted" value="([^"]+)"', asked)
    dry_run.keep(ruth.sync, FOUND, "v1")
    ruth.sync.clock.advance(1)  # type: ignore[attr-defined]
    dry_run.keep(ruth.sync, FOUND, "v1")
    refused = post(ruth.browser, "/ops/setup/go-live", page="/ops/setup/go-live", counted=sign)
    assert "counted anew meanwhile" in refused.get_data(as_text=True)
    assert _accepted(ruth.sync) is False
    sign = deeds.asked(ruth.sync).sign
    post(ruth.browser, "/ops/setup/go-live", page="/ops/setup/go-live", counted=sign)
    assert _accepted(ruth.sync) is True
    assert ("ruth", "go_live", "") in deeds_of(ruth.sync)


def _accepted(sync: Sync) -> bool:
    with sync.store.read() as conn:
        return installation.accepted_at(conn) is not None


def test_the_first_screen_leads_to_the_next_step(of: People) -> None:
    victor = of("victor", Role.VIEWER)
    page = victor.browser.get("/ops").get_data(as_text=True)
    assert "The set-up needs something: Keys." in page
    assert 'href="/ops/setup"' in page
