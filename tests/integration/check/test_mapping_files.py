"""A mapping file that can't be used, and one that is made, over the sandbox."""

import tomllib
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.commands.setting_up.suggesting import patiently
from cli.main import cli
from sync import assemble
from sync.settings_read import load_settings
from sync.setup import practice
from sync.setup.mapping_edit.gathered import gather
from tests.support.clinic import Clinic


def throttled(clinic: Clinic, times: int, seconds: int) -> None:
    clinic.sandbox.faults(
        "drchrono",
        {
            "match": {"path": "/api/offices"},
            "do": "status",
            "status": 429,
            "retry_after": seconds,
            "times": times,
        },
    )


def test_a_429_is_waited_out(clinic: Clinic, capsys: pytest.CaptureFixture[str]) -> None:
    throttled(clinic, 2, 90)
    before = clinic.now()
    found = gather(clinic.sync, lambda call: patiently(clinic.sync, call))
    assert clinic.now() > before
    assert tomllib.loads(found.suggestion())["types"]
    told = capsys.readouterr()
    assert "# No call is allowed before" in told.err
    assert "No call" not in told.out


def test_the_command_writes_a_whole_file_or_none(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = (*clinic.values, "persistent_disk")
    env = {name.upper(): str(clinic.values.get(name, "yes")) for name in names}
    load_settings.cache_clear()
    # By the clinic's clock the minute that a used-up limit is waited for passes at once.
    timed = partial(assemble.build, clock=clinic.now, pause=clinic.advance)
    monkeypatch.setattr(assemble, "build", timed)
    path = tmp_path / "new.toml"
    try:
        throttled(clinic, 1, 1)
        made = CliRunner().invoke(cli, ["mapping", "suggest", "--output", str(path)], env=env)
        assert (made.exit_code, made.stdout) == (0, "")
        assert "No call is allowed before" in made.stderr
        assert tomllib.loads(path.read_text())["types"]
        kept = path.read_bytes()
        clinic.sandbox.faults("drchrono", {"match": {"path": "/api/offices"}, "do": "status",
                                           "status": 500, "times": 9})  # fmt: skip
        for options, said in (
            (["--output", str(path)], "is left alone"),
            (["--output", str(path), "--force"], "did not do what was asked"),
            ([], "the shell has emptied that file"),
        ):
            failed = CliRunner().invoke(cli, ["mapping", "suggest", *options], env=env)
            assert (failed.exit_code, failed.stdout) == (1, "")
            assert said in failed.stderr
        assert path.read_bytes() == kept
    finally:
        load_settings.cache_clear()


def test_learning_a_practice_needs_no_usable_file(clinic: Clinic) -> None:
    # The OAuth callback answered 500 although the connection was made.
    path = Path(clinic.settings.mapping_file)
    path.unlink()
    path.mkdir()
    assert practice.learn(clinic.sync) == ()
