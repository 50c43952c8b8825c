"""Compare what both systems of a test's clinic show, by the comparison of `make chaos`."""

from chaos.agreement import differences, open_appointments, open_visits
from tests.support.clinic import Clinic

__all__ = ["agree", "disagreements", "open_appointments", "open_visits"]


def agree(clinic: Clinic, *, contacts: bool = True) -> None:
    """Fail with every difference between the two systems, every double, and what still waits."""
    problems = disagreements(clinic, contacts=contacts)
    assert not problems, "\n".join(problems)


def disagreements(clinic: Clinic, *, contacts: bool = True) -> list[str]:
    """What is wrong, one line each; ask when nothing is due any more."""
    problems = differences(clinic, contacts=contacts)
    if clinic.waiting():
        problems.append(f"{clinic.waiting()} items still wait")
    return problems
