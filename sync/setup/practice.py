"""Read both practices: zones, profile names, and the custom fields of our markers."""

from collections import Counter
from collections.abc import Callable

from sync.core.errors import Refused
from sync.core.records import Absent
from sync.core.rules import plausible
from sync.core.texts import plain
from sync.core.wire import length
from sync.mapping import Mapping, MappingError
from sync.oncall.translate import id_from_url
from sync.run.evidence import accounts
from sync.run.evidence.ownership import division_urls
from sync.runtime import Ring, Sync
from sync.setup import profile_meaning
from sync.store import attention
from sync.store.tables import facts
from sync.visits.state import zones

# The mapping and the mode under which all of it was learned last.
_LEARNED_FOR = "practice_learned_for"


def _unless_unusable(
    learning: Callable[[Sync], tuple[Ring, ...]],
) -> Callable[[Sync], tuple[Ring, ...]]:
    """A mapping file that can't be used is told of by itself, and all is learned anew with it."""

    def learn_or_wait(sync: Sync) -> tuple[Ring, ...]:
        try:
            return learning(sync)
        except MappingError:
            sync.log.warning("the practice is learned later", reason="mapping_unusable")
            return ()

    return learn_or_wait


@_unless_unusable
def learn(sync: Sync) -> tuple[Ring, ...]:
    """Remember zones and profiles, and see that our custom fields exist for mapped doctors."""
    ticket, stands = sync.task_ticket(), _stands(sync)
    doctors = sync.drchrono.doctors(ticket)
    accounts.saw(sync, "drchrono", doctors)
    profiles = sync.drchrono.profiles(ticket)
    with sync.store.write() as conn:
        now = sync.clock()
        zones.remember(conn, doctors, now)
        for profile in profiles:
            facts.put(conn, f"profile:{profile['id']}", plain(str(profile.get("name", ""))), now)
            minutes = plausible.minutes(length(profile, "duration"))
            told = "" if isinstance(minutes, Absent) else str(minutes)
            facts.put(conn, f"profile_minutes:{profile['id']}", told, now)
    rings = zones.settle(sync)
    with sync.store.write() as conn:
        profile_meaning.notice(conn, sync.mapping, sync.clock())
    _learn_divisions(sync)
    if sync.mapping.doctors:
        _own_fields(sync, sync.mapping)
    with sync.store.write() as conn:
        facts.put(conn, _LEARNED_FOR, stands, sync.clock())
    return rings


@_unless_unusable
def learn_anew(sync: Sync) -> tuple[Ring, ...]:
    """Do the same, unless it was learned under this mapping and this mode: connecting does that."""
    with sync.store.read() as conn:
        known = facts.get(conn, _LEARNED_FOR)
    return () if known == _stands(sync) else learn(sync)


def _stands(sync: Sync) -> str:
    return f"{sync.mapping.version} {sync.settings.sync_mode.value}"


def _learn_divisions(sync: Sync) -> None:
    """Remember how many providers each division has: one mapped among several proves nothing."""
    providers = list(sync.oncall.providers(sync.task_ticket()))
    accounts.saw(sync, "oncall", providers)
    members = Counter(
        id_from_url(url) for provider in providers for url in set(division_urls(provider))
    )
    with sync.store.write() as conn:
        for division, count in members.items():
            facts.put(conn, f"division_providers:{division}", str(count), sync.clock())


def _own_fields(sync: Sync, mapping: Mapping) -> None:
    """Find our two custom fields of each mapped doctor, and make those that are missing."""
    ticket, names = sync.task_ticket(), mapping.file.markers
    known = {
        "appointment_field": {
            str(one.get("doctor")): str(one["id"])
            for one in sync.drchrono.custom_appointment_fields(ticket)
            if one.get("field_name") == names.appointment_field and not one.get("archived")
        },
        "patient_field": {
            str(one.get("doctor")): str(one["id"])
            for one in sync.drchrono.custom_demographics(ticket)
            if plain(str(one.get("name"))) == names.patient_field and not one.get("archived")
        },
    }
    makers = {
        "appointment_field": (
            sync.drchrono.create_custom_appointment_field,
            names.appointment_field,
        ),
        "patient_field": (sync.drchrono.create_custom_demographic, names.patient_field),
    }
    for kind, by_doctor in known.items():
        make, name = makers[kind]
        for entry in mapping.doctors:
            field_id = by_doctor.get(entry.drchrono)
            if field_id is None and sync.live:
                try:
                    made = make(ticket, entry.drchrono, name, "Written by the OnCall integration")
                except Refused:
                    _refused(sync, kind)
                    continue
                field_id = str(made["id"])
            if field_id is not None:
                with sync.store.write() as conn:
                    facts.put(conn, f"{kind}:{entry.drchrono}", field_id, sync.clock())
                    if by_doctor.get(entry.drchrono) is None:  # what was refused is given now
                        attention.close_cause(conn, 0, f"{kind}_refused", sync.clock())


def _refused(sync: Sync, kind: str) -> None:
    with sync.store.write() as conn:
        attention.open_item(conn, 0, f"{kind}_refused", now=sync.clock())
