"""Validate a DrChrono request or answer against DrChrono's own published schema.

The environment variable DRCHRONO_SCHEMA names the schema's file. It refuses what is true
(docs/api-facts.md, D15), so `required` is dropped on PATCH bodies, null is allowed everywhere, and
`EXCEPTIONS` lists each further leniency with its reason ("reference" and "schema" are DrChrono's).
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

VARIABLE = "DRCHRONO_SCHEMA"

# (which path, which place in the object, why the schema is not followed there)
EXCEPTIONS: tuple[tuple[str, str, str], ...] = (
    (r"/api/appointments", r"status", "practice-defined statuses: an open set (D32)"),
    (r"/api/appointments", r"is_telehealth", "undocumented, some accounts return it (D39)"),
    (r"/api/patients", r"preferred_pharmacies", "schema: an enum whose only word is a list"),
    (r"/api/offices", r"exam_rooms(/.*)?", "reference: array of objects; schema: string"),
    (r"/api/offices", r"doctor", "reference: integer; schema: string"),
    (r"/api/offices", r"end_time", "reference: a time, default 24:00"),
    (r"/api/doctors", r"practice_group", "reference: integer; schema: string"),
    (r"/api/custom_appointment_fields", r"doctor", "reference: integer; schema: string"),
    (r"/api/users", r"\w+(/.*)?", "reference: integers, booleans, an object; schema: all strings"),
    (r"/api/users", r"plan_type", "in the reference only"),
    (
        r"/api/patients",
        r"allow_duplicates",
        "a query parameter in the schema; taken in the body too",
    ),
)
# The schema gives the bulk POST of appointments the answer of a single one (D15), and neither uuid
# nor pagination to the bulk GETs (D53): the tests check these by hand. The newer schema has the
# list of a series' instances (D44), this one not.
UNCHECKED = (
    "/api/appointments_list",
    "/api/patients_list",
    "/api/recurring_appointment_instances",
)


def available() -> bool:
    """Whether there is a schema to validate against."""
    return bool(os.environ.get(VARIABLE))


def validate_answer(method: str, path: str, status: int, body: Any) -> list[str]:
    """What is wrong with an answer; an empty list when it agrees.

    `path` has no query. A 204 must be empty: `body` None or "" (D2).
    """
    if status == 204:
        return [] if body in (None, "") else ["204 with a body"]
    if status >= 400 or path in UNCHECKED:
        return []
    template = _template(path)
    if template is None:
        return [f"{path}: not in the schema"]
    schema = _answer_schema(template, method.lower(), status)
    if schema is None:
        return [f"{method} {path} {status}: no schema"]
    if isinstance(body, dict) and "results" in body and "uuid" not in body:
        # The schema says data, every client reads results (D6).
        body = {**body, "data": body["results"]}
        del body["results"]
    return _problems(schema, path, body)


def validate_request(method: str, path: str, body: Any) -> list[str]:
    """What is wrong with a request body; an empty list when it agrees."""
    template = _template(path)
    if template is None:
        return [f"{path}: not in the schema"]
    operation = _document()["paths"][template].get(method.lower())
    if operation is None:
        return [f"{method} {path}: not in the schema"]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    # For patients and custom fields the schema shows no body; the reference (API v4) says that a
    # write takes the object itself.
    schema = content["schema"] if content else _object_schema(template)
    if schema is None:
        return [f"{method} {path}: takes no body"]
    items = body if isinstance(body, list) else [body]
    found: list[str] = []
    for item in items:
        problems = _problems(schema, path, item)
        if method.upper() == "PATCH":
            problems = [line for line in problems if "is a required property" not in line]
        found.extend(problems)
    return found


@functools.cache
def _document() -> Any:
    text = Path(os.environ[VARIABLE]).read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return _nullable(yaml.load(text, Loader=loader))  # noqa: S506 - a safe loader


def _nullable(node: Any) -> Any:
    """The same schema with null allowed wherever a type or an enum stands."""
    if isinstance(node, list):
        return [_nullable(one) for one in node]
    if not isinstance(node, dict):
        return node
    changed = {key: _nullable(value) for key, value in node.items()}
    if isinstance(node.get("type"), str):
        changed["type"] = [node["type"], "null"]
    if isinstance(node.get("enum"), list):
        changed["enum"] = [*node["enum"], None]
    return changed


def _template(path: str) -> str | None:
    if path in _document()["paths"]:
        return path
    template = re.sub(r"/[^/]+$", "/{id}", path)
    return template if template in _document()["paths"] else None


def _answer_schema(template: str, method: str, status: int) -> Any:
    paths = _document()["paths"]
    responses = paths[template].get(method, {}).get("responses", {})
    content = responses.get(str(status), {}).get("content", {}).get("application/json")
    if content is None and status == 201:
        # Most POSTs have no answer in the schema; the object is that of GET :id.
        return _object_schema(template)
    return content["schema"] if content else None


def _object_schema(template: str) -> Any:
    """The schema of GET :id for an endpoint or one of its objects."""
    single = template if template.endswith("/{id}") else template + "/{id}"
    read = _document()["paths"].get(single, {}).get("get", {})
    content = read.get("responses", {}).get("200", {}).get("content", {}).get("application/json")
    return content["schema"] if content else None


def _problems(schema: Any, path: str, body: Any) -> list[str]:
    rooted = {**schema, "components": _document()["components"]}
    found: list[str] = []
    for error in Draft202012Validator(rooted).iter_errors(body):
        place = "/".join(str(part) for part in error.absolute_path)
        if not _excepted(path, place):
            found.append(f"{place or '(whole)'}: {error.message[:200]}")
    return found + _unknown_keys(schema, path, body)


def _unknown_keys(schema: Any, path: str, body: Any) -> list[str]:
    """Keys that the schema does not name: it would let them pass, and so would a misspelling."""
    node = _resolve(schema)
    if isinstance(body, list):
        return [line for one in body for line in _unknown_keys(node.get("items", {}), path, one)]
    properties = node.get("properties")
    if not isinstance(body, dict) or not properties:
        return []
    found = [
        f"{key}: not in the schema"
        for key in body
        if key not in properties and not _excepted(path, key)
    ]
    if isinstance(body.get("data"), list):
        found += _unknown_keys(properties["data"], path, body["data"])
    return found


def _resolve(schema: Any) -> Any:
    reference = schema.get("$ref")
    return (
        _document()["components"]["schemas"][reference.rpartition("/")[2]] if reference else schema
    )


def _excepted(path: str, place: str) -> bool:
    bare = re.sub(r"^(data|results)/\d+/", "", place)
    return any(
        re.match(which, path) and re.fullmatch(where, bare) for which, where, _ in EXCEPTIONS
    )
