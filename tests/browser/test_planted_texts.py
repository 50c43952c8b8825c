"""Every page with an attack in every text that either system, a webhook or a person gave.

The pages are walked through as they lead on, so that one which is added later is covered; one that
is reached by nothing fails `test_every_page_was_walked_through`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import cycle
from urllib.parse import urlencode, urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, Route

from service.app import create_app
from service.doors import Doors
from service.ops_app import create_ops_app
from sync.core.batch.model import State
from sync.operations import operators
from sync.operations.operators import Role
from sync.setup.mapping_edit import candidate
from sync.store import attention
from sync.store.tables import links
from tests.browser.conftest import NOTE_VIOLATIONS
from tests.integration.doors.test_framed import address
from tests.support import forged
from tests.support.clinic import DOCTOR, Clinic, SilentBell, utc, wall
from tests.support.ops import brought
from tests.support.ops.browser import token
from tests.support.ops.crawl import Answered, Crawl, Told
from tests.support.ops.planted import EVALUATED, PAYLOADS, WORD, Planting, harmed
from tests.support.templates import Templates

pytestmark = pytest.mark.timeout(300)

# What is reached by no page: each has tests of its own, and shows no text of anybody's.
BESIDE = {
    ("GET", "/ops/link"),
    ("GET", "/ops/static/<path:filename>"),
    ("POST", "/ops/sign-out"),
    ("POST", "/ops/setup/dry_run"),  # it goes on behind the page, and says one of two sentences
    ("POST", "/ops/press/drop"),  # beside few answers; it says one of two sentences
    ("POST", "/ops/press/resume"),  # beside few answers too
    ("POST", "/ops/press/include"),
    # Of few causes: they show ids, counts and names of fields (ops/test_waiting_keep.py).
    ("POST", "/ops/waiting/<int(max=2147483647):item>/keep"),
    ("POST", "/ops/waiting/<int(max=2147483647):item>/accept_zones"),
    ("GET", "/metrics"),
    ("GET", "/healthz"),
    ("GET", "/"),
    ("GET", "/ops/openid"),
    ("GET", "/ops/openid/back"),
}
# What pages lead to before this world's time only: asked for by itself, with an attack.
EARLIER = (
    ("GET", "/ops/setup/go-live", {}),
    ("POST", "/ops/setup/go-live", {"counted": PAYLOADS[1]}),
    ("POST", "/ops/diff/download", {"cause": PAYLOADS[1]}),
)
# What is done to the batches of `planted`, one after another: few of them are reached by the list.
BROUGHT = (
    ("GET", "/ops/import/1", {}),
    ("POST", "/ops/import/1/samples", {"c0": PAYLOADS[2]}),
    (
        "POST",
        "/ops/import/1/columns",
        {"c0": PAYLOADS[1], "date_format": PAYLOADS[0], "provider": PAYLOADS[4]},
    ),
    ("GET", "/ops/import/2", {}),
    ("POST", "/ops/import/2/look", {"reason": "to_check"}),
    ("POST", "/ops/import/2/look", {"reason": PAYLOADS[0], "which": PAYLOADS[1]}),
    ("POST", "/ops/import/2/leave_out", {"out": PAYLOADS[0], "which": PAYLOADS[1]}),
    ("GET", "/ops/import/2/start", {}),
    ("POST", "/ops/import/2/result", {}),
    ("POST", "/ops/import/3/drop", {}),
    *(
        (method, f"/ops/{base}/{deed}", {})
        for base in ("import/2", "backfill/4")
        for method, deed in (
            *(("GET", "now?was=running"), ("GET", "start"), ("POST", "start")),
            *(("POST", one) for one in ("pause", "resume", "cancel", "leave_out")),
            *(("POST", one) for one in ("result", "drop")),
        )
    ),
)


@dataclass
class World:
    """What was answered, with which fields planted."""

    app: Flask
    fields: set[str]
    answers: list[Answered]

    @property
    def routes(self) -> set[tuple[str, str]]:
        """Every route of the operators' app."""
        return {
            (method, rule.rule)
            for rule in self.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }


