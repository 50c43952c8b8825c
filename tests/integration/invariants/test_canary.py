"""Invariant 5, nothing personal at rest: after the demo's day, no planted word is anywhere."""

import base64
import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from html import unescape
from itertools import cycle
from pathlib import Path

import pytest
import redis
import requests
from rich.console import Console

from cli.demo import day as demo_day
from cli.demo.count import Counter
from cli.demo.day import Day
from cli.demo.demo import SETTINGS, play, play_step
from cli.demo.script import DAY
from cli.demo.table import Board
from cli.world.forms import forms
from cli.world.options import WorldOptions
from cli.world.ports import FREE
from cli.world.world import World
from sync.batches import showing, steering
from sync.core.batch.model import OVER, Kind, Outcome, State
from sync.operations.inbox.looking import REASONS
from sync.store import attention
from sync.store.tables import links
from sync.tasks import driving
from tests.support import canary
from tests.support.batches.imports import line, text
from tests.support.ops.crawl import Answered, Browser, Crawl, Told

pytestmark = pytest.mark.timeout(300)

WRITTEN = {
    *demo_day.PATIENT.values(),
    *(demo_day.NEW_FIRST_NAME, demo_day.NEW_EMAIL),
    *(demo_day.REASON, demo_day.NOTE, demo_day.TITLE),
}
# What the sandbox keeps is the remotes' own: there the words belong.
OF_THE_SANDBOX = ("sandbox.log", "sandbox-state.json", "sandbox-state.json.part")
# Routes that show live values to who pressed for it, after a row in the audit.
SHOWN_ON_REQUEST = {
    ("POST", "/ops/waiting/N/show"),
    *(("POST", f"/ops/import/N/{one}") for one in ("samples", "look", "result")),
}
# The audit is searched by operators' names, and a mapping is shown as it was typed before it is
# taken: what a person wrote into these forms stands there again.
SEARCHED_BY_NAME = {("POST", "/ops/audit")}
MAPPING = "/ops/mapping"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    options = WorldOptions(FREE, settings={**SETTINGS, "LOG_LEVEL": "DEBUG"})
    with World(tmp_path_factory.mktemp("day") / "world", options) as started:
        started.settle(seconds=120)
        yield started


@pytest.fixture(scope="module")
def day(world: World, tmp_path_factory: pytest.TempPathFactory) -> Board:
    """The demo's day, played."""
    with (tmp_path_factory.mktemp("console") / "text").open("w") as text:
        board = Board(Console(file=text))
        play(world, board)
    return board


@pytest.fixture(scope="module")
def words(world: World, day: Board) -> set[str]:
    """Everything personal: what both remotes hold after the day, and what the day wrote."""
    assert day.results
    found = canary.words_of(world.control.state("drchrono"), world.control.state("oncall"))
    found |= canary.spelled(WRITTEN)
    # One of each kind, so that the list itself is no empty promise.
    assert found >= {"Núñez", "1980-01-02", "(212) 555-0112", "2125550112"}
    assert found >= {"patient00@mail.example", "adeyemi.home@mail.example", "Mei Tanaka"}
    assert found >= WRITTEN
    return found


@pytest.fixture(scope="module")
def imported(world: World, day: Board) -> set[str]:
    """Files brought in: one waits, one is planned, one was begun and is held, one is done.

    Returns every word that they say.
    """
    assert day.results
    said = set[str]()
    for count, until in enumerate((None, State.PLANNED, State.PAUSED, State.DONE)):
        lines = [line(10 * count + one, chart_id=f"Chartword{count}{one}") for one in range(1, 4)]
        said |= {cell for each in lines for cell in each if cell not in {"Female", ""}}
        file = io.BytesIO(text(lines))
        batch = steering.open_file(world.sync, Kind.IMPORT_PATIENTS, file)
        if until is None:
            continue
        chosen = showing.columns(world.sync, batch).chosen
        provider = world.sync.mapping.doctors[0]
        steering.choose(world.sync, batch, chosen, provider=provider.drchrono)
        driving.drive(world.sync, batch, frozenset({State.PLANNED}))
        if until is State.PLANNED:
            continue
        steering.start(world.sync, batch)
        if until is State.PAUSED:
            with suppress(LookupError):  # the workers were faster
                steering.pause(world.sync, batch)
            continue
        assert driving.drive(world.sync, batch, OVER).outcomes == {Outcome.CREATED: 3}
    return canary.spelled(said)


