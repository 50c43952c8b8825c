"""Show what is paused, by whom and until when; pause with an end, and let it go on."""

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import banner, ends
from sync.operations import clinic_clock, pausing
from sync.run.evidence.accounts import mapped_doctors
from sync.runtime import Sync

NAME: Final = "pauses"
TITLE: Final = "Pauses"
_DOCTOR: Final = "doctor"


def blueprint(doors: Doors) -> Blueprint:
    """/ops/pauses; pausing and resuming are for operators."""
    routes = Blueprint(NAME, __name__)
    sync = doors.sync

    @routes.get("/ops/pauses")
    def show() -> str:
        return _page(sync, {})

    @routes.post("/ops/pauses")
    def pause() -> AnyResponse | tuple[str, int]:
        typed = request.form.to_dict()
        try:
            end = ends.read(typed, sync.clock(), clinic_clock.zone(sync))
            pausing.pause(sync, _what(typed), end)
        except ValueError as wrong:
            return _page(sync, typed, str(wrong)), 400
        return redirect(url_for("pauses.show"), 303)

    @routes.post("/ops/pauses/resume")
    def resume() -> AnyResponse | tuple[str, int]:
        try:
            doors.bell.ring(pausing.resume(sync, request.form.get("what", "")))
        except pausing.UnknownPauseError as wrong:
            return _page(sync, {}, str(wrong)), 400
        return redirect(url_for("pauses.show"), 303)

    return routes


def _what(typed: Mapping[str, str]) -> str:
    """What the form names, as `pausing` takes it. Raises UnknownPauseError."""
    what = typed.get("what", "")
    if what != _DOCTOR:
        return what
    doctor = typed.get("doctor", "").strip()
    if not doctor.isascii() or not doctor.isdigit():
        raise pausing.UnknownPauseError("Write the doctor's number, as DrChrono has it.")
    return f"{_DOCTOR}:{doctor}"


def _page(sync: Sync, typed: Mapping[str, str], trouble: str = "") -> str:
    told: dict[str, Any] = {"lengths": ends.LENGTHS, "usual": ends.USUAL, "choices": banner.WORDS}
    return render_template(
        "ops/pauses.html",
        **told,
        held=pausing.held(sync),
        mode=str(sync.settings.sync_mode),
        zone=clinic_clock.zone(sync),
        doctors=sorted(mapped_doctors(sync)),
        typed=typed,
        trouble=trouble,
    )
