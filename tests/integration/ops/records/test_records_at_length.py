"""What a page asks is answered along an index, whatever is looked for, on both databases."""

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import text

from sync.operations.records import asked, proven
from sync.operations.records.listed import Question, listed
from sync.operations.timeline.assemble import timeline
from sync.runtime import Sync
from sync.store.listing.kinds import RECORDS
from tests.support.ops.lived import lived
from tests.support.years.plans import planned

# Tables that grow for years, or by every call.
LARGE = ("call", "delivery", "audit", "audit_subject", "attention", "conflict", "object",
         "aggregate", "attendance")  # fmt: skip


def walked(steps: Sequence[str], *, ordered: bool) -> list[str]:
    """The tables that a plan reads from one end to the other.

    `ordered`: along an index in the order of time, which a LIMIT ends, is none.
    """
    found = []
    for line in steps:
        for table in LARGE:
            quoted = {f"SCAN {table}", f"SCAN {table} ", f'Seq Scan on {table}',
                      f'Seq Scan on "{table}"'}  # fmt: skip
            if any(f"{one} " in f"{line} " or f"{one}'" in line for one in quoted):
                along = "_at" in line and "USING" in line
                found += [] if ordered and along else [f"{table}: {line}"]
    return found


Asks = Callable[[Sync], object]


def of_record(name: str, about: str = "", until: str = "", **only: str) -> Asks:
    def ask(sync: Sync) -> object:
        question = Question(about, until=asked.moment(until), only=only)
        return listed(sync, RECORDS[name], question, None, 50)

    return ask


ABOUT: dict[str, Asks] = {
    **{f"{name} of a number": of_record(name, "70211") for name in RECORDS},
    **{f"{name} of a visit": of_record(name, "visit 1") for name in RECORDS},
    "timeline": lambda sync: timeline(sync, "appointment", "70211"),
    "timeline of a person": lambda sync: timeline(sync, "person", "3"),
    "proof": proven.last,
}
IN_ORDER: dict[str, Asks] = {
    **{f"all {name}": of_record(name) for name in RECORDS},
    **{f"{name} until": of_record(name, until="2026-11-20") for name in RECORDS},
    "refused calls": of_record("calls", state="refused"),
    "conflicts of a system": of_record("conflicts", system="oncall"),
}


@pytest.mark.parametrize("name", ABOUT)
def test_what_is_about_something_reads_that_alone(sync: Sync, name: str) -> None:
    lived(sync)
    with planned(sync.store, empty=True) as plans:
        ABOUT[name](sync)
    assert plans
    assert [one for plan in plans for one in walked(plan.steps, ordered=False)] == []


@pytest.mark.parametrize("name", IN_ORDER)
def test_what_is_the_newest_is_read_in_its_order(sync: Sync, name: str) -> None:
    lived(sync)
    with planned(sync.store, empty=True) as plans:
        IN_ORDER[name](sync)
    assert plans
    assert [one for plan in plans for one in walked(plan.steps, ordered=True)] == []


def test_the_plans_are_looked_at(sync: Sync) -> None:
    """One that reads a table whole is seen: else the tests above would prove nothing."""
    lived(sync)
    whole = "SELECT id FROM delivery WHERE event = 'x'", "SELECT seq FROM audit WHERE action = 'x'"
    with planned(sync.store, empty=True) as plans, sync.store.read() as conn:
        for words in whole:
            conn.execute(text(words))
    assert {plan.words for plan in plans if walked(plan.steps, ordered=True)} == set(whole)