def asked_about_somebody(world: World) -> None:
    """Have a page that shows live values to who presses for it."""
    patients = world.control.state("drchrono")["objects"]["patients"]
    with world.sync.store.write() as conn:
        rows = [links.find(conn, "drchrono", "patient", str(one["id"])) for one in patients]
        key = next(row.aggregate for row in rows if row is not None)
        beside = [one for one in links.objects_of(conn, key) if one.kind == "contact"]
        ids = [str(one.remote_id) for one in beside]
        now = world.sync.clock()
        attention.open_item(conn, key, "contact_unsure", now=now, candidates=ids)


def shown_to_who_asks(world: World, session: requests.Session) -> Answered:
    """What *Show* answers, pressed before the walk's other buttons settle what it is about."""
    with world.sync.store.read() as conn:
        (item,) = [one.id for one in attention.every_open(conn) if one.cause == "contact_unsure"]
    page = session.get(f"{world.ops_url}/ops/waiting/{item}", timeout=30)
    (form,) = [one for one in forms(page.text) if one.action.endswith("/show")]
    told = {**form.fields, "reason": next(iter(REASONS)), "ticket": "INC-1"}
    answer = session.post(f"{world.ops_url}{form.action}", data=told, timeout=60)
    got = Told(answer.status_code, answer.headers, answer.text)
    return Answered("POST", form.action, "/ops/waiting/N/show", got)


@pytest.fixture(scope="module")
def walked(world: World, words: set[str], imported: set[str]) -> list[Answered]:
    """Every page of the operators looked at and each button pressed, and the framed pages.

    What is typed are the patients' names and addresses, and ids that lead on.
    """
    assert imported
    asked_about_somebody(world)
    ids = world.control.state("drchrono")["objects"]["appointments"]
    names = sorted(word for word in words if not word.isdecimal())  # a bare number is an id
    asked = cycle([*(f"appointment {one['id']}" for one in ids[:2]), *names[::7]])
    (address,) = re.findall(r"http://\S+/ops/link\?key=\S+", world.what_to_try())

    def types(name: str, kind: str) -> str:
        dates = {"date": "2026-12-01", "datetime-local": "2026-12-01T10:00", "number": "1"}
        # A reason is asked for so that it stands in the audit.
        told = {"doctor": str(ids[0]["doctor"]), "reason": "asked by phone", "ticket": "INC-1"}
        return told.get(name) or dates.get(kind) or next(asked)

    with requests.Session() as session:
        session.get(address, timeout=30)
        found = [shown_to_who_asks(world, session)]
        crawl = Crawl(Browser(world.ops_url, session), types)
        crawl.walk("/ops")
        found += crawl.answered
    for page in ("patients", "clinical_note/edit"):
        rows = world.control.state("drchrono")["objects"]
        wanted = rows["patients" if page == "patients" else "appointments"][0]["id"]
        around = requests.get(f"{world.control.drchrono_url}/{page}/{wanted}", timeout=30).text
        (source,) = re.findall(r'src="([^"]+)"', around)
        answer = requests.get(unescape(source), timeout=60)
        told = Told(answer.status_code, answer.headers, answer.text)
        found.append(Answered("GET", source, page, told))
    return found


def test_every_step_arrived_with_the_calls_and_mails_of_the_design(day: Board) -> None:
    assert [(result.step.name, result.problems) for result in day.results] == [
        (step.name, ()) for step in DAY
    ]


def test_a_step_that_costs_other_than_the_script_says_is_told(world: World, day: Board) -> None:
    assert day.results
    step = next(step for step in DAY if step.name == "book, person known")
    wrong = replace(step, drchrono=step.drchrono[1:], mails=0)
    result = play_step(wrong, Day(world).steps[step.name], Counter(world))
    assert result.problems == (
        (
            "DrChrono calls: GET appointment, GET patient, PATCH appointment; "
            "expected GET patient, PATCH appointment"
        ),
        "mails of ours: 1; expected 0",
    )


