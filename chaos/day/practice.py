"""Pass a day without waiting for it: engine, doors and beat in one process.

Both remotes are the sandbox in a process of its own, over HTTP. Whenever nothing is to be done, the
clocks of both are moved on to what comes next, so that the hours cost nothing, the calls what they
cost.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import parse_qs, urlsplit

import requests
from sqlalchemy import and_, func, or_, select
from werkzeug.serving import make_server

from cli.world.sandbox_control import SandboxControl
from cli.world.seed_mapping import decided
from service.app import create_app
from service.doors import Doors
from sync.assemble import build
from sync.config import Settings
from sync.run.hinted import turns
from sync.runtime import Ring, Sync
from sync.setup import connect
from sync.setup.mapping_edit.gathered import gather
from sync.store.schema import tick, work
from sync.store.schema import told as told_table
from sync.store.tables import told
from sync.tasks import gaps, schedule, worker

if TYPE_CHECKING:
    from workers.bell import Bell

REMOTES = ("drchrono", "oncall")
SECRET, TOKEN = "webhook-secret", "oncall-token"
DIGEST_KEY = "a-digest-key-for-a-simulated-day!!"
FERNET_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
# The longest jump of the clock: a beat that is away for a minute catches up at once (catchup.GAP).
LONGEST_JUMP = timedelta(seconds=50)
A_MOMENT = timedelta(milliseconds=5)
# Tasks that ask nothing of anybody and are due every few seconds: no reason to stop the clock.
OFTEN = ("mapping", "mode", "token", "window", "matching")
# For going live, which the day is not about: it may take as many calls as it takes.
NO_LIMIT: dict[str, Any] = {"drchrono_hourly_limit": 1_000_000, "drchrono_burst_limit": 1_000_000}
# Three in the morning in the east, midnight in the west: nobody is at work.
DAY_BEGINS = time(8, tzinfo=UTC)


class SilentBell:
    """A bell without Redis: what it would ring for is found in SQL, as the sweep does."""

    def ring(self, rings: tuple[Ring, ...]) -> bool:
        """Nobody hears it."""
        del rings
        return False

    def alive(self) -> bool:
        """There is no Redis."""
        return False

    def census(self) -> None:
        """Nobody listens."""

    def close(self) -> None:
        """Nothing to give back."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where a practice keeps its files and its database."""

    home: Path
    database_url: str


