"""Frame the application's pages in DrChrono's own, with parameters that DrChrono signs.

D… are facts of docs/api-facts.md.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import jwt
from werkzeug.wrappers import Response

from sandbox.answers import Refusal, no_content
from sandbox.drchrono.access.oauth import CLIENT_SECRET

if TYPE_CHECKING:
    from sandbox.answers import Call, Json
    from sandbox.drchrono.practice import Practice

PAGE: Final = re.compile(r"/(patients|clinical_note/edit)/([0-9]+)")
_WIDTH: Final = 300
_NOT_APPROVED: Final = {"detail": "This application's iframe integration is not approved."}


def asked(practice: Practice, call: Call) -> Response:
    """Lead the request on to the authorising doctor's own address (D71, D5)."""
    if practice.behaviours.word("iframe") == "waiting":
        raise Refusal(403, _NOT_APPROVED)
    doctor = min(practice.tables["doctors"].rows, key=int)
    location = f"{call.request.host_url}api/iframe_integration/{doctor}"
    return Response(status=302, headers={"Location": location})


def switched(practice: Practice, call: Call, doctor_id: str) -> Response:
    """Show the application on this doctor's patient pages, or no longer (D71)."""
    if doctor_id not in practice.tables["doctors"].rows:
        raise Refusal(404, {"detail": "Not found."})
    practice.framing = call.request.method == "POST"
    return no_content()


def page(practice: Practice, call: Call) -> Response:
    """Serve DrChrono's page of a patient or a clinical note, with the application's in a frame."""
    match = PAGE.fullmatch(call.request.path)
    assert match is not None  # noqa: S101 - routed by the same pattern
    name = "patient" if match[1] == "patients" else "clinical_note"
    signed = _parameters(practice, name, match[2])
    framed = ""
    if practice.framing and name in practice.frames:
        source = escape(address(practice.frames[name], signed))
        framed = (
            f'<iframe title="Application" width="{_WIDTH}" height="600" src="{source}"></iframe>'
        )
    body = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>DrChrono</title></head><body><h1>DrChrono: {name}</h1>{framed}</body></html>"
    )
    return Response(body, content_type="text/html; charset=utf-8")


def address(base: str, signed: Json) -> str:
    """The page's address with the parameters and the JWT that repeats them (D72, D73)."""
    token = jwt.encode(signed, CLIENT_SECRET, algorithm="HS256")
    return f"{base}?{urlencode({**signed, 'jwt': token})}"


def _parameters(practice: Practice, name: str, wanted: str) -> Json:
    if name == "clinical_note":
        visit = practice.appointments.get(wanted)
        if visit is None:
            raise Refusal(404, {"detail": "Not found."})
        found = {"appointment_id": int(wanted), "patient_id": visit["patient"]}
        doctor = visit["doctor"]
    else:
        chart = practice.tables["patients"].get(wanted)
        if chart is None:
            raise Refusal(404, {"detail": "Not found."})
        found, doctor = {"patient_id": int(wanted)}, chart["doctor"]
    users = practice.tables["users"].rows
    return {
        **found,
        "user_id": int(min(users, key=int)),
        "doctor_id": int(doctor),
        "practice_id": practice.practice_group,
        "iat": int(practice.clock.seconds()),
    }
