"""Run a whole clinic for a test: the sandbox, the doors over HTTP, the engine by the test.

`pump` does what workers and beat do, one item after the other, until nothing is due; `advance`
moves the engine's clock instead of sleeping.
"""

import json
import logging
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import and_, bindparam, func, or_, select
from werkzeug.serving import make_server

from cli.world.seed_mapping import decided
from service.doors import Doors
from sync.assemble import build
from sync.config import Settings
from sync.core.causes import table as causes
from sync.run.hinted import turns
from sync.runtime import Sync
from sync.setup import connect, practice
from sync.setup.mapping_edit.gathered import gather
from sync.store import pauses
from sync.store.schema import UtcTime, attention, call, conflict, work
from sync.store.tables import told
from sync.tasks import schedule, worker
from tests.support import schema
from tests.support.sandbox_client import Sandbox
from tests.support.servers.one_port import both

DOCTOR, OFFICE, TELEHEALTH = 201, 301, 401
PROVIDER, DIVISION = "196157", "2404"
ZONE = ZoneInfo("US/Eastern")
SECRET = "webhook-secret-of-the-tests"
TOKEN = "oncall-token-of-the-tests"
# What no catch-up does: go live anew, and forget what is old.
ONCE = frozenset({"matching", "prune"})
# To learn the practice anew, as once a day, was half of a catch-up's time; to compare is none.
SELDOM = ONCE | {"practice", "diff"}


class SilentBell:
    """A bell whose Redis is down: the test's `pump` finds the work as the sweeper would."""

    def ring(self, rings: Any) -> bool:
        del rings
        return False

    def alive(self) -> bool:
        return False

    def trouble(self) -> str | None:
        return "it is down"

    def census(self) -> None:
        return None

    def close(self) -> None:
        """Nothing to give back."""


class CheckedWire:
    """The real transport, with each DrChrono request and answer held against DrChrono's schema.

    With `echo_first` the webhook of each write of ours comes before the write's own answer, which
    is one of the two orders that chance else decides.
    """

    def __init__(self, wire: Any, sandbox: Sandbox) -> None:
        self._wire = wire
        self._sandbox = sandbox
        self._base = sandbox.drchrono_url
        self.problems: list[str] = []
        self.answers = True  # off where a test makes up answers of its own
        self.echo_first = bool(os.environ.get("ECHO_FIRST"))

    def send(self, request: Any) -> Any:
        path = urlsplit(request.url).path
        ours = request.url.startswith(self._base) and path.startswith("/api/")
        checked = ours and schema.available()
        if checked and request.body and request.headers.get("content-type") == "application/json":
            body = json.loads(request.body)
            self.problems += schema.validate_request(request.method, path, body)
        answer = self._wire.send(request)
        if self.echo_first and request.method != "GET":
            self._sandbox.wait_idle()
        if checked and self.answers and answer.status < 300:
            self._check(request.method, path, answer)
        return answer

    def _check(self, method: str, path: str, answer: Any) -> None:
        if answer.content and "json" not in answer.content_type:
            return
        try:
            body = json.loads(answer.content) if answer.content else None
        except ValueError:
            return  # garbage on request: what the service makes of it is another test's
        self.problems += schema.validate_answer(method, path, answer.status, body)


