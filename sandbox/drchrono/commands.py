"""Do in DrChrono, by control, what its API can't: its pages, imports and the passing of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.answers import Json, Refusal
from sandbox.control import ControlError, need, only
from sandbox.drchrono import hooks, patients, wire
from sandbox.drchrono.access.oauth import SCOPES, Grants
from sandbox.drchrono.calendar import appointments

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from sandbox.drchrono.practice import Practice
    from sandbox.remote import Command

ACTORS = ("app", "staff", "patient")
ACCOUNTS = ("owner", "weak", "stranger")
EXPIRING = ("access", "refresh", "all")


def table(practice: Practice, grants: Grants, lock: threading.RLock) -> dict[str, Command]:
    """The POSTs under /_sandbox/ of this remote."""

    def locked(run: Callable[[Json], Any]) -> Command:
        def command(body: Json) -> Any:
            with lock:
                try:
                    return run(body)
                except Refusal as refusal:
                    raise ControlError(f"{refusal.status}: {refusal.body}") from refusal

        return command

    return {
        # The handshake calls back, so it must not hold the lock.
        "webhook": lambda body: _webhook(practice, lock, body),
        "ping": locked(lambda body: _ping(practice, body)),
        "redeliver": locked(lambda body: _redeliver(practice, body)),
        "token": locked(lambda body: _token(grants, body)),
        "move": locked(lambda body: _move(grants, body)),
        "expire": locked(lambda body: _expire(grants, body)),
        "materialise": locked(lambda body: _materialise(practice, body)),
        "clone": locked(lambda body: _clone(practice, body)),
        "split": locked(lambda body: _split(practice, body)),
        "merge": locked(lambda body: _merge(practice, body)),
        "frames": locked(lambda body: _frames(practice, body)),
        "leave": locked(lambda body: _leave(practice, body)),
        "fill": locked(lambda body: _fill(practice, body)),
    }


def _fill(practice: Practice, body: Json) -> Json:
    """Take `rows` of a `kind` by id, unchecked and told to nobody: a practice of any size."""
    only(body, "kind", "rows")
    practice.tables[str(need(body, "kind"))].fill(need(body, "rows"))
    return {"filled": len(body["rows"])}


def _frames(practice: Practice, body: Json) -> Json:
    """Say which pages of the application are framed: {"patient": address, "clinical_note": …}.

    With {"shown": true} they are switched on too, as the API's own call does (D71).
    """
    only(body, "patient", "clinical_note", "shown")
    practice.framing = bool(body.get("shown", practice.framing))
    pages = {name: address for name, address in body.items() if name != "shown"}
    practice.frames = {name: str(address) for name, address in pages.items()}
    return dict(practice.frames)


def _webhook(practice: Practice, lock: threading.RLock, body: Json) -> Json:
    """Register a callback as the vendor's page does; {"remove": true} takes it away."""
    only(body, "callback_url", "secret_token", "events", "remove")
    if body.get("remove"):
        with lock:
            practice.webhook = None
        return {"verified": False, "detail": "removed"}
    events = body.get("events")
    unknown = sorted(set(events or []) - set(hooks.EVENTS))
    if unknown:
        raise ControlError(f"unknown event: {', '.join(unknown)}")
    owner = int(min(practice.tables["doctors"].rows, key=int))
    webhook = hooks.register(need(body, "callback_url"), need(body, "secret_token"), events, owner)
    verified, detail = hooks.verify(webhook)
    with lock:
        practice.webhook = {**webhook, "verified": verified}
    return {"verified": verified, "detail": detail}


def _ping(practice: Practice, body: Json) -> Json:
    only(body, "signed")
    if practice.webhook is None:
        raise ControlError("no webhook is registered")
    hooks.ping(practice, signed=bool(body.get("signed", practice.behaviours.on("ping_signed"))))
    return {"sent": True}


def _redeliver(practice: Practice, body: Json) -> Json:
    only(body, "delivery")
    practice.courier.keep_id = practice.behaviours.on("redelivery_keeps_id")
    if not practice.courier.redeliver(need(body, "delivery")):
        raise ControlError("no such delivery")
    return {"sent": True}


