"""Bring in what is already there: a file's lines, or the record of one system."""

from datetime import date
from typing import Any, Final

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from service.doors import Doors
from service.ops import acting
from service.ops.bringing import columns_form, deeds, shown, uploads
from service.ops.bringing.columns_form import Typed
from service.ops.bringing.deeds import Said
from sync.batches import looking, showing, steering
from sync.core.batch import words
from sync.core.batch.model import Batch, Kind, State
from sync.operations import clinic_clock
from sync.operations.inbox import pressing
from sync.operations.operators import Role
from sync.run.evidence.accounts import mapped_doctors
from sync.runtime import Sync
from sync.sheets import fields
from sync.sheets.errors import ChoiceError, UnusableError
from sync.sheets.model import MAX_BYTES
from sync.store.tables.links import HIGHEST

NAME: Final = "bringing"
TITLE: Final = "Bring in"
_NUMBER: Final = f"<int(min=1, max={HIGHEST}):batch>"
_FILES: Final = {"patients": Kind.IMPORT_PATIENTS, "appointments": Kind.IMPORT_APPOINTMENTS}
_RECORDS: Final = {"patients": Kind.BACKFILL_PATIENTS, "appointments": Kind.BACKFILL_APPOINTMENTS}
_SOURCES: Final = ("drchrono", "oncall")
_NO_FILE: Final = "Choose a file."
_NO_KIND: Final = "Choose what each line of the file is about."


def blueprint(doors: Doors) -> Blueprint:
    """/ops/import and /ops/backfill, and below each a page for each batch."""
    routes = Blueprint(NAME, __name__)
    _files(routes, doors)
    _records(routes, doors)
    for base in shown.BASES:
        _one(routes, doors, base)
        deeds.add(routes, doors, base)
    return routes


def _files(routes: Blueprint, doors: Doors) -> None:
    sync = doors.sync

    @routes.get("/ops/import")
    def show() -> str:
        return _import_page(sync)

    @routes.post("/ops/import")
    @uploads.takes(MAX_BYTES)
    def upload() -> Said:
        return _uploaded(sync)

    @routes.get("/ops/import/template/<kind>")
    def template(kind: str) -> Response:
        if kind not in _FILES:
            abort(404)
        answer = Response(fields.template(_FILES[kind]), mimetype="text/csv")
        answer.headers["Content-Disposition"] = f'attachment; filename="{kind}.csv"'
        return answer

    @routes.post(f"/ops/import/{_NUMBER}/columns")
    def columns(batch: int) -> Said:
        return _chosen(doors, deeds.found(sync, "import", batch))

    @routes.post(f"/ops/import/{_NUMBER}/samples")
    def samples(batch: int) -> Said:
        return _samples(sync, deeds.found(sync, "import", batch))

    @routes.post(f"/ops/import/{_NUMBER}/look")
    def look(batch: int) -> Said:
        return deeds.look(sync, deeds.found(sync, "import", batch))


def _records(routes: Blueprint, doors: Doors) -> None:
    sync = doors.sync

    @routes.get("/ops/backfill")
    def records() -> str:
        return _backfill_page(sync, {})

    @routes.post("/ops/backfill")
    def open_backfill() -> Said:
        return _opened(doors)


def _one(routes: Blueprint, doors: Doors, base: str) -> None:
    def one(batch: int) -> Said:
        return _page(doors.sync, deeds.found(doors.sync, base, batch))

    routes.add_url_rule(f"/ops/{base}/{_NUMBER}", f"{base}_one", one, methods=["GET"])


# --- files ----------------------------------------------------------------------------------------


