"""Answer all that the inbox is filtered to: what it takes first, then exactly what was counted.

What was counted travels in the form, signed for whoever counted it: nothing of it is stored, and
nothing that is opened meanwhile is in it. A page does some of them, and asks for the next.
"""

from itertools import accumulate, pairwise
from typing import Any, Final

from flask import Blueprint, render_template, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.exceptions import BadRequest

from service.doors import Doors
from service.ops import acting
from service.ops.asked import asked_for
from sync.operations.inbox import bulk, pressing
from sync.operations.inbox.bulk import Deed
from sync.operations.inbox.pressing import IN_THE_WAY
from sync.operations.operators import Role
from sync.runtime import Sync

_SECONDS: Final = 3600  # within which what was counted may be done


def add(routes: Blueprint, doors: Doors) -> None:
    """/ops/waiting/all/retry and …/drop, for operators."""

    @routes.get("/ops/waiting/all/retry")
    @acting.needs(Role.OPERATOR)
    def count_retry() -> str:
        return _counted(doors.sync, "retry")

    @routes.get("/ops/waiting/all/drop")
    @acting.needs(Role.OPERATOR)
    def count_drop() -> str:
        return _counted(doors.sync, "drop")

    @routes.post("/ops/waiting/all/retry")
    def all_retry() -> str:
        return _done(doors, "retry")

    @routes.post("/ops/waiting/all/drop")
    def all_drop() -> str:
        return _done(doors, "drop")


def _counted(sync: Sync, deed: Deed) -> str:
    asked, trouble = asked_for(), ""
    try:
        numbers, bill = bulk.bill(sync, asked, deed)
    except IN_THE_WAY as error:
        # What was typed may be a name: it is not shown again.
        trouble = pressing.said(error)
        return render_template(
            "ops/waiting/all.html", deed=deed, trouble=trouble, bill=None, here={}
        )
    held = _signed(sync, deed, {"left": _steps(numbers), "all": len(numbers), "done": 0})
    return render_template(
        "ops/waiting/all.html", deed=deed, bill=bill, held=held, here=asked.chosen, trouble=""
    )


def _done(doors: Doors, deed: Deed) -> str:
    """Do some of them; what is left is asked for by the page that says so."""
    sync = doors.sync
    told = _told(sync, deed)
    numbers, trouble = list(accumulate(told["left"])), ""
    taken = 0
    try:
        for outcome in bulk.do(sync, numbers[: bulk.STEP], deed):
            doors.bell.ring(outcome.rings)
            told["done"] += outcome.done
            taken += outcome.done + outcome.settled
    except IN_THE_WAY as error:
        trouble = pressing.said(error)
    rest = numbers[taken:]
    told["left"] = _steps(rest)
    return render_template(
        "ops/waiting/some.html",
        deed=deed,
        done=told["done"],
        settled=told["all"] - len(rest) - told["done"],
        all=told["all"],
        left=len(rest),
        held=_signed(sync, deed, told) if rest else "",
        trouble=trouble,
        here=asked_for().chosen,
    )


def _steps(numbers: list[int]) -> list[int]:
    """The numbers as steps from one to the next, which are small and alike."""
    return [later - former for former, later in pairwise([0, *numbers])]


def _signed(sync: Sync, deed: Deed, told: dict[str, Any]) -> str:
    return str(_serializer(sync, deed).dumps(told))


def _told(sync: Sync, deed: Deed) -> dict[str, Any]:
    """What was counted, by this person and for this deed. Raises BadRequest."""
    try:
        found = _serializer(sync, deed).loads(request.form.get("held", ""), max_age=_SECONDS)
    except BadData:
        raise BadRequest from None
    assert isinstance(found, dict)  # noqa: S101 - signed by us
    return found


def _serializer(sync: Sync, deed: Deed) -> URLSafeTimedSerializer:
    me = acting.signed_in()
    digests = sync.digests
    key = digests.derived("inbox: what was counted", digests.key_id)
    return URLSafeTimedSerializer(key, salt=f"{deed} {me.name if me else ''}")
