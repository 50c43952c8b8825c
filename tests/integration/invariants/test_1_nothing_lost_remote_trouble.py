"""Invariant 1, nothing lost, and 2, nothing twice: each call of each flow goes wrong in each way.

Afterwards both sides agree, and the patient got the mails of the change, each once.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agreement import disagreements
from tests.support.clinic import Clinic
from tests.support.flows import FLOWS, NO_LIMITS, Call, Flow, Round, prepared, prove_the_list
from tests.support.templates import Templates, gone_live

# "late": the line is closed at once and the write lands a little later.
TROUBLES: tuple[dict[str, Any], ...] = (
    {"do": "status", "status": 500},
    {"do": "429", "seconds": 30},
    {"do": "html"},
    {"do": "drop"},
    {"do": "drop_after"},
    {"do": "late", "seconds": 0.1},
    {"do": "stale"},
)


def _cases() -> Iterator[Any]:
    for flow in FLOWS:
        for trouble in TROUBLES:
            told = f"{trouble['do']}{trouble.get('status', '')}"
            yield pytest.param(flow, trouble, id=f"{flow}-{told}")


@pytest.mark.parametrize(("flow", "trouble"), list(_cases()))
def test_a_call_goes_wrong_once(
    flow: Flow, trouble: dict[str, Any], templates: Templates, tmp_path: Path
) -> None:
    def prepare(clinic: Clinic) -> Round:
        clinic.sandbox.behaviours("drchrono", hourly_limit=100_000)
        gone_live(clinic)
        prove_the_list(clinic)
        return prepared(clinic, flow, 0)

    problems: list[str] = []
    for number, call in enumerate(flow.calls):
        if not _says_something(trouble, call):
            continue
        home = tmp_path / str(number)
        home.mkdir()
        with templates.copied(f"before {flow}", home, prepare, **NO_LIMITS) as clinic:
            found = _one(clinic, flow, call, trouble)
        problems += [f"{call[1]} {call[2]}: {problem}" for problem in found]
    assert not problems, "\n".join(problems)


def _says_something(trouble: dict[str, Any], call: Call) -> bool:
    """Only reads can be stale; a read whose answer is lost is the same as one that never came."""
    reads = call[1] == "GET"
    if trouble["do"] == "stale":
        return reads
    return not (reads and trouble["do"] in {"drop_after", "late"})


def _one(clinic: Clinic, flow: Flow, call: Call, trouble: dict[str, Any]) -> list[str]:
    remote, method, path = call
    clinic.sandbox.faults(remote, {"match": {"method": method, "path": path}, **trouble})
    flow.act(clinic, clinic.stands)
    clinic.settle(hours=6)
    found = disagreements(clinic)
    if clinic.sandbox.state(remote)["faults"]:
        found.append("the fault was never met")
    if sorted(clinic.mails()) != sorted(flow.mails):
        found.append(f"mails: {clinic.mails()}")
    return found + [f"attention: {cause}" for cause in clinic.attention()]
