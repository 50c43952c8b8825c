"""`import`, `backfill` and `batches`: options, exit statuses, and what is left waiting."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import cli
from sync.core.batch.model import Fate, Kind, State
from sync.sheets.errors import ChoiceError, UnusableError
from tests.support.ops.batches import HEADERS, Engine

IMPORT = ("import", "in.csv", "--kind", "patients")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_text("First,Last,E-Mail,Born\nNora,Lind,n@mail.example,1980-12-31\n")
    found = Engine()
    found.install(monkeypatch)
    return found


def said(*argv: str, **more: Any) -> Result:
    return CliRunner().invoke(cli, argv, **more)


@pytest.mark.parametrize(
    ("fates", "status"),
    [
        ({Fate.CREATE: 2}, 0),
        ({Fate.ALREADY_THERE: 2, Fate.UPDATE: 1, Fate.LEFT_OUT: 1}, 0),
        ({Fate.CREATE: 2, Fate.PROBLEM: 1}, 1),
        ({Fate.CREATE: 2, Fate.QUESTION: 1}, 1),
    ],
)
@pytest.mark.parametrize("argv", [IMPORT, ("backfill", "patients")])
@pytest.mark.parametrize("dry", [True, False])
def test_the_status_tells_whether_somebody_is_needed(
    engine: Engine, argv: tuple[str, ...], fates: dict[Fate, int], status: int, dry: bool
) -> None:
    engine.fates = fates
    done = said(*argv, "--dry-run" if dry else "--yes")
    assert (done.exit_code, done.stderr) == (status, done.stderr)
    assert ("start" in engine.names()) is not dry
    assert ("column" not in done.stdout) or "what to do" in done.stdout or argv == IMPORT
    if status:
        assert "For a person" in done.stdout or Fate.PROBLEM not in fates


@pytest.mark.parametrize("argv", [IMPORT, ("backfill", "appointments")])
def test_a_dry_run_leaves_nothing_waiting(engine: Engine, argv: tuple[str, ...]) -> None:
    done = said(*argv, "--dry-run", "--result", "plan.csv")
    assert done.exit_code == 0
    assert Path("plan.csv").read_text().startswith('"First"')
    assert Path("plan.csv").stat().st_mode & 0o77 == 0
    assert engine.names()[-3:] == ["take_result", "cancel", "drop"]
    assert [(one.state, one.has_file) for one in engine.batches.values()] == [
        (State.CANCELLED, False)
    ]


REFUSALS = {
    "no such file": (("import", "none.csv", "--kind", "patients", "--yes"), {}, "can't be read"),
    "unusable": (
        (*IMPORT, "--yes"),
        {"open_file": UnusableError("x", "It has no rows.")},
        "The file can't be used. It has no rows.",
    ),
    "unknown header": ((*IMPORT, "--map", "Mail=email"), {}, "--map HEADER=FIELD with one of"),
    "unknown field": ((*IMPORT, "--map", "Born=mail"), {}, "--map 'Born=FIELD' with one of"),
    "no equals sign": ((*IMPORT, "--map", "Born"), {}, "Write --map as HEADER=FIELD"),
    "nothing chosen": (
        (*IMPORT, "--yes"),
        {"choose": ChoiceError("field_missing", "Choose the column of the e-mail.")},
        "Say it by --map HEADER=FIELD.",
    ),
    "shadow": (
        (*IMPORT, "--yes"),
        {"start": LookupError("Nothing can be sent now. Set SYNC_MODE to live.")},
        "Set SYNC_MODE to live",
    ),
    "not asked": (IMPORT, {}, "Nothing was sent: say it again with --yes."),
    "over itself": ((*IMPORT, "--yes", "--result", "in.csv"), {}, "name another for --result"),
    "not connected": (
        ("backfill", "patients", "--yes"),
        {"open_backfill": LookupError("Connect both accounts first.")},
        "Connect both accounts first.",
    ),
    "an accident": ((*IMPORT, "--yes"), {"open_file": RuntimeError("Núñez")}, "not expected"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_can_t_be_used_ends_with_2_and_leaves_nothing(engine: Engine, name: str) -> None:
    argv, engine.refuse, words = REFUSALS[name]
    done = said(*argv)
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Núñez" not in done.output
    assert "start" not in engine.names() or "start" in engine.refuse
    assert all(one.state is State.CANCELLED for one in engine.batches.values())
    as_json = said(*argv, "--json")
    assert as_json.exit_code == 2
    assert words in json.loads(as_json.stdout)["refused"]
    assert Path("in.csv").read_text().startswith("First")


def test_a_plan_that_fails_ends_with_2_and_says_why(engine: Engine) -> None:
    engine.fails = True
    done = said(*IMPORT, "--yes")
    assert (done.exit_code, "Send the file again" in done.stderr) == (2, True)


def test_dates_that_fit_in_several_ways_are_asked_with_the_option(engine: Engine) -> None:
    engine.columns = replace(engine.columns, date_formats={"birth_date": ("mdy", "dmy")})
    engine.refuse["choose"] = ChoiceError("date_format_asked", "Dates can be read in two ways.")
    done = said(*IMPORT, "--yes")
    assert done.exit_code == 2
    assert "Add --date-format mdy: month/day/year (12/31/1980), or --date-format dmy" in done.stderr


def test_columns_are_taken_as_they_are_said(engine: Engine) -> None:
    engine.columns = replace(engine.columns, headers=(*HEADERS, "a=b", "Born"))
    options = ["--map", " born on =birth_date"]
    assert said(*IMPORT, *options).exit_code == 2
    assert "write the number of one of them" in said(*IMPORT, "--map", "born=sex").stderr
    options = ["--map", "4=birth_date", "--map", "a=b=sex", "--map", "e-mail=ignore"]
    options += ["--map", "last=full_name", "--map", "FIRST=last_name", "--provider", "196157"]
    assert said(*IMPORT, *options, "--date-format", "mdy", "--yes").exit_code == 0
    [chosen] = [one for one in engine.done if one[0] == "choose"][-1:]
    assert chosen[2] == {0: "last_name", 1: "full_name", 3: "birth_date", 4: "sex"}
    assert chosen[3] == {"date_format": "mdy", "provider": "196157"}


def test_a_field_that_is_said_of_a_column_is_of_no_other(engine: Engine) -> None:
    assert said(*IMPORT, "--map", "Born=email", "--yes").exit_code == 0
    [chosen] = [one for one in engine.done if one[0] == "choose"]
    assert chosen[2] == {0: "first_name", 1: "last_name", 3: "email"}


def test_the_file_may_come_by_standard_input(engine: Engine) -> None:
    done = said("import", "-", "--kind", "appointments", "--yes", input=b"a,b\n1,2\n")
    assert done.exit_code == 0
    assert ("read", b"a,b\n1,2\n", {}) in engine.done
    assert engine.batches[1].kind is Kind.IMPORT_APPOINTMENTS


def test_the_result_is_written_and_then_nothing_of_the_file_is_kept(engine: Engine) -> None:
    assert said(*IMPORT, "--yes", "--result", "out.csv").exit_code == 0
    assert Path("out.csv").read_text() == '"First","oncall_url","outcome","problem"\n'
    assert engine.names()[-2:] == ["take_result", "drop"]
    assert sorted(one.name for one in Path().iterdir()) == ["in.csv", "out.csv"]
    assert said(*IMPORT, "--yes").exit_code == 0
    assert engine.batches[2].has_file  # for a day


def test_as_json_there_is_one_document(engine: Engine) -> None:
    engine.fates = {Fate.CREATE: 2, Fate.PROBLEM: 1}
    done = said(*IMPORT, "--yes", "--json")
    told = json.loads(done.stdout)
    assert (told["batch"], told["state"], told["outcomes"]["created"]) == (1, "done", 2)
    told = json.loads(said(*IMPORT, "--dry-run", "--json").stdout)
    assert (told["dry_run"], told["fates"]["create"], told["foreseen"]["oncall_calls"]) == (
        *(True, 2),
        7,
    )


@pytest.mark.parametrize("argv", [IMPORT, ("backfill", "patients")])
@pytest.mark.parametrize("state", [State.PLANNING, State.RUNNING])
def test_ctrl_c_says_how_it_is_taken_up_again(
    engine: Engine, argv: tuple[str, ...], state: State
) -> None:
    engine.interrupted_in = state
    done = said(*argv, "--yes")
    assert done.exit_code == 130
    assert "drchrono-oncall batches follow 1" in done.stderr
    assert "‹" not in done.stderr
    assert engine.batches[1].state is state
    engine.interrupted_in = None
    if state is State.RUNNING:
        assert said("batches", "follow", "1").exit_code == 0


def test_ctrl_c_in_a_dry_run_leaves_nothing(engine: Engine) -> None:
    engine.interrupted_in = State.PLANNING
    assert said(*IMPORT, "--dry-run").exit_code == 130
    assert engine.batches[1].state is State.CANCELLED


def test_a_backfill_that_was_begun_is_gone_on_with(engine: Engine) -> None:
    engine.pauses = True
    argv = ("backfill", "appointments", "--since", "2026-12-01", "--doctor", "201", "--yes")
    done = said(*argv)
    assert (done.exit_code, "batches resume 1" in done.stdout) == (1, True)
    engine.pauses = False
    assert said(*argv[:-3], "--yes").exit_code == 0  # of all doctors: another one
    assert len(engine.batches) == 2
    assert said(*argv).exit_code == 0
    assert (len(engine.batches), engine.batches[1].state) == (2, State.DONE)
    assert said(*argv).exit_code == 0
    assert len(engine.batches) == 3  # what is over is not gone on with


def test_batches_are_listed_shown_and_steered(engine: Engine) -> None:
    engine.pauses = True
    assert "Nothing was brought in yet" in said("batches", "list").stdout
    engine.fates = {Fate.CREATE: 2, Fate.PROBLEM: 1}
    assert said(*IMPORT, "--yes").exit_code == 1
    listed = json.loads(said("batches", "list", "--json").stdout)
    assert [(one["batch"], one["kind"]) for one in listed] == [(1, "import_patients")]
    assert "Patients of a file" in said("batches", "list").stdout
    shown = said("batches", "show", "1", "--only", "problem")
    assert (shown.exit_code, "the other system refuses it" in shown.stdout) == (0, True)
    for deed, state in (("resume", State.RUNNING), ("pause", State.PAUSED)):
        assert said("batches", deed, "1").exit_code == 0
        assert engine.batches[1].state is state
    assert said("batches", "cancel", "1").exit_code == 1  # nobody can be asked
    assert said("batches", "cancel", "1", "--yes").exit_code == 0
    assert said("batches", "result", "1").stdout.startswith('"First"')
    assert said("batches", "drop", "1").exit_code == 0
    assert said("batches", "show", "9").exit_code == 1


def test_somebody_else_s_plan_is_not_given_up(engine: Engine) -> None:
    engine._open_backfill(Kind.BACKFILL_PATIENTS, source="drchrono", since=None, doctor=None)
    engine._planned(1)
    assert said("backfill", "patients").exit_code == 2  # nobody can be asked
    assert engine.batches[1].state is State.PLANNED
    assert said("backfill", "patients", "--yes").exit_code == 0
    assert (len(engine.batches), engine.batches[1].state) == (1, State.DONE)


def test_ctrl_c_while_a_file_is_read_is_no_status_of_its_own(engine: Engine) -> None:
    engine.refuse["open_file"] = KeyboardInterrupt()
    done = said(*IMPORT, "--yes")
    assert (done.exit_code, "Nothing was sent." in done.stderr) == (130, True)