class Practice:
    """One installation and both remotes, gone live; entering it takes as long as going live does.

    `keep_days` is for how long calls and deliveries are kept, parts of a day too. With a `pace` the
    clock goes on in steps of that length instead of stopping at each tick, for a short day.
    """

    def __init__(
        self,
        control: SandboxControl,
        files: Files,
        doctors: int,
        *,
        keep_days: float,
        pace: timedelta | None = None,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        self.control = control
        self.doctors = doctors
        self._files = files
        self.keep_days = keep_days
        self._pace = pace
        self._progress = progress
        self._offset = timedelta(0)
        self._sync: Sync | None = None
        self._server: Any = None
        self.begins = first_weekday_after(datetime.now(UTC))
        self._ticked = self.begins

    @property
    def sync(self) -> Sync:
        """The engine; there while the practice is entered."""
        if self._sync is None:
            raise RuntimeError("the practice is not entered")
        return self._sync

    def __enter__(self) -> Self:
        try:
            self._go_live()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._close()

    # --- going live, two days before the day ------------------------------------------------------

    def _go_live(self) -> None:
        for remote in REMOTES:
            self.control.command(remote, "reset", {"doctors": self.doctors})
        limits = {"hourly_limit": 1_000_000, "burst_limit": None, "bulk_polls": 0}
        self.control.command("drchrono", "faults", {"behaviours": limits})
        # Two days earlier, so that the revisions of all that is written now are no news on the day.
        self.move_to(self.begins - timedelta(days=3))
        self._open(**NO_LIMIT)
        self._connect()
        self.run_due()
        most = max(1, self.waiting())
        while self.waiting():
            self._progress(most - self.waiting(), most)
            self.step()
        self._close()
        limits = {"hourly_limit": 500, "burst_limit": 10, "bulk_polls": 1}
        self.control.command("drchrono", "faults", {"behaviours": limits})
        self._open()
        self.hear()
        # The gap makes the beat catch up; the day begins when that is over.
        self.move_to(self.begins - timedelta(hours=2))
        self.until(self.begins)

    def _open(self, **settings: Any) -> None:
        """The engine and its doors."""
        drchrono = self.control.state("drchrono")["credentials"]
        oncall = self.control.state("oncall")["credentials"]
        values: dict[str, Any] = {
            "_env_file": None,
            "database_url": self._files.database_url,
            "public_url": "http://127.0.0.1:1",
            "mapping_file": self._files.home / "mapping.toml",
            "sync_mode": "live",
            "go_live": "auto",
            "drchrono_base_url": self.control.drchrono_url,
            "drchrono_client_id": drchrono["client_id"],
            "drchrono_client_secret": drchrono["client_secret"],
            "drchrono_webhook_secrets": SECRET,
            "oncall_base_url": self.control.oncall_url,
            "oncall_key": oncall["keys"]["app"],
            "oncall_webhook_tokens": TOKEN,
            "encryption_keys": FERNET_KEY,
            "digest_keys": DIGEST_KEY,
            **settings,
        }
        # Not validated: parts of a day, so that the day shows what is forgotten after it.
        made = Settings(**values).model_copy(update={"keep_days": self.keep_days})
        self._sync = build(made, owner="day", clock=self.now, pause=self._pause)
        self._sync.store.migrate()
        self._server = make_server(
            "127.0.0.1",
            0,
            create_app(Doors.of(self._sync, cast("Bell", SilentBell()))),
            threaded=True,
        )
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()

    def _connect(self) -> None:
        """OAuth, and the mapping as it is suggested."""
        started = connect.begin(self.sync, connect.new_ticket(self.sync))
        page = requests.get(started.address, timeout=30)
        sent = requests.post(page.url, timeout=30, allow_redirects=False)
        code = parse_qs(urlsplit(sent.headers["Location"]).query)["code"][0]
        state = parse_qs(urlsplit(started.address).query)["state"][0]
        if connect.exchange(self.sync, state, started.browser, code).kind == "held":
            connect.confirm(self.sync, state, started.browser)
        found = gather(self.sync)
        self.sync.settings.mapping_file.write_text(decided(found.suggestion(), found))

    def _close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._sync is not None:
            self._sync.close()
            self._sync = None

    # --- webhooks ---------------------------------------------------------------------------------

    def hear(self) -> None:
        """Have both remotes tell their webhooks here."""
        base = f"http://127.0.0.1:{self._server.server_port}/webhooks"
        self.control.register_webhook(
            "drchrono", {"callback_url": f"{base}/drchrono", "secret_token": SECRET}
        )
        self.control.command(
            "oncall", "webhook", {"callback_url": f"{base}/oncall", "basic": ["oncall", TOKEN]}
        )

    def lose_webhooks(self) -> None:
        """From now on no webhook arrives, and none is sent again."""
        for remote in REMOTES:
            self.control.command(remote, "faults", {"webhooks": {"mode": "drop"}})

    # --- time and work ----------------------------------------------------------------------------

    def now(self) -> datetime:
        """The simulated time: it passes as the machine's does, and is moved on besides."""
        return datetime.now(UTC) + self._offset

    def move_to(self, at: datetime) -> None:
        """Move both clocks on to a time; one that is past already is no reason to go back."""
        if self._sync is not None and at <= self.now():
            return
        self._offset = at - datetime.now(UTC)
        # Both remotes share one clock.
        seconds = self._offset.total_seconds()
        self.control.command("drchrono", "time", {"offset_seconds": seconds})

    def _pause(self, seconds: float) -> None:
        self.move_to(self.now() + timedelta(seconds=seconds))

    def rest(self, longest: timedelta) -> bool:
        """Let time pass until nothing waits; False when something still does after that long."""
        end = self.now() + longest
        while self.waiting() and self.now() < end:
            self.step()
        return not self.waiting()

    def catch_up(self) -> None:
        """One whole catch-up: after a while without a beat all of it is due at once.

        Returns when nothing waits any more. Raises RuntimeError when something does for a day.
        """
        self.move_to(self.now() + 2 * gaps.GAP)
        self.run_due()  # sees the gap
        self.step()
        if not self.rest(timedelta(days=1)):
            raise RuntimeError(f"{self.waiting()} items still wait after a day")

    def until(self, end: datetime) -> None:
        """Let time pass until then, and do all that is due meanwhile."""
        while self.now() < end:
            self.step(end)

    def step(self, end: datetime | None = None) -> None:
        """Go on to the next moment at which something is due, but not beyond `end`, and do it."""
        at = self._next_moment()
        self.move_to(min(at, end) if end else at)
        self.run_due()

    def run_due(self) -> None:
        """What beat and workers do now: the tasks that are due, then each item that is due."""
        self._tick()
        while True:
            self.await_webhooks()
            due = self._due()
            if not due:
                return
            for aggregate in due:
                worker.run(self.sync, aggregate)
                if self.now() - self._ticked > LONGEST_JUMP / 2:
                    self._tick()  # the beat does not wait for the workers

    def _tick(self) -> None:
        self._ticked = self.now()
        for name in schedule.due_tasks(self.sync):
            schedule.run(self.sync, name)
            gaps.still_beats(self.sync)

    def await_webhooks(self) -> None:
        """Return when no webhook is on its way."""
        for remote in REMOTES:
            if not self.control.is_idle(remote, 10):
                raise RuntimeError(f"a webhook of {remote} does not arrive")

    def _due(self) -> list[int]:
        now = self.now()
        with self.sync.store.read() as conn:
            asked = told.anybody_asks(conn, now)
        if asked:
            turns.admit(self.sync)
        waiting = and_(work.c.wanted > work.c.done, work.c.due <= now)
        abandoned = and_(work.c.lease_by.is_not(None), work.c.lease_until <= now)
        with self.sync.store.read() as conn:
            rows = conn.execute(
                select(work.c.aggregate)
                .where(or_(waiting, abandoned))
                .order_by(work.c.lane, work.c.due)
            )
            return list(rows.scalars())

    def _next_moment(self) -> datetime:
        with self.sync.store.read() as conn:
            item = conn.execute(
                select(func.min(work.c.due)).where(work.c.wanted > work.c.done)
            ).scalar_one()
            asked = conn.execute(
                select(func.min(told_table.c.due)).where(told_table.c.what == "asks")
            ).scalar_one()
            task = conn.execute(
                select(func.min(tick.c.due)).where(tick.c.task.not_in(OFTEN))
            ).scalar_one()
        # An id that a webhook told of and that waits for its turn gets it within seconds.
        turn = None if asked is None else max(asked, self.now() + timedelta(seconds=2))
        due: list[datetime | None] = [item, turn] if self._pace else [item, turn, task]
        # A moment later: what is due at a time is due when that time is over.
        moments = [at + A_MOMENT for at in due if at is not None]
        return min([self.now() + (self._pace or LONGEST_JUMP), *moments])

    def waiting(self) -> int:
        """How many visits and people are still to be looked at."""
        with self.sync.store.read() as conn:
            counted: int = conn.execute(
                select(func.count()).select_from(work).where(work.c.wanted > work.c.done)
            ).scalar_one()
            return counted


def first_weekday_after(today: datetime) -> datetime:
    """When the day begins: the first on which doctors see anybody (`sandbox.larger`)."""
    day = today.date() + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return datetime.combine(day, DAY_BEGINS)