@pytest.fixture(scope="module")
def world(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("planted")
    with templates.unchecked("planted", home, lived) as clinic:
        wire = Planting(clinic.sync.gate._wire)
        clinic.sync.gate._wire = wire
        wire.on = True
        planted(clinic)
        app = create_ops_app(Doors.of(clinic.sync, SilentBell()))  # type: ignore[arg-type]
        answers = walked(clinic, app, PAYLOADS[1])
        wire.shift = 4
        answers += walked(clinic, app, PAYLOADS[6])
        answers += framed(clinic)
        wire.everywhere = True
        answers += walked(clinic, app, PAYLOADS[7])
        answers += framed(clinic)
        yield World(app, wire.fields, answers)


def walked(clinic: Clinic, app: Flask, name: str) -> list[Answered]:
    """All that an admin whose own name is an attack can reach, and a stranger."""
    browser = app.test_client()
    browser.get(f"/ops/link?key={operators.new_link(clinic.sync, name, Role.ADMIN)}")
    person = Crawl(browser, Types(clinic))
    person.walk("/ops")
    for method, path, fields in (*EARLIER, *BROUGHT):
        form = {**fields, "csrf_token": token(browser, "/ops")} if method == "POST" else None
        answer = browser.open(path, method=method, data=form)
        route = person._route(method, urlsplit(path).path)
        person.answered.append(Answered(method, path, route, answer))
    stranger = Crawl(app.test_client(), Types(clinic))
    stranger.walk("/ops/sign-in", f"/ops/sign-in?{urlencode({'next': PAYLOADS[1]})}")
    return [*person.answered, *stranger.answered]


def framed(clinic: Clinic) -> list[Answered]:
    """The pages inside DrChrono, and of connecting, whose addresses anybody can make up."""
    pages = {"patient": f"{clinic.url}/iframe/patient"}
    pages["clinical_note"] = f"{clinic.url}/iframe/clinical-note"
    clinic.sandbox.control("drchrono", "frames", pages)
    clinic.sandbox.staff_drchrono("POST", "/api/iframe_integration/201")
    asked = [
        address(clinic, "patient", str(one["id"])) for one in clinic.of("drchrono", "patients")
    ]
    asked += [address(clinic, "clinical-note", one["id"]) for one in clinic.appointments()]
    for text in PAYLOADS:
        asked.append(f"/oauth/drchrono/start?{urlencode({'ticket': text})}")
        asked.append(f"/oauth/drchrono/callback?{urlencode({'state': text, 'code': text})}")
        asked.append(f"/iframe/patient?{urlencode({'patient_id': text, 'jwt': text})}")
    browser = create_app(Doors.of(clinic.sync, SilentBell())).test_client()  # type: ignore[arg-type]
    return [Answered("GET", one, urlsplit(one).path, browser.get(one)) for one in asked]


def lived(clinic: Clinic) -> dict[str, str]:
    """Visits that are there and that wait for different reasons, before anything is planted."""
    clinic.new_patient()
    clinic.go_live()
    appointment, visit = clinic.linked(scheduled_time=wall(days=4))
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    who = {"first_name": "Olga", "last_name": "Lindqvist", "email": "vera@mail.example"}
    clinic.invite(participants=[who])
    nora = clinic.new_patient(first_name="Nora", last_name="Nomail", email="")
    clinic.book(patient=nora, scheduled_time=wall(days=9))
    clinic.settle()
    return {"appointment": appointment, "visit": visit}


def planted(clinic: Clinic) -> None:
    """Have everything read anew with attacks in it, and told by webhooks and the mapping file."""
    appointment, visit = clinic.stands["appointment"], clinic.stands["visit"]
    clinic.edit(appointment, scheduled_time=wall(days=6))
    clinic.change_visit(visit, datetime=f"{utc(days=8):%Y-%m-%dT%H:%M:%SZ}")
    clinic.beat("practice")
    clinic.catch_up()
    for text in PAYLOADS:
        forged.oncall(clinic, text)
        body = forged.appointment(text, status=text, reason=text, updated_at=text)
        forged.drchrono(clinic, "APPOINTMENT_MODIFY", body)
        forged.drchrono(clinic, "PATIENT_MODIFY", {"id": text, "first_name": text})
    number = forged.appointment(int(appointment), status=PAYLOADS[0], recurring_appointment=True)
    forged.drchrono(clinic, "APPOINTMENT_MODIFY", number)
    clinic.pump()
    mapping = clinic.settings.mapping_file
    comments = "".join(f"# {text!a}\n" for text in PAYLOADS)
    mapping.write_text(f"{comments}{mapping.read_text()}")
    more = candidate.judge(clinic.sync, f"{mapping.read_text()}# {PAYLOADS[0]}\n")
    candidate.accept(clinic.sync, more.text, more.base, more.digest)  # there is one to go back to
    with clinic.sync.store.write() as conn:  # there is something to try again
        row = links.find(conn, "drchrono", "appointment", appointment)
        assert row is not None
        attention.open_item(conn, row.aggregate, "refused", now=clinic.now())
    # What steers a terminal makes a file binary, which is refused: all else it may say.
    texts = ["".join(one for one in text if one not in "\x00\x1b\x9b") for text in PAYLOADS]
    lines = [[text] * len(texts) for text in texts]
    brought.sent(clinic.sync, lines, texts)
    brought.of_file(clinic.sync, State.PLANNED, lines, texts)
    brought.of_file(clinic.sync, State.DONE, lines, texts)
    brought.of_record(clinic.sync, State.RUNNING)


class Types:
    """What a person types into a field: what leads on, and an attack where anything may stand."""

    def __init__(self, clinic: Clinic) -> None:
        asked = [f"appointment {one['id']}" for one in clinic.appointments()[::-1]]
        asked += [f"oncall-appointment {one['id']}" for one in clinic.visits()]
        self._asked = cycle([*asked, f"patient {clinic.patient}", *PAYLOADS])

    def __call__(self, name: str, kind: str) -> str:
        day = wall(days=3)[:10]
        kinds = {"date": day, "datetime-local": f"{day}T10:00", "number": "1"}
        if name == "about":
            return next(self._asked)
        if name == "ticket":
            return "INC-2041"
        if name == "doctor":
            return str(DOCTOR)
        return kinds.get(kind) or PAYLOADS[len(name) % len(PAYLOADS)]


def test_no_text_of_anybody_s_does_anything(world: World) -> None:
    done = [(one.method, one.address, what) for one in world.answers for what in harmed(one)]
    assert done == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        *(("text/html", f"<p>{text}</p>") for text in (PAYLOADS[0], PAYLOADS[1], PAYLOADS[4])),
        ("text/html", f"<input value='{PAYLOADS[2]}'>"),
        ("text/html", f'<a href="{PAYLOADS[3]}">x</a>'),
        ("text/html", f'<p class="{WORD}">x</p>'),
        ("text/html", f"<p>{EVALUATED}</p>"),
        ("text/html", f"<p>\u202e{WORD}</p>"),
        ("text/plain", WORD),
        ("text/csv", f'"name"\r\n"{PAYLOADS[6][:10]}"\r\n'),
        ("text/csv", '"name"\r\n"\x1b[2J"\r\n'),
    ],
)
def test_what_an_attack_does_is_seen(kind: str, body: str) -> None:
    told = Told(200, {"Content-Type": kind}, body)
    assert harmed(Answered("GET", "/ops", "/ops", told))
    plain = Told(200, {"Content-Type": kind}, escape(body.replace("=", "").replace("\u202e", "")))
    if kind == "text/html" and EVALUATED not in body:
        assert harmed(Answered("GET", "/ops", "/ops", plain)) == []


