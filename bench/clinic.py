"""Make the clinic that figures are measured at: visits in both systems, staff who move them.

The benchmark does what people and the vendors do: it edits by the sandbox's doors, tells of it by
webhooks over HTTP, and reads in the sandbox's journal what the service called. So whatever happens
inside the service may change without a figure's code.
"""

import base64
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from bench.journal import REMOTES, Journal
from bench.load import Answered, post, send
from chaos.database import Database, Postgresql, Sqlite
from cli.world.options import WorldOptions
from cli.world.ports import FREE
from cli.world.supervisor import Process
from cli.world.world import ONCALL_USER, World

# No budget, brake or catch-up stands in the way of what is measured.
SETTINGS: Final = {
    "DRCHRONO_HOURLY_LIMIT": "1000000",
    "DRCHRONO_BURST_LIMIT": "1000000",
    "BRAKE_COUNT": "1000000",
    "WRITES_PER_VISIT_DAY": "1000000",
    "CATCHUP_MINUTES": "100000",
    "SETTLE_SECONDS": "0",
    "LOG_LEVEL": "WARNING",
}
_LOOK = 0.2  # seconds; what is measured is read in the journal, so a look may be late
_LONGEST = 300.0  # seconds
_PATIENCE = 90.0  # seconds for a visit that waits for something, which no queue tells
_SLOTS_A_DAY = 20
_PATIENTS = 20  # each letter is one
Row = dict[str, Any]
Otherwise = Callable[[Process], Process]


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit by its ids; `slot`: its place among all."""

    slot: int
    appointment: str
    oncall: str


class Clinic:
    """A running world whose visits stand in both systems; times are of this machine's clock."""

    def __init__(self, world: World, database: str) -> None:
        self.world = world
        self.database = database
        self.control = world.control
        self.visits: list[Visit] = []
        self._slots = 0
        self._shifts: Counter[int] = Counter()  # of each slot
        self.calls = Journal(world.control).calls
        self._names = [
            status.name
            for status in world.statuses()
            if status.name.partition("-")[0] in ("web", "worker", "beat")
        ]
        self._running: dict[str, Otherwise | None] = dict.fromkeys(self._names)
        self._usual: dict[str, Process] = {}
        self._first = date.today() + timedelta(days=7)  # noqa: DTZ011 - the clinic's own day
        self._place: Row = {}
        self._patients: list[int] = []

    # --- visits -----------------------------------------------------------------------------------

    def fill(self, visits: int) -> None:
        """Book the visits in DrChrono and let them be synced."""
        self.answer(late=0)
        known = self.control.state("drchrono")["objects"]
        profile = next(p for p in known["appointment_profiles"] if p["name"] == "Telehealth")
        office = next(o for o in known["offices"] if o["doctor"] == profile["doctor"])
        self._place = {
            "doctor": profile["doctor"],
            "office": office["id"],
            "profile": profile["id"],
            "exam_room": 1,
        }
        self._patients = [self._chart(n) for n in range(min(visits, _PATIENTS))]
        booked = {self.book(): self._slots - 1 for _ in range(visits)}
        self.world.settle()
        end = time.monotonic() + _PATIENCE
        while missing := self._missing(booked):
            if time.monotonic() > end:
                known = "\n".join(self._explained(one) for one in sorted(missing))
                raise RuntimeError(f"appointments that are not in OnCall:\n{known}")
            time.sleep(_LOOK)

    def _missing(self, booked: Mapping[str, int]) -> set[str]:
        """Note which OnCall visit each appointment became; gives those that became none."""
        other = {_other(row): row["id"] for row in self.rows("oncall", "appointments").values()}
        self.visits = [Visit(slot, a, other[a]) for a, slot in booked.items() if a in other]
        return booked.keys() - other.keys()

    def _explained(self, appointment: str) -> str:
        """What the service knows of an appointment, in the words of `explain`."""
        argv = ["--env", str(self.world.files.env), "explain", "appointment", appointment]
        ran = subprocess.run(
            [sys.executable, "-m", "cli.main", *argv], capture_output=True, text=True, check=False
        )
        return f"{appointment}: {ran.stdout}{ran.stderr}"

    def _chart(self, number: int) -> int:
        letter = chr(ord("a") + number)
        body = {
            "doctor": self._place["doctor"],
            "gender": "Female",
            "first_name": f"Nora{letter}",
            "last_name": f"Quill{letter}",
            "email": f"nora.{letter}@mail.example",
            "date_of_birth": "1984-05-06",
        }
        return int(self.control.send("drchrono", "staff", "POST", "/api/patients", body)["id"])

    def book(self) -> str:
        """Staff book a visit in DrChrono, in a slot of its own; gives the appointment's id."""
        body = {
            **self._place,
            "patient": self._patients[self._slots % len(self._patients)],
            "duration": 15,
            "scheduled_time": self._wall(self._slots),
            "allow_overlapping": True,
        }
        self._slots += 1
        made = self.control.send("drchrono", "staff", "POST", "/api/appointments", body)
        return str(made["id"])

    def book_in_oncall(self) -> str:
        """Staff book a visit in OnCall for somebody who has one, with the same provider."""
        like = self.rows("oncall", "appointments")[
            self.visits[self._slots % len(self.visits)].oncall
        ]
        at = datetime.fromisoformat(f"{self._wall(self._slots)}+00:00") + timedelta(hours=6)
        self._slots += 1
        who = {key: like["participants"][0][key] for key in ("first_name", "last_name", "email")}
        base = self.control.oncall_url
        body = {
            **{key: like[key] for key in ("title", "type", "duration")},
            **{key: f"{base}/{key}s/{like[key]}/" for key in ("provider", "division")},
            "datetime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "participants": [who],
        }
        return str(self.control.send("oncall", "staff", "POST", "/appointments/", body)["url"])

    def move(self, visits: Sequence[Visit]) -> None:
        """Staff move each visit by some minutes, in DrChrono."""
        for one in visits:
            self._shifts[one.slot] += 1
            body = {"scheduled_time": self._wall(one.slot), "allow_overlapping": True}
            path = f"/api/appointments/{one.appointment}"
            self.control.send("drchrono", "staff", "PATCH", path, body)

    def move_in_oncall(self, visits: Sequence[Visit]) -> None:
        """Staff move each visit by some minutes, in OnCall."""
        rows = self.rows("oncall", "appointments")
        for one in visits:
            self._shifts[one.slot] += 1
            at = f"{rows[one.oncall]['datetime'][:14]}{self._minute(one.slot):02}:00Z"
            self.put_in_oncall(one.oncall, at)

    def put_in_oncall(self, visit: str, at: str) -> None:
        """Staff move one visit to a time, in OnCall."""
        self.control.send("oncall", "staff", "PATCH", f"/appointments/{visit}/", {"datetime": at})

    def rows(self, remote: str, kind: str) -> dict[str, Row]:
        """What a remote holds of a kind, by id."""
        return {str(row["id"]): row for row in self.control.state(remote)["objects"][kind]}

    def _wall(self, slot: int) -> str:
        day = self._first + timedelta(days=slot // _SLOTS_A_DAY)
        hour = 8 + slot % _SLOTS_A_DAY // 2
        return datetime(day.year, day.month, day.day, hour, self._minute(slot)).isoformat()  # noqa: DTZ001

    def _minute(self, slot: int) -> int:
        return 30 * (slot % 2) + self._shifts[slot] % 30

    # --- webhooks ---------------------------------------------------------------------------------

    @contextmanager
    def untold(self) -> Iterator[None]:
        """For the block, neither system delivers a webhook."""
        self._deliver("drop")
        try:
            yield
        finally:
            self._deliver("deliver")

    def _deliver(self, mode: str) -> None:
        for remote in REMOTES:
            self.control.command(remote, "faults", {"webhooks": {"mode": mode, "times": None}})

    def webhooks(self, visits: Sequence[Visit]) -> list[bytes]:
        """What DrChrono would post of each visit as it stands."""
        rows = self.rows("drchrono", "appointments")
        return [self.webhook(rows[one.appointment]) for one in visits]

    def webhook(self, row: Row) -> bytes:
        """What DrChrono posts of an appointment."""
        headers = {
            "X-drchrono-event": "APPOINTMENT_MODIFY",
            "X-drchrono-signature": self.secret,
            "X-drchrono-delivery": "1",
        }
        return post("/webhooks/drchrono", headers, json.dumps({"object": row}).encode())

    def hint(self, visit: Visit) -> bytes:
        """What OnCall posts of a visit: no more than that it changed."""
        url = f"https://api.oncallhealth.com/appointments/{visit.oncall}"
        body = json.dumps({"event": "appointment_updated", "url": url}).encode()
        return post("/webhooks/oncall", {"Authorization": self.basic}, body)

    def tell(self, requests: Sequence[bytes]) -> Answered:
        """Post webhooks to the door; raises where one was not accepted."""
        answered = send(self.world.ports.web, requests)
        if any(status // 100 != 2 for status in answered.statuses):
            raise RuntimeError(f"the door answers {answered.statuses}")
        return answered

    @property
    def secret(self) -> str:
        """What DrChrono's webhooks are signed with."""
        return self.world.environment["DRCHRONO_WEBHOOK_SECRETS"]

    @property
    def basic(self) -> str:
        """The Authorization of OnCall's webhooks."""
        pair = f"{ONCALL_USER}:{self.world.environment['ONCALL_WEBHOOK_TOKENS']}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    # --- what the service does --------------------------------------------------------------------

    def answer(self, late: float) -> None:
        """Have both remotes answer each call so many seconds late, and refuse none."""
        slow = {"match": {"path": "."}, "do": "slow", "seconds": late, "times": None}
        unlimited = {"drchrono": {"burst_limit": None, "hourly_limit": 1_000_000}, "oncall": {}}
        for remote, behaviours in unlimited.items():
            told = {"clear": True, "behaviours": behaviours, "faults": [slow] if late else []}
            self.control.command(remote, "faults", told)

    def drained(self) -> None:
        """Wait until nothing waits, echoes neither."""
        end = time.monotonic() + _LONGEST
        while self.world.waiting() or not self._quiet() or self.world.waiting():
            if time.monotonic() > end:
                raise RuntimeError(f"{self.world.waiting()} items still wait")
            time.sleep(_LOOK)

    def _quiet(self) -> bool:
        return all(self.control.is_idle(remote, 5) for remote in REMOTES)

    # --- its processes ----------------------------------------------------------------------------

    def staffed(
        self,
        workers: int,
        *,
        beats: int = 1,
        webs: int = 1,
        otherwise: Mapping[str, Otherwise] | None = None,
    ) -> None:
        """Have so many processes run, each ready, and those named in `otherwise` run otherwise.

        Who runs so already goes on.
        """
        supervisor = self.world.supervisor
        wanted = {"web": webs, "worker": workers, "beat": beats}
        for name in self._names:
            kind, _, number = name.partition("-")
            how = (otherwise or {}).get(name)
            runs = name in self._running
            stays = int(number or 1) <= wanted[kind]
            if runs and not (stays and self._running[name] is how):
                process = supervisor.remove(name)
                if self._running.pop(name) is None:
                    self._usual[name] = process
                runs = False
            if stays and not runs:
                supervisor.start(how(self._usual[name]) if how else self._usual[name])
                self._running[name] = how


def _other(row: Row) -> str:
    """The appointment that the marker of an OnCall visit names; "" where there is none."""
    marker = (row["metadata"] or {}).get("drchrono_oncall", "")
    return next(iter(parse_qs(marker).get("o", [])), "")


@contextmanager
def a_clinic(database: str, visits: int, workers: int) -> Iterator[Clinic]:
    """A world on a database of its own, and its clinic with so many visits; all workers run."""
    server: Database = Postgresql() if database == "postgresql" else Sqlite()
    settings = {**SETTINGS, **({"DATABASE_URL": server.url} if server.url else {})}
    options = WorldOptions(
        FREE, workers=workers, beats=1, seed="empty", saved=False, settings=settings
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        try:
            with World(Path(place) / "world", options) as world:
                clinic = Clinic(world, database)
                clinic.fill(visits)
                yield clinic
        finally:
            server.close()
