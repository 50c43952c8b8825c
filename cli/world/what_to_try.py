"""Print the addresses, and commands to paste, when `run` is ready."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TEXT = """
  Service    {service}     webhooks and OAuth
  Operations {ops}
             signs you in once, within 15 minutes; then operator link. Beside it /healthz /metrics
  DrChrono   {drchrono}     sandbox; /_sandbox/state /_sandbox/calls
  OnCall     {oncall}     sandbox; /_sandbox/state /_sandbox/mails
  Logs       {log}

Try (staff move a visit; OnCall has it within 3 seconds, and the patient gets one mail):

  curl -X PATCH {drchrono}/api/appointments/{appointment} \\
       -H 'Authorization: {staff}' -H 'Content-Type: application/json' \\
       -d '{{"scheduled_time": "{moved}"}}'
  {command} explain appointment {appointment}
  curl {oncall}/_sandbox/mails
  {command} status

What a clinician sees inside DrChrono, beside that visit's clinical note:

  {drchrono}/clinical_note/edit/{appointment}
"""


def what_to_try(state: Mapping[str, Any], **places: object) -> str:
    """The text; `state` is the DrChrono sandbox's, `places` the names in TEXT but for the visit."""
    return TEXT.format(**places, **_example(state))


def _example(state: Mapping[str, Any]) -> dict[str, str]:
    """A coming video visit of somebody with an e-mail, and the evening of its day."""
    objects = state["objects"]
    reachable = {patient["id"] for patient in objects["patients"] if patient["email"]}
    for row in objects["appointments"]:
        day, _, hour = str(row["scheduled_time"]).partition("T")
        coming = day > state["now"][:10] and row["status"] != "Cancelled"
        if row["reason"] == "Telehealth" and coming and row["patient"] in reachable:
            # In a kept world it may stand there since the last run.
            evening = "20:00:00" if hour == "19:00:00" else "19:00:00"
            return {"appointment": str(row["id"]), "moved": f"{day}T{evening}"}
    return {"appointment": "ID", "moved": "2030-01-02T10:00:00"}


def own_command() -> str:
    """How this program was called: what is printed can be pasted (`make` uses .venv/bin)."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "drchrono-oncall" else "drchrono-oncall"
