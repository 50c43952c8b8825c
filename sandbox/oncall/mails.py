"""Record the mails that OnCall would send to a visit's participants.

Creating, changing and cancelling a visit mails the patient (docs/api-facts.md, O17). Who gets which
mail is unknown. Here a mail goes only to those whom it concerns, and only when something that they
see has changed. Reminders before a visit follow from no call and are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.answers import Json
    from sandbox.clock import Clock

# A change of one of these mails everybody. A title or metadata doesn't.
MAILED = ("datetime", "duration", "type", "provider")


class Outbox:
    """Every mail that would have been sent."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """No mail yet."""
        self.sent: list[Json] = []

    def created(self, row: Json, actor: str) -> None:
        """A new visit: an invitation to everyone not cancelled."""
        for participant in _open(row) if not row["cancelled"] else []:
            self._mail(participant, "invitation", row, [], actor)

    def changed(self, before: Json, after: Json, actor: str) -> None:
        """A changed visit or participant, compared with what it was."""
        if after["cancelled"]:
            if not before["cancelled"]:
                for participant in _open(before):
                    self._mail(participant, "cancellation", after, [], actor)
            return
        if before["cancelled"]:
            self.created(after, actor)
            return
        fields = [name for name in MAILED if before[name] != after[name]]
        former = {participant["id"]: participant for participant in before["participants"]}
        for participant in after["participants"]:
            old = former.pop(participant["id"], None)
            kind = _kind(old, participant, fields)
            if kind is not None:
                told = fields if kind == "change" else []
                self._mail(participant, kind, after, told, actor)
        for removed in former.values():
            if not removed["cancelled"]:
                self._mail(removed, "cancellation", after, [], actor)

    def _mail(self, participant: Json, kind: str, row: Json, fields: list[str], actor: str) -> None:
        if not participant["email"]:
            return
        self.sent.append(
            {
                "n": len(self.sent) + 1,
                "at": self._clock.iso(),
                "to": participant["email"],
                "kind": kind,
                "appointment": row["id"],
                "fields": fields,
                "caused_by": actor,
            }
        )


def _open(row: Json) -> list[Json]:
    return [participant for participant in row["participants"] if not participant["cancelled"]]


def _kind(old: Json | None, new: Json, fields: list[str]) -> str | None:
    """The one mail this participant gets, if any."""
    if new["cancelled"]:
        return "cancellation" if old is not None and not old["cancelled"] else None
    if old is None or old["cancelled"]:
        return "invitation"
    if (old["email"] or "").lower() != (new["email"] or "").lower():
        return "invitation"
    return "change" if fields else None
