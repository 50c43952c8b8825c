"""Gather what the steps rest on: settings, and what the database knows. No remote is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sync.config import Mode, Settings
from sync.mapping import MappingError
from sync.run.evidence import accounts
from sync.runtime import Sync
from sync.setup import check, told
from sync.setup.finding import Finding
from sync.setup.told import Told
from sync.setup.walk import dry_run, trying
from sync.setup.walk.dry_run import DryRun
from sync.setup.walk.trying import Tried
from sync.store.service import installation
from sync.store.tables import facts, journal

_LATELY: Final = timedelta(seconds=60)
_NEVER: Final = Told()


@dataclass(frozen=True, slots=True)
class Doctors:
    """Doctors by DrChrono's ids: whom it shows, whom the file maps; `trouble`: it can't be read."""

    seen: frozenset[str] = frozenset()
    mapped: frozenset[str] = frozenset()
    version: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known. `wrong` is by setting; without `base` the database was not asked."""

    settings: Settings
    wrong: Mapping[str, str]
    base: tuple[Finding, ...] = ()
    roles: frozenset[str] = frozenset()
    oncall_key: Tried | None = None
    token: Finding | None = None
    practice: str | None = None
    wrong_accounts: tuple[str, ...] = ()
    doctors: Doctors = field(default_factory=Doctors)
    drchrono: Told = _NEVER
    oncall: Told = _NEVER
    dry_run: DryRun | None = None
    accepted_at: datetime | None = None

    @property
    def live(self) -> bool:
        """Whether writes go out."""
        return self.settings.sync_mode is Mode.LIVE


def of_settings(settings: Settings, wrong: Mapping[str, str] | None = None) -> Known:
    """What the settings alone say; `wrong` is what keeps any process from beginning."""
    judged = {one.name: one.detail for one in check.settings_findings(settings) if not one.ok}
    return Known(settings, {**judged, **(wrong or {})})


def known(sync: Sync, *, redis: bool = True) -> Known:
    """What is known now. Raises SQLAlchemyError where the database goes away meanwhile.

    Without `redis` that server is not asked.
    """
    settings = sync.settings
    base = [check.database(sync)]
    if not base[0].ok:
        return Known(settings, of_settings(settings).wrong, tuple(base))
    base += check.belonging_findings(sync, account=False)
    if redis:
        base.append(check.redis_finding(settings))
    now, seen_doctors = sync.clock(), _doctors(sync)
    token = check.token(sync)
    with sync.store.read() as conn:
        pinned = installation.get(conn)
        return Known(
            settings,
            of_settings(settings).wrong,
            tuple(base),
            roles=frozenset(role for _, role, _ in journal.heard(conn, now - _LATELY)),
            oncall_key=trying.last(conn, sync),
            token=token,
            practice=pinned.practice_group if pinned else None,
            wrong_accounts=accounts.wrong(conn, sync),
            doctors=seen_doctors,
            drchrono=told.of_drchrono(conn, sync),
            oncall=told.of_oncall(conn, sync),
            dry_run=dry_run.latest(conn, now),
            accepted_at=pinned.accepted_at if pinned else None,
        )


def _doctors(sync: Sync) -> Doctors:
    with sync.store.read() as conn:
        seen = frozenset(facts.zones(conn))
    try:
        mapping = sync.mapping
    except MappingError as error:
        return Doctors(seen, trouble=str(error))
    mapped = frozenset(one.drchrono for one in mapping.doctors)
    return Doctors(seen, mapped, mapping.version)
