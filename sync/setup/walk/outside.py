"""Say how the steps stand that others have a part in: both webhooks, the dry run, going live.

D… are facts of docs/api-facts.md.
"""

from collections.abc import Mapping
from typing import Final

from sync.setup.told import Told
from sync.setup.walk.known import Known
from sync.setup.walk.model import Enter, State, Step, Tick
from sync.setup.walk.titles import RESTART, count, step

_DRCHRONO_HOOK: Final = "/webhooks/drchrono"
ONCALL_HOOK: Final = "/webhooks/oncall"


def drchrono_webhook(known: Known) -> Step:
    """Whether DrChrono verified the address, and told an event (D56, D57)."""
    heard, enter = known.drchrono, in_drchrono(known)
    ticks = (Tick("Handshake", heard.handshake), Tick("First event", heard.event))
    told: dict[str, object] = {"enter": enter, "ticks": ticks, "press": ("show_drchrono_secret",)}
    if heard.event is not None:
        found = "DrChrono tells its events here."
        return step("drchrono_webhook", State.DONE, found=found, **told)
    if _only_refused(heard):
        return step(
            "drchrono_webhook",
            State.WRONG,
            missing=_OTHER.format("DrChrono’s"),
            do="Enter the first of DRCHRONO_WEBHOOK_SECRETS as the secret token there.",
            **told,
        )
    if heard.handshake is None:
        return step(
            "drchrono_webhook",
            State.TODO,
            **told,
            missing="DrChrono has not asked this address yet.",
            do="Enter these in the application, Webhooks, and press Verify webhook.",
        )
    return step(
        "drchrono_webhook",
        State.TODO,
        **told,
        missing="The handshake came; no event has come yet.",
        do="Change a test appointment's notes in DrChrono, and wait some seconds.",
    )


_OTHER: Final = "A call came with another secret than {} here."


def _only_refused(heard: Told) -> bool:
    """A refusal after the handshake: whoever calls has the address, and not the secret."""
    return heard.event is None and heard.refused is not None


def in_drchrono(known: Known) -> tuple[Enter, ...]:
    """What is entered in the application under Webhooks."""
    return (
        Enter("Callback URL", known.settings.public_url + _DRCHRONO_HOOK),
        Enter("Secret token", "the first of DRCHRONO_WEBHOOK_SECRETS"),
        Enter(
            "Events",
            "APPOINTMENT_CREATE APPOINTMENT_MODIFY APPOINTMENT_DELETE "
            "PATIENT_CREATE PATIENT_MODIFY",
        ),
    )


def oncall_webhook(known: Known) -> Step:
    """Whether OnCall told an event."""
    heard, enter = known.oncall, to_oncall(known)
    told: dict[str, object] = {
        "enter": enter,
        "ticks": (Tick("First event", heard.event),),
        "press": ("show_oncall_address",),
    }
    if heard.event is not None:
        return step("oncall_webhook", State.DONE, found="OnCall tells its events here.", **told)
    if _only_refused(heard):
        return step(
            "oncall_webhook",
            State.WRONG,
            missing=_OTHER.format("OnCall’s"),
            do="Ask OnCall to call with one of ONCALL_WEBHOOK_TOKENS.",
            **told,
        )
    return step(
        "oncall_webhook",
        State.TODO,
        missing="No event of OnCall has come yet.",
        **told,
        do="Send these to OnCall over a safe channel; its staff register the address. "
        "Then book a test visit there.",
    )


def to_oncall(known: Known) -> tuple[Enter, ...]:
    """What is sent to OnCall."""
    address = known.settings.public_url + ONCALL_HOOK
    return (
        Enter("Address", f"{address}/TOKEN, where TOKEN is one of ONCALL_WEBHOOK_TOKENS"),
        Enter("Or", f"{address} with Basic credentials: any user, the token as password"),
        Enter("Events", "appointment_created appointment_updated"),
    )


def dry_run(known: Known) -> Step:
    """Whether it was counted what going live would make, by the mapping of today."""
    told = {"command": "go-live --dry-run", "press": ("dry_run",)}
    run = known.dry_run
    if known.accepted_at is not None:
        return step("dry_run", State.DONE, found="What it showed was accepted.")
    if run is None:
        return step(
            "dry_run",
            State.TODO,
            missing="What going live would make is not counted yet.",
            do="Count it. Nothing is written; it reads all of both systems.",
            **told,
        )
    ticks = (Tick("Begun" if run.how == "running" else "Made", run.at),)
    if run.how == "running":
        return step("dry_run", State.WAITS, missing="It is being counted.", ticks=ticks)
    if run.how == "failed":
        missing = f"It could not be counted ({run.code})."
        do = "See what check says, then count again."
        return step("dry_run", State.WRONG, missing=missing, do=do, ticks=ticks, **told)
    if run.mapping != known.doctors.version:
        return step(
            "dry_run",
            State.TODO,
            missing="The mapping was changed after it was counted.",
            do="Count it again.",
            ticks=ticks,
            **told,
        )
    return step(
        "dry_run",
        State.DONE,
        found=counted(run.counts or {}, run.to_decide or {}),
        ticks=ticks,
        **told,
    )


def counted(counts: Mapping[str, int], decide: Mapping[str, int]) -> str:
    """What going live would do, in one sentence of numbers."""
    made = f"{count(counts.get('create_in_oncall', 0), 'visit')} would be made in OnCall and "
    made += f"{count(counts.get('create_in_drchrono', 0), 'appointment')} in DrChrono"
    linked = counts.get("visits_matched", 0) + counts.get("visits_linked", 0)
    calls = f"{counts.get('drchrono_calls', 0)} calls of DrChrono, {counts.get('oncall_calls', 0)}"
    return (
        f"{made}; {count(linked, 'visit')} stand in both already; about {calls} of OnCall; "
        f"at most {count(counts.get('mails', 0), 'mail')}; "
        f"{count(sum(decide.values()), 'question')} for a person."
    )


def live(known: Known) -> Step:
    """Whether writes go out, and somebody accepted them."""
    if not known.live:
        missing = f"SYNC_MODE is {known.settings.sync_mode.value}: nothing is written."
        return step("live", State.TODO, missing=missing, do=f"Write SYNC_MODE=live {RESTART}")
    if known.accepted_at is None:
        return step(
            "live",
            State.TODO,
            missing="Nobody has accepted going live yet.",
            do="Read the counts of the dry run, then accept them.",
            command="go-live --yes",
            press=("go_live",),
        )
    return step(
        "live",
        State.DONE,
        found="What is missing on one side is made.",
        ticks=(Tick("Accepted", known.accepted_at),),
    )
