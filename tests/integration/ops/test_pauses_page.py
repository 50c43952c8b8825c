"""The page of pauses, and what every page says while something is paused."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from sync.config import Mode
from sync.operations import pausing
from sync.operations.operators import Role
from sync.store.schema import audit
from tests.integration.ops.conftest import Opened
from tests.support.ops.browser import Person, post

PAGE = "/ops/pauses"
ZONED = """
[[doctors]]
drchrono = 201
oncall_provider = 11
oncall_division = 21
timezone = "America/New_York"
"""


@pytest.fixture
def olga(opened: Opened, tmp_path: Path) -> Person:
    """An operator of a clinic in New York, signed in."""
    (tmp_path / "mapping.toml").write_text(ZONED)
    browser = opened(mapping_file=tmp_path / "mapping.toml", sync_mode=Mode.LIVE)
    found = Person(browser.application.extensions["sync"], browser, "olga", Role.OPERATOR)
    found.sign_in()
    return found


def page(person: Person, address: str = PAGE) -> str:
    return person.browser.get(address).get_data(as_text=True)


def paused(person: Person, **form: str) -> Any:
    return post(person.browser, PAGE, page=PAGE, **form)


def held(person: Person) -> list[tuple[str, datetime | None, str]]:
    return [(one.what, one.until, one.by) for one in pausing.held(person.sync)]


@pytest.mark.parametrize(
    ("form", "what", "hours"),
    [
        ({"what": "oncall", "for": "2"}, "oncall", 2),
        ({"what": "everything"}, "everything", 2),  # an end there is always
        ({"what": "bulk", "for": "24"}, "bulk", 24),
        ({"what": "doctor", "doctor": "201", "for": "1"}, "doctor:201", 1),
        # 12:00 UTC is 07:00 there.
        ({"what": "live", "for": "1", "until": "2026-11-20T10:00"}, "live", 3),
    ],
)
def test_it_is_paused_until_a_time_by_who_pressed(
    olga: Person, form: dict[str, str], what: str, hours: int
) -> None:
    assert paused(olga, **form).headers["Location"] == PAGE
    end = olga.sync.clock() + timedelta(hours=hours)
    assert held(olga) == [(what, end, "olga")]
    with olga.sync.store.read() as conn:
        row = conn.execute(select(audit).where(audit.c.action == "pause")).one()
    assert (row.kind, row.actor, row.subjects) == ("operator", "olga", f"what:{what}")


def test_the_end_is_told_on_the_clinic_s_clock_and_in_utc_on_every_page(olga: Person) -> None:
    assert "Paused" not in page(olga, "/ops")
    paused(olga, what="oncall", **{"for": "2"})
    for address in ("/ops", PAGE):
        told = page(olga, address)
        assert "Writes to OnCall" in told
        assert "2026-11-20 09:00 America/New_York (14:00 UTC)" in told
        assert "by olga" in told
    assert "Look at the pauses" in page(olga, "/ops")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"what": "doctor", "doctor": ""}, "Write the doctor"),
        ({"what": "doctor", "doctor": "<b>1"}, "Write the doctor"),
        ({"what": "nothing"}, "That can&#39;t be paused."),
        ({"what": "oncall", "for": "9999"}, "Choose how long."),
        ({"what": "oncall", "until": "soon"}, "as a day and a time"),
        ({"what": "oncall", "until": "2020-01-01T00:00"}, "over already"),
        ({"what": "oncall", "until": "9999-12-31T23:59"}, "as a day and a time"),
    ],
)
def test_what_can_t_be_meant_pauses_nothing_and_what_was_typed_stays(
    olga: Person, form: dict[str, str], said: str
) -> None:
    answer = paused(olga, **form)
    assert answer.status_code == 400
    told = answer.get_data(as_text=True)
    assert said in told
    assert "<b>1" not in told
    assert held(olga) == []
    if form.get("until"):
        assert f'value="{form["until"]}"' in told


def test_it_goes_on_when_somebody_says_so(olga: Person) -> None:
    paused(olga, what="oncall")
    answer = post(olga.browser, f"{PAGE}/resume", page=PAGE, what="oncall")
    assert answer.headers["Location"] == PAGE
    assert held(olga) == []
    assert "Nothing is paused." in page(olga)
    assert post(olga.browser, f"{PAGE}/resume", page=PAGE, what="<b>").status_code == 400


def test_a_viewer_sees_it_and_presses_nothing(victor: Person) -> None:
    pausing.pause(victor.sync, "oncall")
    victor.sign_in()
    told = page(victor)
    assert "Until somebody lets it go on" in told
    assert "<button" not in told.split("<main")[1]
    for address in (PAGE, f"{PAGE}/resume"):
        assert post(victor.browser, address, page=PAGE, what="oncall").status_code == 403
    assert len(pausing.held(victor.sync)) == 1


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (Mode.SHADOW, "Writes are off by <code>SYNC_MODE=shadow</code>"),
        (Mode.PAUSED, "Nothing is worked on by <code>SYNC_MODE=paused</code>"),
        (Mode.LIVE, None),
    ],
)
def test_the_mode_is_the_outer_bound(opened: Opened, mode: Mode, said: str | None) -> None:
    browser = opened(sync_mode=mode)
    person = Person(browser.application.extensions["sync"], browser, "olga", Role.VIEWER)
    person.sign_in()
    told = page(person)
    assert said in told if said else "SYNC_MODE" not in told


def test_the_banner_costs_one_statement(ruth: Person) -> None:
    ruth.sign_in()
    pausing.pause(ruth.sync, "oncall")
    said: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    event.listen(ruth.sync.store.engine, "before_cursor_execute", note)
    page(ruth, "/ops/nothing-here")
    assert [one for one in said if "pause" in one] == []  # the database may be what failed
    said.clear()
    ruth.browser.get("/ops")
    of_pauses = [one for one in said if "FROM pause" in one]
    assert len(of_pauses) == 2  # the banner's, and the overview's
