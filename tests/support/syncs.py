"""Set up what the tests of what syncs share: a visit on both sides, a clinic's decisions."""

from tests.support.clinic import Clinic


def linked(clinic: Clinic, **changes: object) -> tuple[str, str]:
    """One visit booked in DrChrono that stands on both sides; the ids of appointment and visit."""
    before = {visit["id"] for visit in clinic.visits()}
    appointment = clinic.book(**changes)
    clinic.pump()
    (visit,) = {visit["id"] for visit in clinic.visits()} - before
    clinic.forget()
    return appointment, visit


def decide(clinic: Clinic, toml: str) -> None:
    """Add tables to the clinic's mapping file, and let the beat see it."""
    path = clinic.settings.mapping_file
    path.write_text(f"{path.read_text()}\n{toml}\n")
    clinic.beat("mapping")


def visit_of(clinic: Clinic, visit_id: str) -> dict[str, object]:
    """An OnCall visit as its state shows it, cancelled or not."""
    return next(v for v in clinic.of("oncall", "appointments") if v["id"] == visit_id)
