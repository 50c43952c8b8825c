"""A world's directory: what is removed, what is left alone, and who may use it."""

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from cli.output import TroubleError
from cli.world.ports import FREE, Ports
from cli.world.world_files import (
    MARK,
    SECRETS,
    Claim,
    env_text,
    new_secrets,
    usual_place,
    write_private,
)


def test_a_directory_that_is_not_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "sync.db").write_text("somebody's data")
    with pytest.raises(TroubleError, match="--dir"):
        Claim(tmp_path)
    assert (tmp_path / "sync.db").read_text() == "somebody's data"
    assert not (tmp_path / MARK).exists()


def test_what_web_has_made_keeps_no_world_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    var = Path("var")
    assert usual_place(var) == var
    (tmp_path / "var" / "redis").mkdir(parents=True)
    (tmp_path / "var" / "sync.db").write_text("of web")
    assert usual_place(var) == var / "world"
    claim = Claim(usual_place(var))
    claim.clear()
    claim.release()
    assert usual_place(var) == var / "world"
    assert (tmp_path / "var" / "sync.db").read_text() == "of web"
    # As one that root has made: nothing can be written in it.
    monkeypatch.setattr(os, "access", lambda path, _: "var" not in Path(path).parts)
    assert usual_place(var).parent == tmp_path


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TroubleError, match="choose another place with --dir"):
        Claim(tmp_path / "file" / "var")


def test_a_new_world_removes_what_the_old_one_made_and_nothing_else(tmp_path: Path) -> None:
    first = Claim(tmp_path / "var")
    assert first.is_new
    made = first.files
    made.log.mkdir()
    (made.log / "web.log").touch()
    write_private(made.env, "PORT=1\n")
    (made.directory / "sync.db-wal").touch()
    (made.directory / "notes.txt").write_text("mine")
    first.release()

    second = Claim(tmp_path / "var")
    assert not second.is_new
    second.clear()
    assert second.is_new
    assert sorted(path.name for path in made.directory.iterdir()) == [MARK, "notes.txt"]
    second.release()


def test_a_kept_world_goes_on(tmp_path: Path) -> None:
    first = Claim(tmp_path / "var")
    assert first.is_new
    write_private(first.files.env, "PORT=1\n")
    first.release()
    second = Claim(tmp_path / "var")
    assert not second.is_new
    assert second.files.env.read_text() == "PORT=1\n"
    second.release()


def test_a_link_out_of_the_world_is_removed_but_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    first = Claim(tmp_path / "var")
    first.files.log.symlink_to(outside)
    first.release()
    second = Claim(tmp_path / "var")
    second.clear()
    second.release()
    assert (outside / "kept").exists()
    assert not first.files.log.is_symlink()


def test_two_runs_cannot_share_a_world(tmp_path: Path) -> None:
    first = Claim(tmp_path / "var")
    write_private(first.files.env, "PORT=1\n")
    with pytest.raises(TroubleError, match="Another run uses"):
        Claim(tmp_path / "var")
    assert first.files.env.exists()
    first.release()


def test_secrets_are_fresh_and_private(tmp_path: Path) -> None:
    one, two = new_secrets(), new_secrets()
    assert set(one) == set(SECRETS)
    assert not set(one.values()) & set(two.values())
    path = tmp_path / "world.env"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, env_text(one))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"DIGEST_KEYS={one['DIGEST_KEYS']}\n" in path.read_text()


def test_free_ports_are_chosen_and_differ() -> None:
    chosen = FREE.chosen()
    numbers = {chosen.web, chosen.drchrono, chosen.oncall, chosen.ops}
    assert len(numbers - {0}) == 4


OPTIONS = ["--port", "--drchrono-port", "--oncall-port", "--ops-port"]


@pytest.mark.parametrize("option", OPTIONS)
def test_a_port_that_is_taken_is_told_with_its_option(option: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        ports = Ports(*(taken if one == option else 0 for one in OPTIONS))
        with pytest.raises(TroubleError, match=rf"Port {taken} is taken .* with {option}\."):
            ports.chosen()
