"""Decide whether an error's body is the API's own word, or that of something in front of it.

Firewalls, proxies and gateways answer too, in HTML, with nothing, or in a JSON of their own. What
they say is no statement about a right, an object or a request. Closed by default: a body that has
none of the API's known shapes is not the API's.

Known shapes (docs/api-facts.md). DrChrono's are those of Django REST framework: `{"detail": "…"}`,
`{"field": ["…"]}`, nested by field, `["…"]` (D12). OnCall has no standard shape: those, and
`{"error": "…"}` (O6). Token endpoints: `{"error": "…"}` (RFC 6749, section 5.2).
"""

import re

from sync.core.wording import Json

_NUMBERED = re.compile(r"(?:^|/)([0-9]{1,18})/?$")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,59}")
# Names that gateways use beside a text of theirs (AWS API Gateway: message; RFC 9457: type, title,
# status, instance; Spring: timestamp, path; Kong: request_id; Cloudflare: error_code, ray_id): a
# lone text under one of them is no complaint about a field.
_OF_GATEWAYS = frozenset(
    {
        "code",
        "description",
        "error_code",
        "error_description",
        "error_message",
        "errors",
        "fault",
        "incident_id",
        "instance",
        "message",
        "msg",
        "path",
        "ray_id",
        "request_id",
        "requestid",
        "result",
        "status",
        "statuscode",
        "success",
        "timestamp",
        "title",
        "trace_id",
        "type",
    }
)
# Statuses with which an API complains about single fields.
_OF_FIELDS = frozenset({400, 409, 422})
_DEEPEST = 6


def is_of_the_api(system: str, status: int, json: Json, *, token: bool = False) -> bool:
    """Whether an error body has one of the shapes that the API's errors have.

    `json` is None when the body was empty, not JSON by its content type, or unparsable. `token` is
    for the token endpoints, which speak RFC 6749.
    """
    if isinstance(json, list):
        return bool(json) and all(
            isinstance(one, str) or _is_of_fields(one, status, _DEEPEST) for one in json
        )
    if not isinstance(json, dict):
        return False
    lead = "error" if token else None
    if lead and isinstance(json.get(lead), str):
        return True
    named = ("detail", "error") if system == "oncall" else ("detail",)
    texts = [json[name] for name in named if name in json]
    if texts:
        rest = {name: value for name, value in json.items() if name not in {*named, "code"}}
        told = all(_is_text(one) or _is_of_fields(one, status, _DEEPEST) for one in texts)
        return told and (not rest or _is_of_fields(rest, status, _DEEPEST))
    return _is_of_fields(json, status, _DEEPEST)


def is_about_another(system: str, asked: str | None, json: Json) -> bool:
    """Whether an object is another one than was asked for by its id, as a cache may mix them up.

    Only numbers are compared: an occurrence of a series may be shown under the id it got since. Of
    OnCall's objects the `url` names them, their `id` is another number in its own samples.
    """
    if asked is None or not isinstance(json, dict):
        return False
    named = json.get("url" if system == "oncall" else "id")
    found = _NUMBERED.search(str(named)) if isinstance(named, str | int) else None
    return found is not None and asked.isdecimal() and int(found[1]) != int(asked)


def _is_text(value: Json) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, str) for one in value)
    return isinstance(value, str)


def _is_of_fields(json: Json, status: int, deep: int) -> bool:
    """Whether it is `{"field": ["…"]}`, with fields and items of lists nested in it."""
    if not isinstance(json, dict) or not json or deep == 0:
        return False
    return all(_complains(name, value, status, deep) for name, value in json.items())


def _complains(name: str, value: Json, status: int, deep: int) -> bool:
    if isinstance(value, dict):
        return _is_of_fields(value, status, deep - 1)
    if isinstance(value, list):
        # An item of a list that is right is told as {} (REST framework, ListSerializer).
        return bool(value) and all(
            isinstance(one, str) or one == {} or _is_of_fields(one, status, deep - 1)
            for one in value
        )
    plain = status in _OF_FIELDS and isinstance(value, str)
    return plain and bool(_FIELD.fullmatch(name)) and name not in _OF_GATEWAYS
