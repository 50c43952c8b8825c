"""Refuse chosen values of a written body, in the form that both APIs use.

The switch `refuses` names keys, each alone or with a part of the value: "phone email=@odd.example".
Errors are those of Django REST framework, on which both APIs show signs of being built: a list of
objects answers with a list, an empty object for each that is right
(https://www.django-rest-framework.org/api-guide/serializers/, Validation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.answers import Json, Refusal

if TYPE_CHECKING:
    from sandbox.answers import Call
    from sandbox.trouble.behaviours import Behaviours

MESSAGE = "Enter a valid value."


def check(behaviours: Behaviours, call: Call) -> None:
    """Refuse an app's write that holds what is switched to be refused; raises Refusal 400."""
    wanted = str(behaviours.values.get("refuses", "")).split()
    if not wanted or call.actor != "app" or call.request.method not in ("POST", "PATCH", "PUT"):
        return
    data = call.data()
    errors = _errors(data, [one.partition("=")[::2] for one in wanted])
    if errors:
        raise Refusal(400, errors)


def _errors(data: Any, wanted: list[Any]) -> Json:
    if not isinstance(data, dict):
        return {}
    found: Json = {}
    for key, value in data.items():
        if any(key == name and value and part in str(value) for name, part in wanted):
            found[key] = [MESSAGE]
        elif isinstance(value, list) and all(isinstance(one, dict) for one in value):
            inner = [_errors(one, wanted) for one in value]
            if any(inner):
                found[key] = inner
    return found