class Clinic:
    """One installation on one database, connected to a running sandbox."""

    def __init__(
        self,
        sandbox: Sandbox,
        database_url: str,
        home: Path,
        *,
        migrate: bool = True,
        **settings: Any,
    ) -> None:
        self.sandbox = sandbox
        self.offset = timedelta(0)
        self.stands: Any = None  # in a copy: what its template was made with
        self.home = home
        self.values: dict[str, Any] = {
            "database_url": database_url,
            "public_url": "http://127.0.0.1:1",
            "mapping_file": str(home / "mapping.toml"),
            "sync_mode": "live",
            "go_live": "auto",
            "settle_seconds": 0,
            "group_settle_seconds": 0,
            "drchrono_base_url": sandbox.drchrono_url,
            "oncall_base_url": sandbox.oncall_url,
            "drchrono_webhook_secrets": SECRET,
            "oncall_webhook_tokens": TOKEN,
            "encryption_keys": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            "digest_keys": "a-digest-key-for-tests-of-32-bytes!",
            "drchrono_burst_limit": 10_000,
            **_credentials(sandbox),
            **settings,
        }
        self.settings = Settings(_env_file=None, **self.values)  # type: ignore[call-arg]
        self.sync: Sync = build(self.settings, owner="test", clock=self.now, pause=self.advance)
        if migrate:
            self.sync.store.migrate()
        self.wire = CheckedWire(self.sync.gate._wire, sandbox)
        self.sync.gate._wire = self.wire
        self._since = {"drchrono": 0, "oncall": 0, "mails": 0}

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def __enter__(self) -> Self:
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        server = make_server("127.0.0.1", 0, both(Doors.of(self.sync, SilentBell())), threaded=True)  # type: ignore[arg-type]
        self._server = server
        # Looking often for the end of the test: half a second each is what a suite is made of.
        self._thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.sync.close()

    # --- setting up -------------------------------------------------------------------------------

    def connect(self) -> None:
        """OAuth, the mapping as suggested, both webhooks."""
        self.authorise()
        found = gather(self.sync)
        self.settings.mapping_file.write_text(decided(found.suggestion(), found))
        practice.learn(self.sync)
        self.hear()

    def authorise(self) -> None:
        """The exchange as a person's browser goes through it, the confirmation too."""
        started = connect.begin(self.sync, connect.new_ticket(self.sync))
        code = self.sandbox.oauth_code(started.address)
        state = parse_qs(urlsplit(started.address).query)["state"][0]
        if connect.exchange(self.sync, state, started.browser, code).kind == "held":
            connect.confirm(self.sync, state, started.browser)

    def hear(self) -> None:
        """Have both remotes tell their webhooks here."""
        self.sandbox.register_webhooks(
            drchrono=f"{self.url}/webhooks/drchrono",
            secret=SECRET,
            oncall=f"{self.url}/webhooks/oncall",
            basic=("oncall", TOKEN),
        )

    def go_live(self) -> None:
        """Match what is there, and make what is missing."""
        self.beat("matching")
        self.pump()
        self.forget()

    # --- time and work ----------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        self.offset += timedelta(seconds=seconds)

    def advance_all(self, seconds: float) -> None:
        """The same with the remotes' clocks, which then are as late as the engine's."""
        self.advance(seconds)
        for remote in ("drchrono", "oncall"):
            passed = self.offset.total_seconds()
            self.sandbox.control(remote, "time", {"offset_seconds": passed})
        self.sandbox._staff = None  # its token may have outlived its life

    def beat(self, task: str) -> Any:
        """Run a task of the beat now, whatever its tick, after the webhooks told so far.

        Else chance decides which of the two comes first. Returns what the task rings.
        """
        self.sandbox.wait_idle()
        return schedule.run_now(self.sync, task)

    def pump(self, *, most: int = 2000) -> int:
        """Deliver webhooks and work until nothing is due; returns how many runs there were."""
        runs = 0
        while runs < most:
            self.sandbox.wait_idle()
            due = self.due()
            if not due:
                return runs
            for aggregate in due:
                worker.run(self.sync, aggregate)
                runs += 1
        raise AssertionError(f"still work after {most} runs")

    def due(self) -> list[int]:
        """What the sweeper would ring now."""
        return due(self.sync)

    def waiting(self) -> int:
        with self.sync.store.read() as conn:
            return conn.execute(
                select(func.count()).select_from(work).where(work.c.wanted > work.c.done)
            ).scalar_one()

    def settle(self, *, hours: float = 1) -> None:
        """Pump, moving the clock to whatever waits, until nothing waits any more."""
        end = self.now() + timedelta(hours=hours)
        self.pump()
        while self.waiting() and self.now() < end:
            with self.sync.store.read() as conn:
                due = conn.execute(
                    select(func.min(work.c.due)).where(work.c.wanted > work.c.done)
                ).scalar_one()
            self.offset += max(timedelta(0), due - self.now()) + timedelta(milliseconds=5)
            self.pump()

    def catch_up(self, *, but: frozenset[str] = SELDOM) -> None:
        """One catch-up cycle: everything that looks at visits and people is due once."""
        self.sandbox.wait_idle()
        for name in schedule.TASKS:
            if name not in but:
                schedule.run_now(self.sync, name)
        self.settle()

    def whole_cycle(self, *, hours: float = 25) -> None:
        """One catch-up (docs/rules.md, R24): everything is due once, what is seldom done included.

        The remotes' clocks go along: a list "since yesterday" must mean their yesterday too.
        """
        self.advance_all(hours * 3600)
        self.catch_up(but=ONCE | {"diff"})  # it changes nothing

    def linked(self, **changes: Any) -> tuple[str, str]:
        """A visit that stands on both sides, booked in DrChrono; its ids. Counting begins here."""
        before = {visit["id"] for visit in self.visits()}
        appointment = self.book(**{"patient": self.patient, **changes})
        self.settle()
        (visit,) = [visit["id"] for visit in self.visits() if visit["id"] not in before]
        self.forget()
        return appointment, visit

    # --- looking ----------------------------------------------------------------------------------

    def forget(self) -> None:
        """Count calls and mails from here."""
        for remote in ("drchrono", "oncall"):
            self._since[remote] = max((c["n"] for c in self.sandbox.calls(remote, None)), default=0)
        self._since["mails"] = max((m["n"] for m in self.sandbox.mails()), default=0)

    def calls(self, remote: str) -> list[str]:
        """The app's calls since `forget`, as `GET /api/appointments/ID` with ids left out."""
        found = self.sandbox.calls(remote, "app", since=self._since[remote])
        return [f"{c['method']} {shape(c['path'])}" for c in found]

    def writes(self) -> list[str]:
        """Those of the app's calls since `forget` that changed something, or tried to."""
        calls = self.calls("drchrono") + self.calls("oncall")
        harmless = ("GET ", "POST /api/appointments_list", "POST /api/patients_list", "POST /o/")
        return [call for call in calls if not call.startswith(harmless)]

    def mails(self) -> list[tuple[str, str]]:
        """The mails since `forget`: kind and who caused it."""
        return [
            (m["kind"], m["caused_by"])
            for m in self.sandbox.mails()
            if m["n"] > self._since["mails"]
        ]

    def attention(self) -> list[str]:
        with self.sync.store.read() as conn:
            return sorted(
                conn.execute(
                    select(attention.c.cause).where(attention.c.closed_at.is_(None))
                ).scalars()
            )

    def assert_calls_are_rows(self) -> None:
        """No call went beside the gate: what the sandbox saw of us is what `call` says."""
        sent = select(call.c.system).where(call.c.state != "unsent")
        with self.sync.store.write() as conn:  # what is owed comes with it
            rows = Counter(conn.execute(sent).scalars())
        for remote in ("drchrono", "oncall"):
            assert len(self.sandbox.calls(remote, "app")) == rows[remote], remote

    def assert_causes_are_said(self) -> None:
        """Each cause that was ever told has a sentence in staff's words."""
        with self.sync.store.read() as conn:
            told_of = set(conn.execute(select(attention.c.cause)).scalars())
        assert {one for one in told_of if causes.find(one) is None} == set()

    def of(self, remote: str, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind on one side, as its state shows it."""
        return list(self.sandbox.state(remote)["objects"][kind])

    # --- what staff and patients do ---------------------------------------------------------------

    def book(self, **changes: Any) -> str:
        """Staff book a telehealth appointment in DrChrono; returns its id."""
        body = {
            "doctor": DOCTOR,
            "office": OFFICE,
            "exam_room": 1,
            "profile": TELEHEALTH,
            "patient": self.patient if "patient" not in changes else None,
            "scheduled_time": wall(days=3),
            "duration": 30,
            **changes,
        }
        answer = self.sandbox.staff_drchrono("POST", "/api/appointments", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def edit(self, appointment_id: str, **changes: Any) -> None:
        """Staff change an appointment in DrChrono."""
        path = f"/api/appointments/{appointment_id}"
        answer = self.sandbox.staff_drchrono("PATCH", path, changes)
        assert answer.status_code == 204, answer.text

    def delete(self, appointment_id: str) -> None:
        """Staff delete an appointment in DrChrono that every copy has shown by now."""
        self.advance(10)
        answer = self.sandbox.staff_drchrono("DELETE", f"/api/appointments/{appointment_id}")
        assert answer.status_code == 204, answer.text

    def new_patient(self, **changes: Any) -> int:
        """Staff make a chart; it becomes the patient of the next bookings."""
        body = {
            "doctor": DOCTOR,
            "gender": "Female",
            "first_name": "Vera",
            "last_name": "Lindqvist",
            "email": "vera@mail.example",
            "date_of_birth": "1984-05-06",
            "cell_phone": "(212) 555-0147",
            **changes,
        }
        answer = self.sandbox.staff_drchrono("POST", "/api/patients", body)
        assert answer.status_code == 201, answer.text
        self.patient = int(answer.json()["id"])
        return self.patient

    def edit_patient(self, patient: int, **changes: Any) -> None:
        answer = self.sandbox.staff_drchrono("PATCH", f"/api/patients/{patient}", changes)
        assert answer.status_code == 204, answer.text

    def invite(self, **changes: Any) -> str:
        """Staff book a visit in OnCall; returns its id."""
        base = self.sandbox.oncall_url
        body = {
            "title": "Follow-up",
            "type": "online",
            "datetime": f"{utc(days=4):%Y-%m-%dT%H:%M:%SZ}",
            "duration": 30,
            "provider": f"{base}/providers/{PROVIDER}/",
            "division": f"{base}/divisions/{DIVISION}/",
            "participants": [
                {"first_name": "Vera", "last_name": "Lindqvist", "email": "vera@mail.example"}
            ],
            **changes,
        }
        answer = self.sandbox.staff_oncall("POST", "/appointments/", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["url"].rstrip("/").rpartition("/")[2])

    def change_visit(self, visit_id: str, *, by: str = "staff", **changes: Any) -> None:
        """Staff or the patient change a visit in OnCall."""
        act = self.sandbox.staff_oncall if by == "staff" else self.sandbox.patient_oncall
        answer = act("PATCH", f"/appointments/{visit_id}/", changes)
        assert answer.status_code == 200, answer.text

    def appointment(self, appointment_id: str) -> dict[str, Any]:
        return next(a for a in self.of("drchrono", "appointments") if a["id"] == appointment_id)

    def visit(self, visit_id: str) -> dict[str, Any]:
        return next(v for v in self.of("oncall", "appointments") if v["id"] == visit_id)

    def conflicts(self) -> list[str]:
        """The fields of every conflict that was recorded."""
        with self.sync.store.read() as conn:
            return sorted(conn.execute(select(conflict.c.field)).scalars())

    def visits(self) -> list[dict[str, Any]]:
        """Every OnCall visit that is not cancelled."""
        return [v for v in self.of("oncall", "appointments") if not v["cancelled"]]

    def appointments(self) -> list[dict[str, Any]]:
        """Every DrChrono appointment that is not cancelled."""
        return [a for a in self.of("drchrono", "appointments") if a["status"] != "Cancelled"]


_NOW = bindparam("now", type_=UtcTime())
_DUE = (
    select(work.c.aggregate)
    .where(
        or_(
            and_(work.c.wanted > work.c.done, work.c.due <= _NOW),
            and_(work.c.lease_by.is_not(None), work.c.lease_until <= _NOW),
        ),
        pauses.lets_begin(_NOW),
    )
    .order_by(work.c.lane, work.c.due)
)


def due(sync: Sync) -> list[int]:
    """What the sweeper would ring now: what is due, and leases that a dead worker left."""
    with sync.store.read() as conn:
        asked = told.anybody_asks(conn, sync.clock())
    if asked:
        turns.admit(sync)
    with sync.store.read() as conn:
        return list(conn.execute(_DUE, {"now": sync.clock()}).scalars())


def utc(*, days: int = 0, hour: int = 15) -> datetime:
    """A full hour, `days` from today, UTC."""
    day = datetime.now(UTC) + timedelta(days=days)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0)


def wall(*, days: int = 0, hour: int = 15) -> str:
    """The same instant on the wall clock of the doctor (US/Eastern)."""
    return f"{utc(days=days, hour=hour).astimezone(ZONE):%Y-%m-%dT%H:%M:%S}"


def shape(path: str) -> str:
    parts = ["ID" if any(ch.isdigit() for ch in part) else part for part in path.split("/")]
    return "/".join(parts)


def _credentials(sandbox: Sandbox) -> dict[str, str]:
    drchrono = sandbox.state("drchrono")["credentials"]
    oncall = sandbox.state("oncall")["credentials"]
    return {
        "drchrono_client_id": drchrono["client_id"],
        "drchrono_client_secret": drchrono["client_secret"],
        "oncall_key": oncall["keys"]["app"],
    }


@contextmanager
def open_clinic(
    sandbox: Sandbox, database_url: str, home: Path, **settings: Any
) -> Iterator[Clinic]:
    """A connected clinic; at its end every call the sandbox saw must be a row of ours."""
    with Clinic(sandbox, database_url, home, **settings) as clinic:
        clinic.connect()
        with checked(clinic):
            yield clinic


@contextmanager
def checked(clinic: Clinic) -> Iterator[None]:
    """At the end no call went beside the gate, each was as DrChrono's schema has it.

    And whatever a person was asked has its sentence.
    """
    yield
    clinic.assert_calls_are_rows()
    clinic.assert_causes_are_said()
    assert clinic.wire.problems == []
