"""One file gives the same values by each reader, or the setting is named; no value is repeated."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.environment import own_names, take_env_file
from cli.main import cli
from cli.output import TroubleError
from sync.env_file import cleaned, misshapen, parse_env
from sync.settings_read import WrongSettingsError, load_settings, read_settings

# The file that people debugged for hours (docker/compose#8388, theskumar/python-dotenv#545), with
# secrets of a length that is taken.
LINES = """\
export PUBLIC_URL="https://sync.example.org"
ONCALL_KEY='Zk3#x 9'
DRCHRONO_WEBHOOK_SECRETS="Kq8-2mVx0pLw7dTz,c3Rb_9yNf1HsE6uAo"   # rotated in May
SYNC_MODE=live # for now
"""
VALUES = {
    "public_url": "https://sync.example.org",
    "oncall_key": "Zk3#x 9",
    "drchrono_webhook_secrets": "Kq8-2mVx0pLw7dTz,c3Rb_9yNf1HsE6uAo",
    "sync_mode": "live",
}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in own_names():
        monkeypatch.setenv(name, "")
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("reader", [".env", "--env"])
def test_a_file_gives_the_same_values_by_each_reader(
    reader: str, mark: str, ends: str, tmp_path: Path
) -> None:
    path = tmp_path / (".env" if reader == ".env" else "other.env")
    path.write_bytes((mark + LINES.replace("\n", ends)).encode())
    if reader == "--env":
        take_env_file(path)
    assert read_settings(os.environ).problems == {}
    assert read_settings(os.environ).values == VALUES
    found = load_settings()
    assert found.public_url == VALUES["public_url"]
    assert found.oncall_key.get_secret_value() == VALUES["oncall_key"]
    assert found.webhook_secrets == ("Kq8-2mVx0pLw7dTz", "c3Rb_9yNf1HsE6uAo")
    assert found.sync_mode == "live"


def test_what_docker_leaves_in_a_value_is_named_by_its_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # docker run --env-file takes a line as it is (docker/for-linux#1208).
    for line in LINES.replace("export ", "").splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PORT", "80 80")
    with pytest.raises(WrongSettingsError) as told:
        load_settings()
    problems = told.value.problems
    assert "stands in quotes" in problems["PUBLIC_URL"]
    assert "stands in quotes" in problems["ONCALL_KEY"]
    assert "DRCHRONO_WEBHOOK_SECRETS" in problems
    assert "has a comment behind it" in problems["SYNC_MODE"]
    assert "write a whole number" in problems["PORT"]
    for value in ("sync.example.org", "Zk3", "Kq8", "80 80"):
        assert value not in str(told.value)


def test_check_lists_them_like_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_KEYS", '"Kq8-2mVx0pLw7dTz"')
    monkeypatch.setenv("PUBLIC_URL", "http://sync.example.org")
    monkeypatch.setenv("LEASE_SECONDS", "soon")
    result = CliRunner().invoke(cli, ["check", "--json"])
    assert result.exit_code == 1
    for name in ("DIGEST_KEYS", "PUBLIC_URL", "LEASE_SECONDS"):
        assert f'"{name}"' in result.output
    assert "Kq8" not in result.output


def test_a_platform_whose_files_are_gone_tomorrow_is_told_before_anything_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DYNO", "web.1")
    monkeypatch.setenv("DIGEST_KEYS", "Kq8-2mVx0pLw7dTz" * 2)
    monkeypatch.setenv("ENCRYPTION_KEYS", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
    result = CliRunner().invoke(cli, ["check", "--json"])
    assert result.exit_code == 1
    assert '"DATABASE_URL"' in result.output
    assert not Path("var").exists()


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (" live ", "live"),
        ("live\r", "live"),
        ("\ufefflive\n", "live"),
        ("\u200blive\u00a0\t", "live"),
        ("Zk3#x 9", "Zk3#x 9"),
        ("", ""),
        (" \r\n", ""),
    ],
)
def test_blanks_and_marks_at_the_ends_are_dropped(raw: str, kept: str) -> None:
    assert cleaned(raw) == kept


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('"live"', "stands in quotes"),
        ("'live'", "stands in quotes"),
        ("“live”", "stands in quotes"),
        ("`live`", "stands in quotes"),
        ('live"', "quote at one of its ends"),
        ("live # for now", "comment behind it"),
        ("live\t# for now", "comment behind it"),
        ("SYNC_MODE=live", "repeats its own name"),
        ("li\nve", "invisible character"),
        ("li\u200bve", "invisible character"),
        ("li\x00ve", "invisible character"),
        ("li\udce9ve", "invisible character"),
        ("live", None),
        ("a#b", None),
        ("pa$$word", None),
        ("it's", None),
    ],
)
def test_what_no_value_can_hold_is_named(value: str, said: str | None) -> None:
    told = misshapen("SYNC_MODE", value)
    assert (said is None and told is None) or (said is not None and said in str(told))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=b", "b"),
        ("A = b", "b"),
        ("  A=b", "b"),
        ("A=b=c", "b=c"),
        ("A='b # c'", "b # c"),
        ('A="b \\" c"', 'b " c'),
        ("A=$HOME", "$HOME"),
        ("A=${HOME}x", "${HOME}x"),
        ('A="$$HOME"', "$$HOME"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=first\nA=last", "last"),
        ("# A=c\n\nA=b", "b"),
    ],
)
def test_a_line_is_read_as_dotenv_reads_it_and_nothing_is_put_in(text: str, value: str) -> None:
    found = parse_env(text, "x.env")
    assert (found.values, found.problems) == ({"A": value}, {})


def test_each_line_that_is_none_is_named_with_its_number() -> None:
    text = 'A=b\r\n\r\nnonsense Pl4nted\r\nC: Pl4nted\r\nD="x" Pl4nted\r\n3E=Pl4nted\r\nB="Pl4nted'
    found = parse_env(text, "x.env")
    assert set(found.problems) == {f"x.env, line {number}" for number in (3, 4, 5, 6, 7)}
    assert "Pl4nted" not in str(found.problems)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("PORT=8000\n".encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
        ("PORT=8000\n".encode("utf-16-le"), "holds NUL bytes, as UTF-16 text does"),
        (b"PORT=8000\nA=\xff\n", "is not UTF-8 text in line 2"),
        (None, "is a directory"),
    ],
)
@pytest.mark.parametrize("reader", [".env", "--env"])
def test_a_file_that_is_no_text_is_told_as_what_it_is(
    reader: str, content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / (".env" if reader == ".env" else "other.env")
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    read = load_settings if reader == ".env" else partial(take_env_file, path)
    with pytest.raises((WrongSettingsError, TroubleError)) as told:
        read()
    assert said in str(told.value)


def test_a_word_in_front_of_the_key_is_set_apart_whoever_read_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for given, wanted in (("Token ", "Token "), ("Token", "Token "), ("key=", "key="), ("", "")):
        monkeypatch.setenv("ONCALL_KEY_PREFIX", given)
        load_settings.cache_clear()
        assert load_settings().oncall_key_prefix == wanted


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("DATABSE_URL", "DATABASE_URL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("REDIS_URI", "REDIS_URL"),
        ("ENCRYPTION_KEY", "ENCRYPTION_KEYS"),
        ("DRCHRONO_WEBHOOK_SECRET", "DRCHRONO_WEBHOOK_SECRETS"),
        ("DRCHRONO_SECRET", "DRCHRONO_CLIENT_SECRET"),
        ("ONCALL_API_KEY", "ONCALL_KEY"),
        ("SYNCMODE", "SYNC_MODE"),
    ],
)
@pytest.mark.parametrize("reader", [".env", "environment"])
def test_a_name_that_is_nearly_a_settings_is_told(
    reader: str, typed: str, meant: str, tmp_path: Path
) -> None:
    environ = {typed: "Pl4nted"} if reader == "environment" else {}
    if reader == ".env":
        (tmp_path / ".env").write_text(f"{typed}=Pl4nted\n")
    assert read_settings(environ).problems == {typed: f"is no setting: write {meant}, or remove it"}
    assert read_settings({meant: "x", **environ}).problems == {}


@pytest.mark.parametrize(
    "name",
    ["DATABASE_USER", "DATABASE_HOST", "REDIS_HOST", "REDIS_PASSWORD", "POSTGRES_PASSWORD", "HOSTS",
     "DRCHRONO_ONCALL_SERVICE_HOST", "DRCHRONO_ONCALL_PORT", "ONCALL_PORT_8000_TCP", "HOSTNAME",
     "LOGNAME", "PUBLIC_KEY", "REDIS_TLS_URL", "DATABASE_PUBLIC_URL", "DRCHRONO_SCHEMA",
     "DRCHRONO_USER"],
)  # fmt: skip
def test_another_programs_variable_is_left_alone(name: str) -> None:
    assert read_settings({name: "x"}).problems == {}