def _token(grants: Grants, body: Json) -> Json:
    """A token pair without the browser, of any actor and any scopes (default: all)."""
    only(body, "actor", "scopes")
    actor = need(body, "actor")
    if actor not in ACTORS:
        raise ControlError(f"actor is one of: {', '.join(ACTORS)}")
    scopes = body.get("scopes", sorted(SCOPES))
    return {"actor": actor, **grants.issue(actor, scopes)}


def _move(grants: Grants, body: Json) -> Json:
    """The user who connected the app moves to another practice, or loses rights."""
    only(body, "account")
    if need(body, "account") not in ACCOUNTS:
        raise ControlError(f"account is one of: {', '.join(ACCOUNTS)}")
    return {"moved": grants.move(body["account"])}


def _expire(grants: Grants, body: Json) -> Json:
    only(body, "what")
    if need(body, "what") not in EXPIRING:
        raise ControlError(f"what is one of: {', '.join(EXPIRING)}")
    return {"expired": grants.expire(body["what"])}


def _materialise(practice: Practice, body: Json) -> Json:
    only(body, "id")
    row = appointments.materialise(practice, need(body, "id"))
    return wire.appointment(row, practice.behaviours, verbose=True)


def _split(practice: Practice, body: Json) -> Json:
    """Change a series from one of its days on; `values` are what is other from then."""
    only(body, "id", "day", "values")
    row = appointments.split(practice, need(body, "id"), need(body, "day"), body.get("values", {}))
    return wire.appointment(row, practice.behaviours, verbose=True)


def _leave(practice: Practice, body: Json) -> Json:
    """Have an appointment hold `values` unchecked, as an import or an older page left them there.

    A length of 0 or none is one such value (D37). The webhook is APPOINTMENT_MODIFY. With `"kind":
    "patient"` the object is a chart and the webhook PATIENT_MODIFY: no limit is documented for a
    text's length or a date's years (docs/api-facts.md, D40).
    """
    only(body, "id", "values", "kind")
    if body.get("kind", "appointment") == "patient":
        chart = patients.leave(practice, str(need(body, "id")), need(body, "values"))
        return wire.patient(chart, verbose=True)
    row = appointments.leave(practice, need(body, "id"), need(body, "values"))
    return wire.appointment(row, practice.behaviours, verbose=True)


def _merge(practice: Practice, body: Json) -> Json:
    """Merge the chart `former` into `kept`, as the vendor's page does; what stays of it is U.

    Its appointments name the kept one (APPOINTMENT_MODIFY); it is `gone`, or `inactive`, or, where
    somebody only gave the appointments to another patient, `active`.
    """
    only(body, "former", "kept", "leaves")
    former, kept = str(need(body, "former")), str(need(body, "kept"))
    leaves = body.get("leaves", "gone")
    if leaves not in ("gone", "inactive", "active"):
        raise ControlError("leaves is gone, inactive or active")
    if leaves == "gone":
        patients.vanish(practice, former)
    elif leaves == "inactive":
        patients.deactivate(practice, former)
    theirs = [i for i, row in practice.appointments.rows.items() if str(row["patient"]) == former]
    for one in theirs:
        appointments.leave(practice, one, {"patient": int(kept)})
    return {"moved": theirs}


def _clone(practice: Practice, body: Json) -> Json:
    """`order`: which is saved first, the clone (default) or the original's new status."""
    only(body, "id", "scheduled_time", "order", "custom_fields")
    order = body.get("order", "clone_first")
    if order not in ("clone_first", "original_first"):
        raise ControlError("order is clone_first or original_first")
    row = appointments.clone(
        practice,
        need(body, "id"),
        need(body, "scheduled_time"),
        clone_first=order == "clone_first",
        fields=bool(body.get("custom_fields", False)),
    )
    return wire.appointment(row, practice.behaviours, verbose=True)
