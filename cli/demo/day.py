"""Do each step of the scripted day, and ask whether the other side shows it.

Each step is an edit by staff or a patient through the sandbox's own API, and a question that says
whether the other side shows it. What it may cost is not known here (cli.demo.script).

D… are facts of docs/api-facts.md.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cli.commands.operate import ring
from cli.demo.script import Editor
from cli.output import TroubleError
from cli.world.world import World

Arrived = Callable[[], bool]
Row = dict[str, Any]

# Everything personal that the day writes; the canary looks for each of these words.
PATIENT = {
    "first_name": "Ottilie",
    "last_name": "Brandvold",
    "email": "ottilie.brandvold@mail.example",
    "date_of_birth": "1987-09-03",
    "cell_phone": "(212) 555-0173",
}
NEW_FIRST_NAME = "Ottoline"
NEW_EMAIL = "ottoline.brandvold@post.example"
REASON = "Migraine since the accident"
NOTE = "Husband asked about the unpaid invoice"
TITLE = "Follow-up after the accident"

# The day's three visits: booked in DrChrono for a known and for a new patient, booked in OnCall.
KNOWN, NEW, INVITED = "known", "new", "invited"
EVENING = 18  # the seed's clinic closes at 17 (wall clock): nobody is seen then
DAYS_AHEAD = 5
EDITS = 20
# OnCall holds the answer for this long, commits, and then breaks the line (seconds).
HELD_SECONDS = 3.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Booking:
    """A visit that stands on both sides, with what is needed to book another like it."""

    appointment: str
    visit: str
    email: str
    like: Row


class Day:
    """The edits of one day in one world, in the order of the script."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._control = world.control
        self._slots = 0
        self._bookings: dict[str, Booking] = {}
        self.steps: dict[str, Callable[[], Arrived]] = {
            "book, person known": self._book_known,
            "book, person unknown": self._book_unknown,
            "move": self._move,
            "twenty edits": self._twenty_edits,
            "billing change": self._billing,
            "rename": self._rename,
            "change e-mail": self._change_email,
            "book in OnCall": self._book_in_oncall,
            "move in OnCall": self._move_in_oncall,
            "cancel as patient": self._cancel_as_patient,
            "cancel": self._cancel,
            "a webhook that never comes": self._unheard,
            "a worker killed in the middle": self._killed,
        }

    # --- booked in DrChrono -----------------------------------------------------------------------

    def _book_known(self) -> Arrived:
        like = self._synced_appointment()
        email = self._patient(like["patient"])["email"]
        return self._book(KNOWN, like, email)

    def _book_unknown(self) -> Arrived:
        like = self._synced_appointment()
        person = {**PATIENT, "doctor": like["doctor"], "gender": "Female"}
        made = self._staff("POST", "/api/patients", person)
        like = {**like, "patient": made["id"]}
        return self._book(NEW, like, PATIENT["email"])

    def _book(self, name: str, like: Row, email: str) -> Arrived:
        keys = ("doctor", "office", "exam_room", "profile", "patient", "duration")
        wall = self._free_time()
        body = {key: like[key] for key in keys}
        body |= {"scheduled_time": wall, "reason": REASON}
        appointment = str(self._staff("POST", "/api/appointments", body)["id"])
        instant = self._instant(wall, like)

        def arrived() -> bool:
            for visit in self._visits():
                if visit["datetime"] == instant and email in _emails(visit):
                    self._bookings[name] = Booking(appointment, visit["id"], email, like)
                    return True
            return False

        return arrived

    # --- changed in DrChrono ----------------------------------------------------------------------

    def _move(self) -> Arrived:
        return self._moved(self._booked(KNOWN))

    def _twenty_edits(self) -> Arrived:
        booking, wall = self._booked(KNOWN), self._free_time()
        times = [wall.replace(":00:00", f":{minute:02}:00") for minute in range(EDITS)]
        for each in times:
            self._change(booking, {"scheduled_time": each})
        return self._shows(booking, datetime=self._instant(times[-1], booking.like))

    def _billing(self) -> Arrived:
        change = {"billing_status": "Settled", "notes": NOTE, "color": "#FF8800"}
        self._change(self._booked(KNOWN), change)
        return lambda: True

    def _rename(self) -> Arrived:
        return self._person_changed(first_name=NEW_FIRST_NAME)

    def _change_email(self) -> Arrived:
        return self._person_changed(email=NEW_EMAIL)

    def _person_changed(self, **change: str) -> Arrived:
        booking = self._booked(NEW)
        self._staff("PATCH", f"/api/patients/{booking.like['patient']}", change)
        ((name, value),) = change.items()

        def arrived() -> bool:
            objects = self._control.state("oncall")["objects"]
            contact = [one for one in objects["contacts"] if one[name] == value]
            visit = _one(objects["appointments"], booking.visit)
            return bool(contact) and visit["participants"][0][name] == value

        return arrived

    def _cancel(self) -> Arrived:
        booking = self._booked(KNOWN)
        self._change(booking, {"status": "Cancelled"})
        return self._shows(booking, cancelled=True)

    def _moved(self, booking: Booking) -> Arrived:
        wall = self._free_time()
        self._change(booking, {"scheduled_time": wall})
        return self._shows(booking, datetime=self._instant(wall, booking.like))

    def _change(self, booking: Booking, change: Row) -> None:
        self._staff("PATCH", f"/api/appointments/{booking.appointment}", change)

    def _shows(self, booking: Booking, **wanted: object) -> Arrived:
        def arrived() -> bool:
            visit = _one(self._visits(), booking.visit)
            return all(visit[name] == value for name, value in wanted.items())

        return arrived

    # --- made and changed in OnCall ---------------------------------------------------------------

    def _book_in_oncall(self) -> Arrived:
        booking = self._booked(KNOWN)
        visit = _one(self._visits(), booking.visit)
        base, wall = self._control.oncall_url, self._free_time()
        names = ("first_name", "last_name", "email")
        body = {
            "title": TITLE,
            "type": visit["type"],
            "datetime": self._instant(wall, booking.like),
            "duration": visit["duration"],
            "provider": f"{base}/providers/{visit['provider']}/",
            "division": f"{base}/divisions/{visit['division']}/",
            "participants": [{name: visit["participants"][0][name] for name in names}],
        }
        made = self._oncall(Editor.ONCALL_STAFF, "POST", "/appointments/", body)
        invited = str(made["url"]).rstrip("/").rpartition("/")[2]

        def arrived() -> bool:
            for row in self._appointments():
                if row["scheduled_time"] == wall and row["patient"] == booking.like["patient"]:
                    made_here = replace(booking, appointment=str(row["id"]), visit=invited)
                    self._bookings[INVITED] = made_here
                    return True
            return False

        return arrived

    def _move_in_oncall(self) -> Arrived:
        booking, wall = self._booked(INVITED), self._free_time()
        change = {"datetime": self._instant(wall, booking.like)}
        self._oncall(Editor.ONCALL_STAFF, "PATCH", f"/appointments/{booking.visit}/", change)
        return lambda: self._appointment(booking)["scheduled_time"] == wall

    def _cancel_as_patient(self) -> Arrived:
        booking = self._booked(INVITED)
        path = f"/appointments/{booking.visit}/"
        self._oncall(Editor.ONCALL_PATIENT, "PATCH", path, {"cancelled": True})
        return lambda: self._appointment(booking)["status"] == "Cancelled"

    # --- trouble ----------------------------------------------------------------------------------

    def _unheard(self) -> Arrived:
        from sync.tasks import schedule

        drop = {"webhooks": {"mode": "drop", "times": 1}}
        self._control.command("drchrono", "faults", drop)
        arrived = self._moved(self._booked(NEW))
        # The next catch-up is at most ten minutes away; the demo does not wait for it.
        ring(self._world.sync, schedule.run_now(self._world.sync, "drchrono_appointments"))
        return arrived

    def _killed(self) -> Arrived:
        booking = self._booked(NEW)
        path = f"/appointments/{booking.visit}/"
        held = {"match": {"method": "PATCH", "path": path}, "do": "late", "then": "hang"}
        fault = {"faults": [{**held, "seconds": HELD_SECONDS}]}
        self._control.command("oncall", "faults", fault)
        seen = len(self._control.calls("oncall"))
        arrived = self._moved(booking)
        end = time.monotonic() + 10
        while not any(
            call["method"] == "PATCH" and call["status"] is None
            for call in self._control.calls("oncall")[seen:]
        ):
            if time.monotonic() > end:
                raise TroubleError("No worker began to carry the change within 10 s.")
            time.sleep(LOOK_SECONDS)
        self._world.kill_worker_at_work()
        return arrived

    def _booked(self, name: str) -> Booking:
        if name not in self._bookings:
            raise TroubleError("The step that this one builds on did not arrive.")
        return self._bookings[name]

    # --- looking ----------------------------------------------------------------------------------

    def _synced_appointment(self) -> Row:
        """An open video appointment that stands in OnCall, of a patient with an own e-mail.

        Of one who sees one doctor: whose visit a booking in OnCall is, their only contact says; of
        two contacts, only the chart, which is one call more.
        """
        visits = self._visits()
        contacts = [row["email"] for row in self._control.state("oncall")["objects"]["contacts"]]
        emails = [row["email"] for row in self._patients()]
        for row in self._appointments():
            if row["reason"] != "Telehealth" or row["status"] == "Cancelled":
                continue
            email = self._patient(row["patient"])["email"]
            instant = self._instant(row["scheduled_time"], row)
            if emails.count(email) == contacts.count(email) == 1 and any(
                visit["datetime"] == instant and email in _emails(visit) for visit in visits
            ):
                return row
        raise TroubleError("No video visit of the clinic stands on both sides.")

    def _free_time(self) -> str:
        """The wall clock of an evening at which nobody is booked and no step was played."""
        taken = {row["scheduled_time"] for row in self._appointments()}
        while True:
            self._slots += 1
            day = datetime.now(UTC).date() + timedelta(days=DAYS_AHEAD + self._slots)
            wall = f"{day.isoformat()}T{EVENING}:00:00"
            if wall not in taken:
                return wall

    def _instant(self, wall: str, like: Row) -> str:
        """The UTC time that OnCall shows for a doctor's wall clock (D24, D25)."""
        doctors = self._control.state("drchrono")["objects"]["doctors"]
        zone = ZoneInfo(_one(doctors, like["doctor"])["timezone"])
        instant = datetime.fromisoformat(wall).replace(tzinfo=zone).astimezone(UTC)
        return f"{instant:%Y-%m-%dT%H:%M:%SZ}"

    def _visits(self) -> list[Row]:
        visits: list[Row] = self._control.state("oncall")["objects"]["appointments"]
        return visits

    def _appointments(self) -> list[Row]:
        rows: list[Row] = self._control.state("drchrono")["objects"]["appointments"]
        return rows

    def _appointment(self, booking: Booking) -> Row:
        return _one(self._appointments(), booking.appointment)

    def _patients(self) -> list[Row]:
        rows: list[Row] = self._control.state("drchrono")["objects"]["patients"]
        return rows

    def _patient(self, patient_id: int) -> Row:
        return _one(self._patients(), patient_id)

    def _staff(self, method: str, path: str, body: Row) -> Row:
        return self._control.send("drchrono", "staff", method, path, body)

    def _oncall(self, editor: Editor, method: str, path: str, body: Row) -> Row:
        actor = "patient" if editor is Editor.ONCALL_PATIENT else "staff"
        return self._control.send("oncall", actor, method, path, body)


def _emails(visit: Row) -> list[str]:
    return [one["email"] for one in visit["participants"] if not visit["cancelled"]]


def _one(rows: Iterable[Row], row_id: object) -> Row:
    return next(row for row in rows if str(row["id"]) == str(row_id))
