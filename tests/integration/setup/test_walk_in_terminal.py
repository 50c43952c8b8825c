"""`setup` in the terminal: it does, asks and waits; it is left and goes on; it echoes no secret."""

import json
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

from cli.commands.setting_up import walk
from cli.commands.setting_up.walking import Walker
from cli.main import cli
from cli.world.seed_mapping import decided
from sync.config import Mode
from sync.settings_read import load_settings
from sync.setup.mapping_edit.gathered import gather
from sync.store.tables import journal
from tests.integration.setup.test_walk import fresh  # noqa: F401 - a fixture
from tests.support.clinic import SECRET, TOKEN, Clinic


class Person:
    """Says yes, notes what was asked; what happens meanwhile is done while the walk waits."""

    def __init__(self, clinic: Clinic, *meanwhile: Callable[[], object]) -> None:
        self.asked: list[str] = []
        self._meanwhile = list(meanwhile)
        clinic.sync.pause = self._pass
        self.walker = Walker(clinic.sync, self.yes, self.yes)

    def yes(self, words: str) -> bool:
        self.asked.append(words)
        return True

    def _pass(self, _seconds: float) -> None:
        if not self._meanwhile:
            raise click.Abort  # Ctrl-C
        self._meanwhile.pop(0)()


def beats(clinic: Clinic) -> None:
    with clinic.sync.store.write() as conn:
        for role in ("worker", "beat"):
            journal.beat(conn, f"{role}@test:1", role, clinic.now())


def edits(clinic: Clinic) -> None:
    clinic.edit(clinic.of("drchrono", "appointments")[0]["id"], notes="a test")
    clinic.sandbox.wait_idle()


def invites(clinic: Clinic) -> None:
    clinic.invite()
    clinic.sandbox.wait_idle()


def maps(clinic: Clinic) -> None:
    found = gather(clinic.sync)
    path = clinic.settings.mapping_file
    path.write_text(decided(path.read_text(), found))


def test_it_is_gone_through_to_the_end(fresh: Clinic, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    person = Person(
        fresh,
        fresh.authorise,
        lambda: maps(fresh),
        lambda: beats(fresh),
        fresh.hear,
        lambda: edits(fresh),
        lambda: invites(fresh),
    )
    person.walker.go()
    assert person.walker.look().complete
    assert person.asked == [
        "Try the key now?",
        "Make an address that connects DrChrono?",
        f"Write a first {fresh.settings.mapping_file}, from what both systems say?",
        *["Wait for it now?"] * 4,
        "Count it now?",
        "Go live with the counts of the dry run?",
    ]
    said = capsys.readouterr().out
    assert "/oauth/drchrono/start?ticket=" in said
    assert "ok  Handshake" in said
    assert "visits would be made in OnCall" in said
    assert not [one for one in (SECRET, TOKEN) if one in said]


def test_it_is_left_and_goes_on_where_it_stood(fresh: Clinic) -> None:  # noqa: F811
    with pytest.raises(click.Abort):
        Person(fresh).walker.go()
    fresh.authorise()
    person = Person(fresh)
    with pytest.raises(click.Abort):
        person.walker.go()
    assert person.asked[0].startswith("Write a first ")


def test_what_is_passed_over_stays_open(fresh: Clinic) -> None:  # noqa: F811
    walker = Walker(fresh.sync, lambda _: False, lambda _: False)
    walker.go()
    found = walker.look()
    assert (found.complete, found.next) == (False, "oncall_key")
    assert fresh.calls("oncall") == fresh.calls("drchrono") == []


def test_a_setting_that_is_read_at_the_start_is_not_waited_for(fresh: Clinic) -> None:  # noqa: F811
    fresh.settings.sync_mode = Mode.SHADOW
    fresh.authorise()
    person = Person(fresh)
    person.walker.passed = {"mapping", "processes", "drchrono_webhook", "oncall_webhook"}
    person.walker.go()
    assert "SYNC_MODE" not in str(person.asked)


@pytest.fixture
def environment(fresh: Clinic) -> dict[str, str]:  # noqa: F811
    """What a process of its own is told of that clinic."""
    told = {name.upper(): str(value) for name, value in fresh.values.items()}
    return {**told, "PUBLIC_URL": fresh.url, "REDIS_URL": ""}


def test_piped_it_says_all_and_ends(environment: dict[str, str]) -> None:
    load_settings.cache_clear()
    done = CliRunner().invoke(cli, ["setup"], env=environment)
    assert done.exit_code == 1
    assert "\x1b" not in done.output
    assert "ONCALL_KEY is set and was not tried yet." in done.output
    told = json.loads(CliRunner().invoke(cli, ["setup", "--json"], env=environment).output)
    assert (told["next"], len(told["steps"])) == ("oncall_key", 11)
    assert not [one for one in (SECRET, TOKEN) if one in json.dumps(told) + done.output]
    load_settings.cache_clear()


def test_at_a_terminal_it_asks_and_a_no_leaves_it_open(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load_settings.cache_clear()
    monkeypatch.setattr(walk, "_at_a_terminal", lambda: True)
    done = CliRunner().invoke(cli, ["setup"], env=environment, input="y\nn\n" + "n\n" * 9)
    assert done.exit_code == 1
    assert "OnCall takes it." in done.output
    assert "Make an address that connects DrChrono? [Y/n]: n" in done.output
    assert "No DrChrono account is connected." in done.output.rpartition("[Y/n]")[2]
    load_settings.cache_clear()