def test_no_page_tells_anything_unless_it_was_asked_to(
    walked: list[Answered], words: set[str], imported: set[str]
) -> None:
    """What was typed is not repeated, and nothing is left in a browser's cache."""
    # A birth date of a file is the template's too.
    words = words | {word for word in imported if any(map(str.isalpha, word))}
    routes = {one.route for one in walked if one.answer.status_code == 200}
    assert {"/ops", "/ops/why", "/ops/day", "patients", "clinical_note/edit"} <= routes
    assert {"/ops/import", "/ops/import/N"} <= routes
    for one in walked:
        assert one.answer.headers["Cache-Control"] == "no-store", one.route
        assert one.answer.status_code != 500, one.route
        if one.method == "POST" and one.route.startswith(MAPPING):
            continue
        if (one.method, one.route) not in SHOWN_ON_REQUEST | SEARCHED_BY_NAME:
            assert canary.hits(words, one.text.encode()) == set(), (one.method, one.address)
    shown = [one for one in walked if (one.method, one.route) in SHOWN_ON_REQUEST]
    assert any(canary.hits(words, one.text.encode()) for one in shown)


@pytest.mark.usefixtures("walked")
def test_no_file_of_the_service_tells_anything(
    world: World, words: set[str], imported: set[str]
) -> None:
    words = words | imported
    with redis.Redis.from_url(world.environment["REDIS_URL"]) as client:
        # Compressed strings would hide what is in them.
        client.config_set("rdbcompression", "no")
        client.save()
    found = canary.files(world.files.directory, but=OF_THE_SANDBOX)
    assert {"sync.db", "sync.db-wal", "redis-data/dump.rdb", "log/web.log"} <= set(found)
    assert {"log/worker-1.log", "log/worker-2.log", "log/beat.log"} <= set(found)
    assert any(name.startswith("redis-data/appendonly") for name in found)
    assert {name: canary.hits(words, content) for name, content in found.items()} == {
        name: set() for name in found
    }


@pytest.mark.usefixtures("walked")
def test_redis_tells_nothing(world: World, words: set[str], imported: set[str]) -> None:
    words = words | imported
    with redis.Redis.from_url(world.environment["REDIS_URL"]) as client:
        held = canary.dump(client)
    assert b"rq:" in held
    assert canary.hits(words, held) == set()


@pytest.mark.parametrize("page", ["metrics", "healthz"])
def test_no_page_of_the_service_tells_anything(world: World, words: set[str], page: str) -> None:
    answer = requests.get(f"{world.ops_url}/{page}", timeout=10)
    assert answer.ok
    assert canary.hits(words, answer.content) == set()


NAME = "Núñez"


@pytest.mark.parametrize(
    "leak",
    [
        f'{{"event": "hello {NAME}"}}'.encode(),
        json.dumps({"event": f"hello {NAME}"}).encode(),
        b"GET /contacts/?name=N%C3%BA%C3%B1ez HTTP/1.1",
        b"\x00\x07" + zlib.compress(f"KeyError: {NAME}".encode()) + b"\x00rest",
        b"exc_string " + base64.b64encode(zlib.compress(f"a long trace of {NAME}".encode())),
    ],
    ids=["plain", "json", "address", "zlib", "base64 of zlib"],
)
def test_the_canary_sings(leak: bytes) -> None:
    """Each form in which a word could be kept is found."""
    assert canary.hits({NAME, "Harper"}, b"before\n" + leak + b"\nafter") == {NAME}


def test_a_longer_word_is_another_word() -> None:
    assert canary.hits({"Grace"}, b"Graceful exit") == set()
    assert canary.hits({"Grace"}, b"\x01GraceAdeyemi") == {"Grace"}


def test_a_planted_log_line_is_found(world: World, words: set[str]) -> None:
    log: Path = world.files.log / "planted.log"
    log.write_text(f"worker-1 | saw {demo_day.NEW_FIRST_NAME}\n")
    try:
        found = canary.files(world.files.directory, but=OF_THE_SANDBOX)
    finally:
        log.unlink()
    assert canary.hits(words, found["log/planted.log"]) == {demo_day.NEW_FIRST_NAME}
