"""Decides what `run` prints when all is ready: the addresses, and commands to paste."""

from collections.abc import Mapping
from typing import Any

TEXT = """
  Service    {service}     /healthz /metrics
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
"""


def what_to_try(state: Mapping[str, Any], **places: object) -> str:
    """The text; `state` is the DrChrono sandbox's, `places` the names in TEXT but for the visit."""
    return TEXT.format(**places, **_example(state))


def _example(state: Mapping[str, Any]) -> dict[str, str]:
    """A video visit, and the evening of its day, when nobody else is seen."""
    for row in state["objects"]["appointments"]:
        if row["reason"] == "Telehealth":
            day = str(row["scheduled_time"]).partition("T")[0]
            return {"appointment": str(row["id"]), "moved": f"{day}T19:00:00"}
    return {"appointment": "ID", "moved": "2030-01-02T10:00:00"}
