"""Gather the facts of one visit: what two reads show, what it means, and what SQL knows."""

from dataclasses import replace

from sync.core.records import Absent, Visit, present
from sync.mapping import Mapping, out_of_scope
from sync.operations.why import chart, known, looking
from sync.operations.why.asking import Asker
from sync.operations.why.facts import Facts, Kind
from sync.operations.why.looking import Look
from sync.store.lanes import Lane
from sync.store.tables import links
from sync.store.tables.links import Obj


def gather(asker: Asker, kind: Kind, remote_id: str, row: Obj | None) -> Facts:
    """The facts of an appointment or an OnCall visit; `row` is what SQL has of it.

    At most two reads: the object itself, and its counterpart; without one the chart of its patient.
    """
    sync = asker.sync
    now = sync.clock()
    mapping = known.mapping(sync)
    look = Look(asker, mapping or Mapping.empty(), kind, remote_id, row)
    # Without a mapping nothing that is read can be understood.
    source = looking.known(look) if mapping is None else looking.read(look)
    facts = Facts(kind, remote_id, now, source)
    if mapping is not None:
        facts = _with_meaning(look, facts)
    return _with_rows(look, replace(facts, others=look.others))


# --- what it means --------------------------------------------------------------------------------


def _with_meaning(look: Look, facts: Facts) -> Facts:
    visit, mapping = look.visit, look.mapping
    if visit is None:
        return facts
    doctor, patient = present(visit.provider, ""), present(visit.patient, None) or ""
    facts = replace(
        facts,
        starts=present(visit.starts, None),
        doctor=doctor,
        office=present(visit.office, ""),
        patient=patient,
        zone=visit.zone or (mapping.zone(doctor) if doctor else None),
        outside=_outside(mapping, visit),
        plan=look.plan,
    )
    if facts.outside or look.others or look.kind != "appointment" or not patient:
        return facts
    if look.plan is None or not look.plan.makes:
        return facts
    cause, read = chart.of_patient(look.asker, mapping, patient)
    return replace(facts, chart=cause, chart_read=read)


def _outside(mapping: Mapping, visit: Visit) -> str:
    """Why the mapping leaves a visit out, as the engine's own check finds it; "" where it is in."""
    if visit.system == "oncall":
        unmapped = isinstance(visit.provider, Absent) and visit.provider_wire is not None
        return "provider_unmapped" if unmapped else ""
    if visit.virtual_base:
        return "series_base"
    if visit.is_break:
        return "break"
    if not isinstance(visit.patient, Absent) and not visit.patient:
        return "no_patient"
    if not out_of_scope(mapping, visit):
        return ""
    if visit.type is None:
        return "type_skipped"
    known_doctor = mapping.doctor(present(visit.provider, "")) is not None
    return "office_not_listed" if known_doctor else "doctor_unmapped"


def _with_rows(look: Look, facts: Facts) -> Facts:
    """The same with what SQL knows: items, waits, the queue, the service."""
    sync, row = look.asker.sync, look.row
    with sync.store.read() as conn:
        lane = Lane.LIVE
        if row is not None:
            key = links.survivor(conn, row.aggregate)
            queue, lane = known.queue(conn, key)
            facts = replace(
                known.placed(conn, sync, look.mapping, facts, key),
                items=known.items(conn, key, look.about),
                waits=known.waits(conn, key, look.about),
                queue=queue,
            )
        return replace(
            facts,
            excluded=known.excluded(conn, facts.patient) or known.excluded_of(facts.waits),
            service=known.service(
                conn, sync, lane, facts.now, writes=_other(look), doctor=facts.doctor
            ),
            trouble=look.asker.trouble,
            address=_address(look, facts),
        )


def _address(look: Look, facts: Facts) -> str:
    """Where staff open the OnCall visit, where the clinic has named an address for that."""
    there = [one.remote_id for one in facts.others if one.system == "oncall" and one.is_there]
    ids = [facts.id] if facts.kind == "oncall-appointment" else there
    return look.mapping.visit_link(ids[0]) if ids and ids[0] is not None else ""


def _other(look: Look) -> str:
    return "oncall" if look.kind == "appointment" else "drchrono"
