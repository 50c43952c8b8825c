"""Invariant 1, nothing lost, and 2, nothing twice: the worker is killed after each of its steps.

Another worker takes over when the lease has run out; then both sides agree, and the patient got the
mails of the change, each once. One flow is one test; each step is a round of its own in it.
"""

from pathlib import Path

import pytest

from tests.integration.agreement import disagreements
from tests.integration.clinic import Clinic
from tests.integration.flows import FLOWS, NO_LIMITS, Flow, prove_the_list
from tests.integration.mortal import Mortal
from tests.sandbox_client import Sandbox

MOST_STEPS = 120
LEASE_SECONDS = 45


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_killed_after_each_step(
    flow: Flow, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    sandbox.behaviours("drchrono", bulk_polls=0, hourly_limit=100_000)
    with Clinic(sandbox, sqlite_url, tmp_path, **NO_LIMITS) as clinic:
        clinic.connect()
        clinic.new_patient()
        clinic.go_live()
        prove_the_list(clinic)
        for steps in range(1, MOST_STEPS, flow.every):
            if _one(clinic, flow, steps):
                return
    raise AssertionError(f"no end after {MOST_STEPS} steps")


def _one(clinic: Clinic, flow: Flow, steps: int) -> bool:
    """One round with a kill after so many steps; whether the worker lived to the end of it."""
    stands = flow.prepare(clinic, steps - 1)
    clinic.advance(120)
    clinic.settle()
    clinic.forget()
    flow.act(clinic, stands)
    clinic.sandbox.wait_idle()
    mortal = Mortal(clinic, steps)
    lived = mortal.work(clinic)
    clinic.advance(LEASE_SECONDS + 1)
    clinic.settle(hours=6)
    found = disagreements(
        clinic,
    )
    if sorted(clinic.mails()) != sorted(flow.mails):
        found.append(f"mails: {clinic.mails()}")
    found += [f"attention: {cause}" for cause in clinic.attention()]
    told = "\n".join([f"killed after {steps}: {', '.join(mortal.taken[-6:])}", *found])
    assert not found, told
    return lived
