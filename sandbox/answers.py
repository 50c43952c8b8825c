"""Define the answers of an endpoint: a JSON response, a refusal, a broken line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request, Response

Json = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a failure of the program
    """Ends a request early with this status and JSON body."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}


@dataclass(frozen=True)
class Call:
    """One request as an endpoint sees it.

    `actor` is who sent it: app, staff or patient. `stale` asks for objects as they were before
    their last change. `denied` means the token's missing scope is to look like an empty list.
    """

    request: Request
    actor: str
    stale: bool = False
    denied: bool = False

    def arg(self, name: str) -> str | None:
        """The first query parameter of that name, or None."""
        return self.request.args.get(name)

    def flag(self, name: str) -> bool:
        """Whether a boolean query parameter is set (`true` or `1`)."""
        return (self.arg(name) or "").lower() in ("true", "1")

    def data(self) -> Any:
        """The body: parsed JSON, or a form as a dict of strings.

        Raises Refusal 400 for broken JSON and 415 for another content type.
        """
        kind = self.request.mimetype
        if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
            return self.request.form.to_dict()
        raw = self.request.get_data()
        if not raw:
            return {}
        if kind != "application/json":
            raise Refusal(415, {"detail": f'Unsupported media type "{kind}" in request.'})
        try:
            return json.loads(raw)
        except ValueError as error:
            raise Refusal(400, {"detail": f"JSON parse error - {error}"}) from error


@dataclass(frozen=True)
class Outcome:
    """What goes on the wire: `response` None closes the connection without an answer.

    With `drip` the bytes go out one by one, so many seconds apart: all of them, or with
    `drip_head` False only those of the body.
    """

    response: Response | None
    drip: float = 0.0
    drip_head: bool = True


def json_answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`body` as JSON. Both remotes answer in UTF-8."""
    text = json.dumps(body, ensure_ascii=False)
    return Response(text, status=status, headers=headers, content_type="application/json")


def no_content() -> Response:
    """PUT, PATCH and DELETE answer 204 with an empty body (docs/api-facts.md, D2)."""
    return Response(status=204)
