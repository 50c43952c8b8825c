"""Find what is wrong, keep the books, tell whoever is to be told; ping the dead man's switch."""

from datetime import datetime, timedelta

import requests
from sqlalchemy import Connection

from sync.operations import status
from sync.operations.alerting import books, channels
from sync.operations.alerting.channels import Notice, NotToldError
from sync.operations.alerting.problems import STOPPING, Problem, Standing, problems
from sync.operations.lights import lights
from sync.runtime import Ring, Sync
from sync.store import attention
from sync.store.service import alerts, samples
from sync.store.service.alerts import Alert
from sync.store.tables import journal
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

SAMPLES_OF = timedelta(days=3)
KEPT = timedelta(days=90)


class NoAlertError(LookupError):
    """There is no open alert of that number."""


def standing(sync: Sync) -> Standing:
    """What the problems are read from; makes no remote call. Raises SQLAlchemyError."""
    now = sync.clock()
    state, until = status.token(sync)
    shown = lights(sync)
    with sync.store.read() as conn:
        causes = attention.causes_of_the_whole(conn, STOPPING)
        return Standing(
            now=now,
            lanes=status.lane_depths(conn, now),
            lights=shown,
            causes=sorted(causes),
            token=state,
            token_until=until,
            workers=[at for _, role, at in journal.heard(conn, now - KEPT) if role == "worker"],
            samples=samples.since(conn, now - SAMPLES_OF),
        )


def run(sync: Sync) -> tuple[Ring, ...]:
    """The beat's task: what is wrong now is told, once; a channel that fails is tried again.

    A process that dies between sending and noting it sends that notice twice.
    """
    found = {one.name: one for one in problems(standing(sync))}
    named = channels.configured(sync.settings)
    with sync.store.write() as conn:
        now = sync.clock()
        books.settle(conn, list(found.values()), named, now)
        alerts.drop_old(conn, now - KEPT)
    with sync.store.read() as conn:
        owing = [one for one in alerts.standing(conn) if one.owed]
    for one in owing:
        _tell(sync, one, found.get(one.name))
    _ping(sync)
    return ()


def _tell(sync: Sync, one: Alert, problem: Problem | None) -> None:
    notice = Notice(
        id=one.id,
        name=one.name,
        notice=one.notice,
        sentence=problem.sentence if problem else one.name.replace("_", " "),
        press=problem.press if problem else "",
        began_at=one.began_at,
        installation=sync.installation() or "",
    )
    left: list[str] = []
    for channel in one.channels:
        try:
            channels.send(sync.settings, channel, notice)
        except NotToldError as failure:
            sync.log.warning("an alert was not told", kind=one.name, reason=str(failure))
            left.append(channel)
    with sync.store.write() as conn:
        alerts.change(conn, one.id, owed=",".join(left))


def _ping(sync: Sync) -> None:
    """Say that the beat beats, to whoever tells of it when that stops."""
    address = sync.settings.heartbeat_url.get_secret_value()
    if not address:
        return
    try:
        answer = requests.get(address, timeout=channels.SECONDS, allow_redirects=False)
    except requests.RequestException as failure:
        sync.log.warning("the heartbeat was not told", reason=type(failure).__name__)
        return
    if answer.status_code >= 400:
        sync.log.warning("the heartbeat was not told", status=answer.status_code)


# --- what a person does about it ------------------------------------------------------------------


def listed(sync: Sync) -> list[tuple[Alert, Problem | None]]:
    """Every open alert with what is wrong now."""
    found = {one.name: one for one in problems(standing(sync))}
    with sync.store.read() as conn:
        return [(one, found.get(one.name)) for one in alerts.standing(conn) if one.ended_at is None]


def acknowledge(sync: Sync, number: int) -> None:
    """Send no more reminders of it; whoever acts has seen it. Raises NoAlertError."""
    with sync.store.write() as conn:
        _require(conn, number)
        alerts.change(conn, number, acknowledged=deeds.whose(conn))
        deeds.note(conn, Deed("acknowledge", (("alert", number),)), sync.clock())


def snooze(sync: Sync, number: int, until: datetime) -> None:
    """Send no reminder of it before a time. Raises NoAlertError."""
    with sync.store.write() as conn:
        _require(conn, number)
        alerts.change(conn, number, quiet_until=until)
        deeds.note(conn, Deed("snooze", (("alert", number),)), sync.clock())


def remind(sync: Sync, number: int) -> None:
    """Remind of it again: nobody sees to it yet, and it is not quiet. Raises NoAlertError."""
    with sync.store.write() as conn:
        _require(conn, number)
        alerts.change(conn, number, acknowledged=None, quiet_until=None)
        deeds.note(conn, Deed("remind", (("alert", number),)), sync.clock())


def _require(conn: Connection, number: int) -> None:
    if alerts.get(conn, number) is None:
        raise NoAlertError(f"No alert {number} is open.")


def try_out(sync: Sync) -> list[tuple[str, str]]:
    """Tell a test by each channel; returns each with what went wrong, "" for nothing."""
    with sync.store.write() as conn:
        deeds.note(conn, Deed("try_alerts"), sync.clock())
    notice = Notice(0, "test", "began", "This is a test.", "Nothing.", sync.clock(), "")
    told: list[tuple[str, str]] = []
    for channel in channels.configured(sync.settings):
        try:
            channels.send(sync.settings, channel, notice)
            told.append((channel, ""))
        except NotToldError as failure:
            told.append((channel, str(failure)))
    return told