def _import_page(sync: Sync, trouble: str = "") -> str:
    told = {"files": _FILES, "fields": fields.FIELDS, "megabytes": MAX_BYTES // (1024 * 1024)}
    return _list_page(sync, "import", trouble, **told)


def _list_page(sync: Sync, base: str, trouble: str, **told: object) -> str:
    """What was begun, of files or of the record, and the form to begin another; `told` is its."""
    return render_template(
        f"ops/bringing/{base}.html",
        base=base,
        listed=showing.listed(sync, imports=base == "import"),
        kinds=words.KINDS,
        states=words.STATES,
        zone=clinic_clock.zone(sync),
        trouble=trouble,
        **told,
    )


def _uploaded(sync: Sync) -> Said:
    kind, file = _FILES.get(request.form.get("kind", "")), request.files.get("file")
    if kind is None:
        return _import_page(sync, _NO_KIND), 400
    # Its name is never read: it may be a patient's. A form without a file has one with no name.
    if file is None or not file.filename:
        return _import_page(sync, _NO_FILE), 400
    try:
        batch = steering.open_file(sync, kind, file.stream)  # type: ignore[arg-type]
    except (UnusableError, *deeds.IN_THE_WAY) as unusable:
        return _import_page(sync, pressing.said(unusable)), 400
    return redirect(url_for("bringing.import_one", batch=batch), 303)


def _page(sync: Sync, batch: Batch) -> Said:
    if batch.state is State.CHOOSING and acting.may(Role.OPERATOR):
        return _columns_page(sync, batch)
    return deeds.page(sync, batch)


def _columns_page(
    sync: Sync,
    batch: Batch,
    told: Typed | None = None,
    wrong: ChoiceError | None = None,
    **more: Any,
) -> Said:
    try:
        found = showing.columns(sync, batch.id)
    except LookupError as gone:
        return deeds.page(sync, batch, trouble=str(gone))
    me = acting.signed_in()
    part = more.get("samples") and "HX-Request" in request.headers
    return render_template(
        "ops/bringing/columns_part.html" if part else "ops/bringing/columns.html",
        **columns_form.shown(sync, batch, found, told or Typed(dict(found.chosen)), wrong),
        batch=batch,
        base="import",
        kind=words.KINDS[batch.kind],
        trouble=str(wrong) if wrong is not None else "",
        # Whoever brought the file has it: its first lines come by themselves.
        brought=me is not None and me.name == batch.by,
        samples=more.get("samples"),
    )


def _chosen(doors: Doors, batch: Batch) -> Said:
    sync = doors.sync
    if batch.state is not State.CHOOSING:
        return redirect(url_for("bringing.import_one", batch=batch.id), 303)
    try:
        told = columns_form.typed(request.form, showing.columns(sync, batch.id))
        rings = steering.choose(
            sync,
            batch.id,
            told.columns,
            date_format=told.date_format or None,
            provider=told.provider or None,
        )
    except ChoiceError as wrong:
        page = _columns_page(sync, batch, told, wrong)
        return (page, 400) if isinstance(page, str) else page
    except deeds.IN_THE_WAY as refused:
        return deeds.page(sync, batch, trouble=pressing.said(refused)), 409
    doors.bell.ring(rings)
    return redirect(url_for("bringing.import_one", batch=batch.id), 303)


def _samples(sync: Sync, batch: Batch) -> Said:
    """The first lines, in their place by htmx, so that no history of a browser keeps them."""
    try:
        samples = looking.samples(sync, batch.id)
    except LookupError as gone:
        return deeds.page(sync, batch, trouble=str(gone)), 409
    told = columns_form.typed(request.form, showing.columns(sync, batch.id))
    return _columns_page(sync, batch, told if told.columns else None, samples=samples)


# --- the record -----------------------------------------------------------------------------------


def _backfill_page(sync: Sync, typed: dict[str, str], trouble: str = "") -> str:
    doctors = sorted(mapped_doctors(sync))
    return _list_page(sync, "backfill", trouble, records=_RECORDS, doctors=doctors, typed=typed)


def _opened(doors: Doors) -> Said:
    typed = request.form.to_dict()
    kind, source = _RECORDS.get(typed.get("kind", "")), typed.get("source", "")
    if kind is None or source not in _SOURCES:
        abort(400)
    try:
        batch, rings = steering.open_backfill(
            doors.sync, kind, source=source, since=_day(typed), doctor=_doctor(typed)
        )
    except deeds.IN_THE_WAY as refused:
        return _backfill_page(doors.sync, typed, pressing.said(refused)), 400
    doors.bell.ring(rings)
    there: AnyResponse = redirect(url_for("bringing.backfill_one", batch=batch), 303)
    return there


def _day(typed: dict[str, str]) -> date | None:
    told = typed.get("since", "").strip()
    try:
        return date.fromisoformat(told) if told else None
    except ValueError:
        raise LookupError("Write the day as 2026-12-01.") from None


def _doctor(typed: dict[str, str]) -> str | None:
    told = typed.get("doctor", "").strip()
    if told and not (told.isascii() and told.isdigit()):
        raise LookupError("Write the doctor’s number, as DrChrono has it.")
    return told or None
