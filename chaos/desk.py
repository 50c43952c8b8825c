"""Make people's calls to both systems, as their pages do, in the times that each shows them.

Of the service it asks one thing only: where the other half of a visit is.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from chaos.agreement import DOCTORS
from chaos.plan import Side, slot_time
from cli.world.sandbox_control import SandboxControl
from cli.world.world import World
from sync.store.schema import object_

# The sandbox's seed: the office and room of a doctor, and the profile of a type or of a group.
PLACES = {201: (301, 1), 202: (301, 2), 203: (302, 1)}
PROFILES = {
    201: {"online": 401, "phone": 402, "group": 403},
    202: {"online": 404, "phone": 405, "group": 406},
    203: {"online": 407, "phone": 408, "group": 409},
}


class Desk:
    """Both systems as people use them in a started world, in a run that begins `today`.

    A call that is refused raises TroubleError.
    """

    def __init__(self, world: World, today: datetime) -> None:
        self._world = world
        self._today = today
        # A client for each: two edits may be made at the same moment.
        self._oncall = SandboxControl(world.control.drchrono_url, world.control.oncall_url)
        self._clients = {Side.DRCHRONO: world.control, Side.ONCALL: self._oncall}
        self.oncall_url = world.control.oncall_url

    def close(self) -> None:
        """Give the connections back."""
        self._oncall.close()

    def send(
        self, side: Side, method: str, path: str, body: dict[str, Any], actor: str = "staff"
    ) -> dict[str, Any]:
        """One call of a person, and its answer."""
        answer: dict[str, Any] = self._clients[side].send(str(side), actor, method, path, body)
        return answer

    def read(self, side: Side, remote_id: str) -> dict[str, Any]:
        """An appointment as its page shows it."""
        return self.send(side, "GET", _path(side, remote_id), {})

    def change(
        self, side: Side, remote_id: str, body: dict[str, Any], actor: str = "staff"
    ) -> None:
        """Save some fields of an appointment."""
        self.send(side, "PATCH", _path(side, remote_id), body, actor)

    def book(self, slot: str, doctor: int, patient: int, profile: str, **more: Any) -> str:
        """Book an appointment in DrChrono; its id."""
        office, room = PLACES[doctor]
        body = {
            **self.times(slot, doctor, Side.DRCHRONO),
            "doctor": doctor,
            "office": office,
            "exam_room": room,
            "profile": PROFILES[doctor][profile],
            "patient": patient,
            "duration": 30,
            **more,
        }
        return str(self.send(Side.DRCHRONO, "POST", "/api/appointments", body)["id"])

    def invite(self, slot: str, doctor: int, names: dict[str, str]) -> str:
        """Book a visit in OnCall; its id."""
        provider, division, _ = DOCTORS[doctor]
        body = {
            **self.times(slot, doctor, Side.ONCALL),
            "title": "Follow-up",
            "type": "online",
            "duration": 30,
            "provider": f"{self.oncall_url}/providers/{provider}/",
            "division": f"{self.oncall_url}/divisions/{division}/",
            "participants": [names],
        }
        made = self.send(Side.ONCALL, "POST", "/appointments/", body)
        return str(made["url"]).rstrip("/").rpartition("/")[2]

    def times(self, slot: str, doctor: int, side: Side) -> dict[str, str]:
        """The start of a slot as a body for one side."""
        if side is Side.ONCALL:
            return {"datetime": self.starts(slot)}
        # DrChrono is told the wall clock of the doctor (docs/api-facts.md, D24, D25).
        wall = slot_time(slot, self._today).astimezone(DOCTORS[doctor][2])
        return {"scheduled_time": f"{wall:%Y-%m-%dT%H:%M:%S}"}

    def starts(self, slot: str) -> str:
        """The start of a slot as people say it: UTC."""
        return f"{slot_time(slot, self._today).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    def linked(self, side: Side, remote_id: str, other: Side) -> list[str]:
        """The ids of an appointment's other half, the newest life first."""
        mine = (
            select(object_.c.aggregate)
            .where(object_.c.system == str(side), object_.c.kind == "appointment")
            .where(object_.c.remote_id == remote_id)
        )
        try:
            with self._world.sync.store.read() as conn:
                found = conn.execute(
                    select(object_.c.remote_id)
                    .where(object_.c.system == str(other), object_.c.kind == "appointment")
                    .where(object_.c.aggregate.in_(mine), object_.c.remote_id.is_not(None))
                    .order_by(object_.c.generation.desc())
                ).scalars()
                return [str(one) for one in found]
        except SQLAlchemyError:
            return []  # the database is away: the edit is made where the visit was booked


def _path(side: Side, remote_id: str) -> str:
    if side is Side.DRCHRONO:
        return f"/api/appointments/{remote_id}"
    return f"/appointments/{remote_id}/"
