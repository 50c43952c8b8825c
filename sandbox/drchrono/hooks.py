"""Build DrChrono's webhooks, and verify a callback address."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any

import requests

from sandbox.webhooks import Parcel

if TYPE_CHECKING:
    from sandbox.answers import Json
    from sandbox.drchrono.practice import Practice

# More events exist; the sandbox raises only these (docs/api-facts.md, D62, D66).
EVENTS = (
    "APPOINTMENT_CREATE",
    "APPOINTMENT_MODIFY",
    "APPOINTMENT_DELETE",
    "PATIENT_CREATE",
    "PATIENT_MODIFY",
    "CLINICAL_NOTE_LOCK",
    "CLINICAL_NOTE_UNLOCK",
)
# Hours after the initial event (D64).
RETRY_HOURS = (1.0, 3.0, 7.0)


def register(callback_url: str, secret_token: str, events: list[str] | None, doctor: int) -> Json:
    """A webhook as the vendor's page saves it, not yet verified."""
    wanted = EVENTS if events is None else events
    return {
        "id": 77,
        "name": "sandbox webhook",
        "api_app": 55,
        "owning_doctor_id": doctor,
        "active": True,
        "verified": False,
        "callback_url": callback_url,
        "secret_token": secret_token,
        "events": {name: name in wanted for name in EVENTS},
    }


def verify(webhook: Json) -> tuple[bool, str]:
    """Whether the address passed the verification (D56), and why not."""
    msg = secrets.token_hex(16)
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(
                webhook["callback_url"], params={"msg": msg}, timeout=10, allow_redirects=False
            )
        token = answer.json().get("secret_token")
    except requests.RequestException as error:
        return False, f"the callback could not be asked: {type(error).__name__}"
    except (ValueError, AttributeError):
        return False, f"the callback answered {answer.status_code} without a JSON object"
    wanted = hmac.new(webhook["secret_token"].encode(), msg.encode(), hashlib.sha256).hexdigest()
    if answer.status_code != 200:
        return False, f"the callback answered {answer.status_code}, not 200"
    if token != wanted:
        return False, "secret_token is not the HMAC-SHA256 of msg"
    return True, ""


def announce(practice: Practice, event: str, object_id: str, shown: Json) -> None:
    """Deliver an event to a verified webhook that wants it. Our own writes come back too."""
    webhook = practice.webhook
    if webhook is None or not webhook["verified"] or not webhook["events"].get(event):
        return
    body: Json = {"receiver": webhook, "object": shown}
    if practice.behaviours.on("practice_group_id"):
        body["practice_group_id"] = practice.practice_group
    delay = practice.behaviours.seconds("echo_delay_seconds")
    practice.courier.keep_id = practice.behaviours.on("redelivery_keeps_id")
    practice.courier.post(_parcel(webhook, event, object_id, body), delay)


def ping(practice: Practice, *, signed: bool) -> None:
    """The vendor's "Ping webhook" button; unsigned ones come with an empty body (D63)."""
    webhook = practice.webhook
    if webhook is None:
        return
    body = {"receiver": webhook, "object": None} if signed else None
    parcel = _parcel(webhook, "PING", "", body)
    if not signed:
        del parcel.headers["X-drchrono-signature"]
    practice.courier.post(parcel)


def _parcel(webhook: Json, event: str, object_id: str, body: Any) -> Parcel:
    return Parcel(
        event=event,
        object_id=object_id,
        url=webhook["callback_url"],
        body=b"" if body is None else json.dumps(body).encode(),
        # The secret itself, in clear, not an HMAC of the body (D57).
        headers={"X-drchrono-event": event, "X-drchrono-signature": webhook["secret_token"]},
        delivery_header="X-drchrono-delivery",
    )
