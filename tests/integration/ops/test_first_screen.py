"""The first screen: what is asked in its box, its lights, and the samples of its chart."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync.config import Mode
from sync.operations.lights import Colour, Seen, of_reading, of_writing
from sync.runtime import Sync
from sync.store.service import samples
from sync.tasks import sampling, schedule
from tests.support.ops.browser import Person, post

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WITHIN = timedelta(minutes=30)


@pytest.mark.parametrize("text", ["", "Vera Lindqvist", "https://evil.example/x", "1;2", "<b>x"])
def test_what_can_t_be_meant_is_asked_for_again_and_not_repeated(victor: Person, text: str) -> None:
    victor.sign_in()
    page = post(victor.browser, "/ops/why", page="/ops", about=text).get_data(as_text=True)
    assert 'role="alert"' in page
    assert not text or text not in page


def test_a_viewer_asks_and_is_answered_in_a_part_or_a_whole_page(victor: Person) -> None:
    victor.sign_in()
    form = {"about": "appointment 70211"}
    whole = post(victor.browser, "/ops/why", page="/ops", **form).get_data(as_text=True)
    assert 'class="card mb-2"' in whole
    assert "<title>" in whole
    told = victor.browser.post(
        "/ops/why",
        data={**form, "csrf_token": _word(whole)},
        headers={"HX-Request": "true"},
    ).get_data(as_text=True)
    assert 'class="card mb-2"' in told
    assert "<title>" not in told


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"doctor": "201", "day": "2026-11-30"}, "Doctor 201 on 2026-11-30"),
        ({"doctor": "201", "day": "never"}, "Choose a day."),
        ({"doctor": "a b", "day": "2026-11-30"}, 'role="alert"'),
    ],
)
def test_a_doctors_day_is_listed(victor: Person, form: dict[str, str], said: str) -> None:
    victor.sign_in()
    page = post(victor.browser, "/ops/day", page="/ops", **form).get_data(as_text=True)
    assert said in page


def _word(page: str) -> str:
    return page.split('name="csrf_token" value="')[1].split('"')[0]


def ago(**length: float) -> datetime:
    return NOW - timedelta(**length)


@pytest.mark.parametrize(
    ("read_at", "told", "colour", "words"),
    [
        (None, None, Colour.OFF, "never read yet"),
        (ago(minutes=2), ago(hours=1), Colour.GOOD, "last good read 2 min ago"),
        (ago(minutes=2), None, Colour.GOOD, "no webhook yet"),
        (ago(minutes=2), ago(hours=6), Colour.LATE, "OnCall silent for 6 h"),
        (ago(minutes=31), ago(hours=1), Colour.LATE, "31 min ago"),
        (ago(hours=3), ago(hours=1), Colour.BAD, "3 h ago"),
    ],
)
def test_the_light_of_reading(
    read_at: datetime | None, told: datetime | None, colour: Colour, words: str
) -> None:
    light = of_reading("oncall", Seen(read_at, None, None, told), NOW, WITHIN)
    assert (light.colour, words in light.said) == (colour, True)


@pytest.mark.parametrize(
    ("written", "failed", "mode", "colour"),
    [
        (None, None, Mode.LIVE, Colour.OFF),
        (ago(minutes=1), None, Mode.SHADOW, Colour.OFF),
        (ago(days=3), None, Mode.LIVE, Colour.GOOD),
        (ago(minutes=1), ago(minutes=9), Mode.LIVE, Colour.GOOD),
        (ago(minutes=9), ago(minutes=1), Mode.LIVE, Colour.LATE),
        (ago(hours=9), ago(minutes=1), Mode.LIVE, Colour.BAD),
        (None, ago(minutes=1), Mode.LIVE, Colour.BAD),
    ],
)
def test_the_light_of_writing(
    written: datetime | None, failed: datetime | None, mode: Mode, colour: Colour
) -> None:
    assert of_writing("oncall", Seen(None, written, failed, None), NOW, mode).colour is colour


def test_the_beat_samples_each_minute_and_forgets_after_a_week(sync: Sync, time: Any) -> None:
    assert "sample" in schedule.due_tasks(sync)
    for _ in range(3):
        sampling.take(sync)
        sampling.take(sync)  # another beat, in the same minute
        time.advance(60)
    with sync.store.read() as conn:
        assert len(samples.since(conn, NOW)) == 3
    time.advance(8 * 86_400)
    schedule.run_now(sync, "prune")
    with sync.store.read() as conn:
        assert samples.since(conn, NOW) == []


def test_a_week_of_samples_is_thinned_and_its_peaks_stay(ruth: Person, time: Any) -> None:
    with ruth.sync.store.write() as conn:
        for minute in range(3000):
            at = time.now - timedelta(minutes=minute + 1)
            peak = 77 if minute == 1234 else 0
            samples.put(conn, samples.Sample(at, peak, 0.0, 0, 0, None))
    ruth.sign_in()
    page = ruth.browser.get("/ops/chart?span=week").get_data(as_text=True)
    assert page.count("<tr>") <= 25
    assert ">77</td>" in page
    assert " 77," in page.split("</thead>")[0]  # what the chart draws
