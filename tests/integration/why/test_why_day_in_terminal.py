"""`why doctor ID --day`: the day of the first page in a terminal, and as data."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner, Result

from cli.commands import why as command
from sync.runtime import Sync
from tests.support.clinic import DOCTOR, ZONE, Clinic, utc, wall

Run = Callable[..., Result]


@pytest.fixture
def run(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Run:
    @contextmanager
    def opened() -> Iterator[Sync]:
        yield clinic.sync

    monkeypatch.setattr(command, "opened", opened)

    def said(*arguments: str) -> Result:
        return CliRunner().invoke(command.why, list(arguments))

    return said


def test_a_day_is_a_table_and_data(clinic: Clinic, run: Run) -> None:
    appointment, visit = clinic.linked(scheduled_time=wall(days=3, hour=16))
    day = str(utc(days=3, hour=16).astimezone(ZONE).date())
    asked = ("doctor", str(DOCTOR), "--day", day)
    told = json.loads(run(*asked, "--json").output)
    (only,) = told["visits"]
    assert (only["id"], only["cause"], only["subject"]["oncall-appointment"]) == (
        *(appointment, "there", visit),
    )
    assert (told["doctor"], told["day"], told["zone"]) == (str(DOCTOR), day, "US/Eastern")
    table = run(*asked)
    assert table.exit_code == 0
    assert f"appointment {appointment}" in table.output
    assert f"{utc(days=3, hour=16).astimezone(ZONE):%H:%M}" in table.output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("doctor", "201"), 2),
        (("appointment", "1", "--day", "2026-11-30"), 2),
        (("doctor", "201", "--day", "never"), 2),
        (("doctor", "a b", "--day", "2026-11-30"), 1),
        (("doctor", "201", "--day", "1984-05-02"), 1),
    ],
)
def test_what_can_t_be_meant_is_refused(run: Run, arguments: tuple[str, ...], code: int) -> None:
    assert run(*arguments).exit_code == code
