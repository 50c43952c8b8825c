"""Post what somebody who knows a webhook's secret could: bodies of his own, over HTTP."""

from typing import Any

import requests

from tests.support.clinic import DOCTOR, OFFICE, SECRET, TELEHEALTH, TOKEN, Clinic, wall


def drchrono(clinic: Clinic, event: str, body: dict[str, Any], *, delivery: str = "d") -> int:
    """Post a body as DrChrono's webhook; returns the status of the answer."""
    headers = {
        "X-drchrono-event": event,
        "X-drchrono-signature": SECRET,
        "X-drchrono-delivery": delivery,
    }
    address = f"{clinic.url}/webhooks/drchrono"
    return requests.post(address, json={"object": body}, headers=headers, timeout=10).status_code


def oncall(clinic: Clinic, remote_id: object, event: str = "appointment_updated") -> int:
    """Post a hint as OnCall's webhook; returns the status of the answer."""
    body = {"event": event, "url": f"https://api.oncallhealth.com/appointments/{remote_id}/"}
    address = f"{clinic.url}/webhooks/oncall/{TOKEN}"
    return requests.post(address, json=body, timeout=10).status_code


def appointment(remote_id: object, **changes: Any) -> dict[str, Any]:
    """A body that looks like an appointment of ours."""
    return {
        "id": remote_id,
        "doctor": DOCTOR,
        "office": OFFICE,
        "exam_room": 1,
        "profile": TELEHEALTH,
        "patient": 1,
        "scheduled_time": wall(days=5),
        "duration": 30,
        "status": "",
        "deleted_flag": False,
        "updated_at": "2027-01-19T10:00:00",
        **changes,
    }
