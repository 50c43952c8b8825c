"""Show a secret to an admin, and go live by counts that were shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sync.core.causes import table as causes
from sync.matching import preview
from sync.runtime import Ring, Sync
from sync.setup.walk.dry_run import DryRun
from sync.setup.walk.known import Known, known
from sync.setup.walk.model import State, Step
from sync.setup.walk.outside import ONCALL_HOOK
from sync.setup.walk.steps import walk
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed

# What may be shown, and the setting that it is of.
SHOWN: Final[Mapping[str, str]] = {
    "drchrono_secret": "DRCHRONO_WEBHOOK_SECRETS",
    "oncall_address": "ONCALL_WEBHOOK_TOKENS",
}


class OtherCountsError(Exception):
    """What is to be accepted is not what was shown; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked before going live: the counts, their name, and what keeps it from being done.

    `sign` names these very counts; empty where there are none. `decide` counts what a person will
    find to decide, in staff's words.
    """

    run: DryRun | None
    sign: str
    lacking: str
    decide: tuple[tuple[str, int], ...] = ()


def show(sync: Sync, what: str) -> str:
    """The secret itself, written into the audit before. Raises KeyError for anything else."""
    setting = SHOWN[what]
    with sync.store.write() as conn:
        deeds.note(conn, Deed("show_secret", (("setting", setting),)), sync.clock())
    if what == "drchrono_secret":
        return sync.settings.webhook_secrets[0]
    return f"{sync.settings.public_url}{ONCALL_HOOK}/{sync.settings.webhook_tokens[0]}"


def asked(sync: Sync) -> Asked:
    """What going live would do, as it was counted last. Raises SQLAlchemyError."""
    found = known(sync, redis=False)
    run, lacking = found.dry_run, _lacking(found)
    if run is None or run.how != "done":
        return Asked(None, "", lacking or "Nothing was counted yet: make the dry run first.")
    decide = {} if run.to_decide is None else run.to_decide
    said = tuple((causes.say(cause).sentence, count) for cause, count in decide.items())
    return Asked(run, _sign(run), lacking, said)


def go_live(sync: Sync, sign: str) -> tuple[Ring, ...]:
    """Accept the counts of that sign; returns what to ring.

    Raises OtherCountsError when these are not the last ones, or a step before is not done.
    """
    now = asked(sync)
    if now.lacking:
        raise OtherCountsError(now.lacking)
    if not sign or sign != now.sign:
        raise OtherCountsError("It was counted anew meanwhile: read these numbers first.")
    return preview.accept(sync)


def _sign(run: DryRun) -> str:
    return f"{run.at.timestamp():.6f}"


def _lacking(found: Known) -> str:
    steps = walk(found).steps
    before = [one for one in steps if one.name in {"connect", "mapping", "dry_run", "live"}]
    bad = next((one for one in before if one.state is not State.DONE), None)
    return "" if bad is None or _waits_for_a_word(bad) else f"{bad.title}: {bad.missing} {bad.do}"


def _waits_for_a_word(step: Step) -> bool:
    return "go_live" in step.press
