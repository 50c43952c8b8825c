"""Show the set-up step by step, with ticks that come by themselves, and do what a page can do."""

import threading
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, abort, render_template, request
from structlog import get_logger

from service.doors import Doors
from service.ops import acting
from sync.operations.operators import Role
from sync.runtime import Sync
from sync.setup import check, connect
from sync.setup.finding import Finding
from sync.setup.walk import deeds, dry_run, known, steps, trying
from sync.setup.walk.model import Walk

NAME: Final = "setup"
TITLE: Final = "Set-up"

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """What a button did: words, an address to open, a text to copy, what a check found."""

    words: str = ""
    address: str = ""
    text: str = ""
    findings: tuple[Finding, ...] = ()


def blueprint(doors: Doors) -> Blueprint:
    """/ops/setup, /ops/setup/steps (what keeps itself fresh), and a button each."""
    routes = Blueprint(NAME, __name__)
    sync = doors.sync

    @routes.get("/ops/setup")
    def show() -> str:
        return _page(sync, Said())

    @routes.get("/ops/setup/steps")
    @acting.keeps_itself_fresh
    def refreshed() -> str:
        return render_template("ops/setup_steps.html", walk=_walk(sync))

    @routes.post("/ops/setup/check")
    def check_all() -> str:
        return _page(sync, Said(findings=tuple(check.check(sync))))

    @routes.post("/ops/setup/try_oncall_key")
    def try_oncall_key() -> str:
        found = trying.oncall_key(sync)
        words = "OnCall takes the key." if found.ok else f"OnCall: {found.detail}. {found.fix}"
        return _page(sync, Said(words))

    @routes.post("/ops/setup/dry_run")
    def count() -> str:
        if not dry_run.begin(sync):
            return _page(sync, Said("It is being counted already."))
        threading.Thread(target=_count, args=(sync,), daemon=True).start()
        return _page(sync, Said("It is being counted. The numbers come by themselves."))

    @routes.post("/ops/setup/connect")
    @acting.needs(Role.ADMIN)
    def connected() -> str:
        address = connect.start_address(sync, connect.new_ticket(sync))
        return _page(sync, Said(_OPEN, address=address))

    @routes.post("/ops/setup/show")
    @acting.needs(Role.ADMIN)
    def shown() -> str:
        what = request.form.get("what", "")
        if what not in deeds.SHOWN:
            abort(400)
        return _page(sync, Said(_COPY, text=deeds.show(sync, what)))

    _going_live(routes, doors)
    return routes


def _going_live(routes: Blueprint, doors: Doors) -> None:
    sync = doors.sync

    @routes.get("/ops/setup/go-live")
    @acting.needs(Role.ADMIN)
    def ask() -> str:
        return render_template("ops/setup_go_live.html", asked=deeds.asked(sync), refused="")

    @routes.post("/ops/setup/go-live")
    @acting.needs(Role.ADMIN)
    def go_live() -> str:
        try:
            rings = deeds.go_live(sync, request.form.get("counted", ""))
        except deeds.OtherCountsError as other:
            asked = deeds.asked(sync)
            return render_template("ops/setup_go_live.html", asked=asked, refused=str(other))
        doors.bell.ring(rings)
        return _page(sync, Said("It is live. What is missing on one side is being made."))


_OPEN: Final = (
    "Open this address within 15 minutes, as a DrChrono user who may grant access and sees every "
    "doctor’s calendar. It works once, and may be handed to that person."
)
_COPY: Final = "Copy this now; it is gone when you load the page again. That it was shown is noted."


def _page(sync: Sync, said: Said) -> str:
    if request.headers.get("HX-Request"):
        return render_template("ops/setup_said.html", said=said)
    return render_template("ops/setup.html", walk=_walk(sync), said=said)


def _walk(sync: Sync) -> Walk:
    return steps.walk(known.known(sync))


def _count(sync: Sync) -> None:
    """Count beside the requests: it takes minutes where there is much to read."""
    try:
        dry_run.make(sync)
    except Exception:  # the end of a thread: only the log can tell of it
        log.exception("the dry run failed")
