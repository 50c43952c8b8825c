"""The page of alerts: what is wrong, who was told, and what quiets it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from sync.operations.alerting import shown, tell
from sync.store import attention
from sync.store.schema import alert, audit
from tests.support.ops.browser import Person, post

PAGE = "/ops/alerts"


def page(person: Person) -> str:
    return person.browser.get(PAGE).get_data(as_text=True)


def pressed(person: Person, deed: str, **form: str) -> Any:
    return post(person.browser, f"{PAGE}/{deed}", page=PAGE, **form)


def wrong(person: Person, cause: str = "clock_off") -> int:
    """Something that the beat has seen; no worker is heard of here, which is another problem."""
    with person.sync.store.write() as conn:
        attention.open_item(conn, 0, cause, now=person.sync.clock())
    tell.run(person.sync)
    return next(one.id for one, _ in tell.listed(person.sync) if one.name == cause)


def deeds(person: Person) -> list[str]:
    with person.sync.store.read() as conn:
        rows = conn.execute(select(audit.c.action, audit.c.actor).order_by(audit.c.seq))
        return [row.action for row in rows if row.actor == person.name]


def test_where_nobody_can_be_told_it_says_so(victor: Person) -> None:
    victor.sign_in()
    told = page(victor)
    assert "Nothing is wrong." in told
    assert "Nobody is told" in told
    wrong(victor)
    told = page(victor)
    assert "clock" in told
    assert "2026-11-20 12:00 UTC" in told
    assert "docs/operations.md, When something goes wrong" in told
    assert "docs/runbook.md, no_worker" in told


def test_seen_quiet_and_reminded_again(ruth: Person) -> None:
    ruth.sign_in()
    number = str(wrong(ruth))
    assert pressed(ruth, "acknowledge", alert=number).headers["Location"] == PAGE
    assert "ruth sees to it" in page(ruth)
    assert pressed(ruth, "remind", alert=number).status_code == 303
    assert "sees to it" not in page(ruth)
    assert pressed(ruth, "snooze", alert=number, **{"for": "4"}).status_code == 303
    assert "2026-11-20 16:00 UTC, quiet until then" in page(ruth)
    assert deeds(ruth)[-3:] == ["acknowledge", "remind", "snooze"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"until": "soon"}, "as a day and a time"),
        ({"for": "-1"}, "Choose how long."),
        ({"until": "2020-01-01T00:00"}, "over already"),
    ],
)
def test_a_wrong_end_keeps_nothing_quiet(ruth: Person, form: dict[str, str], said: str) -> None:
    ruth.sign_in()
    number = wrong(ruth)
    answer = pressed(ruth, "snooze", alert=str(number), **form)
    assert (answer.status_code, said in answer.get_data(as_text=True)) == (400, True)
    assert all(one.quiet_until is None for one, _ in tell.listed(ruth.sync))


def test_what_is_over_or_never_was_is_told_so(ruth: Person) -> None:
    ruth.sign_in()
    for deed in ("acknowledge", "remind", "snooze"):
        answer = pressed(ruth, deed, alert="999")
        assert (answer.status_code, "over already" in answer.get_data(as_text=True)) == (400, True)
        assert pressed(ruth, deed, alert="x").status_code == 400


def test_who_was_told_and_who_was_not(ruth: Person) -> None:
    number = wrong(ruth)
    with ruth.sync.store.write() as conn:
        conn.execute(update(alert).values(owed="webhook").where(alert.c.id == number))
    object.__setattr__(ruth.sync.settings, "alert_email", "ops@clinic.example")
    ruth.sign_in()
    one = next(each for each in shown.shown(ruth.sync) if each.alert.id == number)
    assert (one.unheard, one.next_at, one.last_at) == (("webhook",), None, one.alert.began_at)
    with ruth.sync.store.write() as conn:
        later = one.alert.began_at + timedelta(hours=5)
        conn.execute(update(alert).values(owed="", notice="reminder", reminders=1, next_at=later))
    told = next(each for each in shown.shown(ruth.sync) if each.alert.id == number)
    assert (told.last_at, told.reminds) == (one.alert.began_at + timedelta(hours=1), 1)


def test_trying_the_channels_is_for_admins_and_audited(ruth: Person, victor: Person) -> None:
    victor.sign_in()
    wrong(victor)
    assert "<button" not in page(victor).split("<main")[1]
    for deed in ("acknowledge", "snooze", "remind", "test"):
        assert pressed(victor, deed, alert="1").status_code == 403
    ruth.sign_in()
    answer = pressed(ruth, "test")
    assert "There is no channel to try." in answer.get_data(as_text=True)
    assert deeds(ruth)[-1] == "try_alerts"


def test_each_section_of_the_runbook_that_is_named_is_there() -> None:
    runbook = Path(__file__).parents[3] / "docs/runbook.md"
    there = set(re.findall(r"^## (.+)$", runbook.read_text(), re.M))
    assert there >= shown.OWN
    page = (runbook.parent / "operations.md").read_text()
    assert "## When something goes wrong" in page
