"""A mapping file as editors and shells leave it: read, or refused with what to do."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.commands.setting_up.suggesting import refuse_to_lose, write_whole
from cli.main import cli
from cli.output import TroubleError
from sync.mapping import MappingError, changed_at, load
from sync.settings_read import load_settings

GOOD = "[[doctors]]\ndrchrono = 1\noncall_provider = 2\noncall_division = 3\n"
BAD = '# one\u2028still one\n[policy]\ntitle = "x"\ndirection = "sideways"\n'


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_marks_and_line_ends_are_read_and_lines_are_right(
    mark: str, ends: str, tmp_path: Path
) -> None:
    path = tmp_path / "mapping.toml"
    path.write_bytes((mark + GOOD.replace("\n", ends)).encode())
    assert [one.drchrono for one in load(path).doctors] == ["1"]
    path.write_bytes((mark + BAD.replace("\n", ends)).encode())
    with pytest.raises(MappingError) as told:
        load(path)
    assert "mapping.toml line 3: policy.title" in str(told.value)
    assert "mapping.toml line 4: policy.direction" in str(told.value)
    path.write_bytes((mark + "a = 1\n\nnonsense\n".replace("\n", ends)).encode())
    with pytest.raises(MappingError, match="at line 3"):
        load(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD.encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
        (b"\xff\xfe" + GOOD.encode("utf-16-le"), "is UTF-16 text: save it as UTF-8"),
        (b"\xfe\xff" + GOOD.encode("utf-16-be"), "is UTF-16 text: save it as UTF-8"),
        (GOOD.encode("utf-16-be"), "holds NUL bytes, as UTF-16 text does"),
        (b"a = 1\n# \xe9\n", "is not UTF-8 text in line 2"),
        (None, "is a directory: remove it, make the file (touch mapping.toml), start again"),
    ],
)
def test_what_is_no_text_is_told_as_what_it_is(
    content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "mapping.toml"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(MappingError) as told:
        load(path)
    assert said in str(told.value)
    for arguments in (["mapping", "check", str(path)], ["mapping", "check", "--json"]):
        load_settings.cache_clear()
        result = CliRunner().invoke(cli, arguments, env={"MAPPING_FILE": str(path)})
        assert result.exit_code == 1
        output = (
            json.loads(result.output)["problems"][0] if "--json" in arguments else result.output
        )
        assert said in output
    load_settings.cache_clear()


def test_a_file_that_may_not_be_read_names_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(GOOD)

    def refuse(*_: object) -> bytes:
        raise PermissionError(13, "Permission denied", "Pl4nted")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(MappingError, match=f"may not be read by user {os.getuid()}"):
        load(path)
    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(MappingError, match="can't be looked at"):
        changed_at(path)


def test_no_file_maps_nobody_and_is_said(tmp_path: Path) -> None:
    assert changed_at(tmp_path / "mapping.toml") == 0
    load_settings.cache_clear()
    env = {"MAPPING_FILE": str(tmp_path / "mapping.toml")}
    result = CliRunner().invoke(cli, ["mapping", "check"], env=env)
    load_settings.cache_clear()
    assert result.exit_code == 1
    assert "mapping suggest --output" in result.output


def test_a_file_is_written_whole_and_over_no_other(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    write_whole(path, GOOD, force=False)
    assert (path.read_text(), path.stat().st_mode & 0o777) == (GOOD, 0o600)
    with pytest.raises(TroubleError, match="is left alone"):
        write_whole(path, "else", force=False)
    assert path.read_text() == GOOD
    write_whole(path, "else\n", force=True)
    assert path.read_text() == "else\n"
    path.write_text("")  # `touch mapping.toml`
    write_whole(path, GOOD, force=False)
    assert path.read_text() == GOOD
    with pytest.raises(TroubleError, match="is a directory"):
        refuse_to_lose(tmp_path, force=True)
    with pytest.raises(TroubleError, match="no directory"):
        refuse_to_lose(tmp_path / "none" / "mapping.toml", force=False)
    assert [one.name for one in tmp_path.iterdir()] == ["mapping.toml"]


def test_a_disk_that_fails_in_the_middle_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(GOOD)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TroubleError, match="No space left"):
        write_whole(path, "else", force=True)
    assert path.read_text() == GOOD
    assert [one.name for one in tmp_path.iterdir()] == ["mapping.toml"]
