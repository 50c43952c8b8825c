"""Hold an organisation's objects and its webhook address."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.oncall.mails import Outbox
from sandbox.tables import Table
from sandbox.webhooks import Courier, Parcel

if TYPE_CHECKING:
    from sandbox.answers import Call, Json
    from sandbox.clock import Clock
    from sandbox.trouble.behaviours import Behaviours

REFERENCE = re.compile(r"(?:https?://[^/]+)?/(\w+)/(\d+)/?")
# The host of the guide's webhooks: .com, and no trailing slash (docs/api-facts.md, O38).
HOOK_BASE = "https://api.oncallhealth.com/appointments"


class Organisation:
    """One organisation: appointments hold their participants, so both age together."""

    def __init__(self, clock: Clock, behaviours: Behaviours, courier: Courier) -> None:
        self.clock = clock
        self.behaviours = behaviours
        self.courier = courier
        self.outbox = Outbox(clock)
        self.clear()

    def clear(self) -> None:
        """An empty organisation."""
        self.appointments = Table()
        self.contacts = Table()
        self.providers = Table()
        self.divisions: dict[str, Json] = {}
        self.custom_fields: dict[str, str] = {}
        self.webhook: Json | None = None
        self.outbox.clear()
        self.holders: dict[str, str] = {}
        self._users: dict[str, int] = {}
        self._last = {"appointment": 5000, "participant": 8000, "contact": 313000, "roster": 12000}

    def read(self, table: Table, row_id: str, call: Call) -> Json | None:
        """A copy of one object as this call sees it: a read may be answered from behind."""
        lag = self.behaviours.seconds("read_lag_seconds") if call.request.method == "GET" else 0
        at = self.clock.seconds() - lag if lag else None
        return table.get(row_id, stale=call.stale, at=at)

    def saved(self) -> Json:
        """All of it as JSON."""
        return {
            "appointments": self.appointments.saved(),
            "contacts": self.contacts.saved(),
            "providers": self.providers.saved(),
            "divisions": self.divisions,
            "custom_fields": self.custom_fields,
            "webhook": self.webhook,
            "mails": self.outbox.sent,
            "users": self._users,
            "last": self._last,
        }

    def restore(self, saved: Json) -> None:
        """Hold what `saved` told, and nothing else."""
        self.clear()
        self.appointments.restore(saved["appointments"])
        self.contacts.restore(saved["contacts"])
        self.providers.restore(saved["providers"])
        self.divisions = saved["divisions"]
        self.custom_fields = saved["custom_fields"]
        self.webhook = saved["webhook"]
        self.outbox.sent = saved["mails"]
        self._users = saved["users"]
        self._last = saved["last"]
        for row in self.appointments.rows.values():
            self.index(row)

    def new_id(self, kind: str) -> str:
        """The next id of a kind."""
        self._last[kind] += 1
        return str(self._last[kind])

    def user_id(self, email: str | None) -> int | None:
        """Give the `user_id` that a participant shows: one for each e-mail address (O26)."""
        if not email:
            return None
        return self._users.setdefault(email.lower(), len(self._users) + 2)

    def save(self, row: Json) -> None:
        """Store an appointment with its participants."""
        row["updated"] = self.clock.iso()
        self.appointments.put(row["id"], row, self.clock.seconds())
        self.index(row)

    def index(self, row: Json) -> None:
        """Remember whose participants these are, and forget who is no longer one."""
        for participant_id in [p for p, home in self.holders.items() if home == row["id"]]:
            del self.holders[participant_id]
        for participant in row["participants"]:
            self.holders[participant["id"]] = row["id"]

    def announce(self, event: str, appointment_id: str, actor: str) -> None:
        """Deliver a webhook: exactly event and url (O38)."""
        if self.webhook is None:
            return
        if actor == "app" and not self.behaviours.on("webhooks_for_api"):
            return
        body = {"event": event, "url": f"{HOOK_BASE}/{appointment_id}"}
        basic = self.webhook.get("basic")
        self.courier.post(
            Parcel(
                event=event,
                object_id=appointment_id,
                url=self.webhook["callback_url"],
                body=json.dumps(body).encode(),
                headers={},
                basic=(basic[0], basic[1]) if basic else None,
            )
        )


def reference(value: Any, kind: str) -> str | None:
    """The id in a URL such as `https://…/providers/5/`, or None. Only the path counts."""
    found = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return found.group(2) if found and found.group(1) == kind else None