def test_the_attacks_were_there(world: World) -> None:
    # Else the test above would prove nothing.
    assert {"first_name", "last_name", "reason", "title", "name", "status"} <= world.fields
    assert sum(WORD in one.text for one in world.answers) >= 10
    tables = [one.text for one in world.answers if one.answer.mimetype == "text/csv"]
    assert any("HYPERLINK" in one for one in tables)


def test_every_page_was_walked_through(world: World) -> None:
    walked = {(one.method, one.route) for one in world.answers}
    assert world.routes - walked - BESIDE == set()


def test_nothing_runs_in_a_browser(world: World, chromium: Browser) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.add_init_script(NOTE_VIOLATIONS)
    said: list[str] = []
    strangers: list[str] = []

    def hear(message: str) -> None:
        if "Security Policy" in message:
            said.append(message)

    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda one: hear(one.text))
    found = of_each_kind(world.answers)
    answers = {f"/answer/{number}": one for number, one in enumerate(found)}
    files = world.app.test_client()

    def serve(route: Route) -> None:
        """Each answer as it was given, with its policy; the files of the pages; nothing else."""
        parts = urlsplit(route.request.url)
        if parts.path.startswith("/ops/static/"):
            kept = files.get(parts.path, buffered=True)
        elif parts.path in answers:
            kept = answers[parts.path].answer
        else:
            strangers.append(route.request.url)
            route.abort()
            return
        headers = {name: value for name, value in kept.headers if name != "Content-Length"}
        status = 200 if kept.status_code == 204 else kept.status_code
        route.fulfill(status=status, headers=headers, body=kept.get_data())

    page.route("**/*", serve)
    for path, one in answers.items():
        page.goto(f"http://localhost{path}")
        told = page.evaluate("[window.pwned, ...window.violations]")
        assert told == [None], (one.method, one.address)
    context.close()
    assert len(answers) >= 5
    assert (said, strangers) == ([], [])


def of_each_kind(answers: list[Answered]) -> list[Answered]:
    """A few pages of each route that hold an attack."""
    count: Counter[tuple[str, str, bool]] = Counter()
    found = []
    for one in answers:
        kind = (one.method, one.route, "<html" in one.text)
        if one.is_page and WORD in one.text and count[kind] < 3:
            count[kind] += 1
            found.append(one)
    return found
