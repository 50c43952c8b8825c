"""Say of each step of the set-up how it stands and what is to be done. Pure functions.

The order is that of docs/setup.md. A step waits while one that it needs is not done.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from sync.runtime import Sync
from sync.setup.walk import ours, outside
from sync.setup.walk.known import Known, known
from sync.setup.walk.model import Enter, State, Step, Walk
from sync.setup.walk.titles import RESTART, TITLES, step

# Whose step tells of a setting that is missing or wrong; what is not here is told by `base`.
_OF: Final = {
    **dict.fromkeys(("ENCRYPTION_KEYS", "DIGEST_KEYS"), "keys"),
    **dict.fromkeys(("DRCHRONO_CLIENT_ID", "DRCHRONO_CLIENT_SECRET"), "application"),
    **dict.fromkeys(("DRCHRONO_BASE_URL", "DRCHRONO_SCOPES"), "application"),
    **dict.fromkeys(("ONCALL_KEY", "ONCALL_KEY_PREFIX", "ONCALL_BASE_URL"), "oncall_key"),
    "DRCHRONO_WEBHOOK_SECRETS": "drchrono_webhook",
    "ONCALL_WEBHOOK_TOKENS": "oncall_webhook",
    "MAPPING_FILE": "mapping",
    **dict.fromkeys(("SYNC_MODE", "GO_LIVE"), "live"),
}
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "base": ("keys",),
    "oncall_key": ("base",),
    "connect": ("base", "application", "oncall_key"),
    "mapping": ("connect",),
    "processes": ("base",),
    "drchrono_webhook": ("base", "application"),
    "oncall_webhook": ("base",),
    "dry_run": ("connect", "mapping"),
    "live": ("dry_run", "processes"),
}


def walk(facts: Known) -> Walk:
    """All steps, in the order in which they are done."""
    done: set[str] = set()
    steps = []
    for name, say in _STEPS.items():
        # A setting can be written at once, whatever else waits.
        found = _of_settings(name, facts)
        if found is None:
            lacking = [TITLES[need] for need in _NEEDS.get(name, ()) if need not in done]
            found = _after(say(facts), lacking)
        if found.state is State.DONE:
            done.add(name)
        steps.append(found)
    return Walk.of(tuple(steps))


def open_step(sync: Sync) -> Step | None:
    """The step at which the set-up goes on; None when all of it is done. Redis is not asked."""
    found = walk(known(sync, redis=False))
    return found.step(found.next)


def _after(one: Step, lacking: list[str]) -> Step:
    """A step that is not done waits for those that it needs."""
    if not lacking or one.state is State.DONE:
        return one
    missing = f"This comes after: {', '.join(lacking)}."
    return replace(one, state=State.WAITS, missing=missing, do="", command="", press=())


def _of_settings(name: str, known: Known) -> Step | None:
    """The step while a setting of it is missing or wrong; None when none is."""
    bad = {one: what for one, what in known.wrong.items() if _OF.get(one, "base") == name}
    if not bad:
        return None
    absent = all(what == "not set" for what in bad.values())
    told = (
        f"{one} is not set" if what == "not set" else f"{one} {what}" for one, what in bad.items()
    )
    return step(
        name,
        State.TODO if absent else State.WRONG,
        missing=f"{'; '.join(told)}.",
        do=f"Write {_and(list(bad))} {RESTART}",
        enter=_ENTER[name](known) if name in _ENTER else (),
    )


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


_STEPS: Final[Mapping[str, Callable[[Known], Step]]] = {
    "keys": ours.keys,
    "base": ours.base,
    "application": ours.application,
    "oncall_key": ours.oncall_key,
    "connect": ours.connect,
    "mapping": ours.mapping,
    "processes": ours.processes,
    "drchrono_webhook": outside.drchrono_webhook,
    "oncall_webhook": outside.oncall_webhook,
    "dry_run": outside.dry_run,
    "live": outside.live,
}
_ENTER: Final[Mapping[str, Callable[[Known], tuple[Enter, ...]]]] = {
    "keys": ours.making_keys,
    "application": ours.in_application,
    "drchrono_webhook": outside.in_drchrono,
    "oncall_webhook": outside.to_oncall,
}
