"""Another Redis is the primary by now: rings go there within seconds; what is wrong is named."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from sync import redis_server
from sync.store.database import Store
from sync.store.lanes import Lane
from tests.integration.conftest import RedisServer
from tests.integration.workers.test_beat import PROGRAM as BEAT
from tests.integration.workers.test_entry import PROGRAM as WORKER
from tests.support.servers.forwarder import Forwarder, unix
from tests.support.servers.processes import Process, environment, soon
from workers.bell import Bell


class Pair:
    """Two Redis and one name for the primary of them."""

    def __init__(self, home: Path) -> None:
        self.servers = [RedisServer(home / name) for name in "ab"]
        for server in self.servers:
            server._home.mkdir()
            server.start()
        self.a, self.b = (redis.Redis.from_url(server.url) for server in self.servers)
        self.name = Forwarder(unix(self.servers[0].url.removeprefix("unix://")))
        self.url = f"redis://127.0.0.1:{self.name.port}/0"

    def demote(self) -> None:
        """A becomes a replica; whoever is connected to it stays so."""
        self.a.execute_command("REPLICAOF", "127.0.0.1", "1")

    def switch(self) -> None:
        """The name leads to B."""
        self.name.to = unix(self.servers[1].url.removeprefix("unix://"))

    def close(self) -> None:
        self.name.close()
        for client in (self.a, self.b):
            client.close()
        for server in self.servers:
            server.stop()


@pytest.fixture
def pair(short_home: Path) -> Iterator[Pair]:
    made = Pair(short_home)
    yield made
    made.close()


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Store]:
    store = Store(sqlite_url)
    store.migrate()
    yield store
    store.close()


def test_a_bell_rings_at_the_new_primary(pair: Pair) -> None:
    bell = Bell(pair.url)
    assert bell.ring([(1, Lane.LIVE)])
    pair.demote()
    assert pair.a.ping()  # which is no proof
    assert not bell.ring([(2, Lane.LIVE)])
    assert bell.trouble() == (
        "it takes no writes: it is a replica by now. "
        "It goes on by itself when REDIS_URL leads to a primary again."
    )
    pair.switch()
    assert bell.ring([(3, Lane.LIVE)])
    assert bell.trouble() is None
    queue = Queue("live", connection=pair.b, serializer=JSONSerializer)
    assert [job.args for job in queue.jobs] == [[3]]
    bell.close()


def test_worker_and_beat_go_on_at_the_new_primary(
    pair: Pair, database: Store, tmp_path: Path
) -> None:
    env = environment(pair.url, database.url)
    sweep = "    return ((count, Lane.LIVE),)"
    worker = Process(
        [sys.executable, "-c", WORKER.format(body="    pass", before="")], env, tmp_path
    )
    beat = Process([sys.executable, "-c", BEAT.format(sweep=sweep, before="")], env, tmp_path)
    try:
        worker.wait_for("done")
        pair.demote()
        # A connection that breaks just then is told first.
        assert "waiting for it" in json.loads(worker.wait_for("it is a replica by now"))["event"]
        assert "bell" in json.loads(beat.wait_for("it is a replica by now"))["event"]
        time.sleep(5)  # it is left so: how much is said of it meanwhile is what is looked at
        pair.switch()
        begun, before = time.monotonic(), len(worker.said)
        worker.wait_for("done")
        assert time.monotonic() - begun < 15
        assert len(worker.said) - before < 15
        beat.wait_for("the bell is heard again")
        assert sum("the bell was not heard" in line for line in beat.said) <= 2
    finally:
        worker.close()
        beat.close()


REFUSALS = {
    "memory": ("config set maxmemory 1", "config set maxmemory 0", "its memory is full"),
    "replicas": ("config set min-replicas-to-write 3", "config set min-replicas-to-write 0",
                 "too few replicas"),
    "primary": ("replicaof 127.0.0.1 1 | config set replica-serve-stale-data no",
                "replicaof no one", "replica"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_worker_waits_between_tries_whatever_is_refused(
    own_redis: RedisServer, database: Store, tmp_path: Path, kind: str
) -> None:
    refuse, allow, words = REFUSALS[kind]
    own_redis.start()
    env = environment(own_redis.url, database.url)
    worker = Process(
        [sys.executable, "-c", WORKER.format(body="    pass", before="")], env, tmp_path
    )
    with redis.Redis.from_url(own_redis.url) as client:
        bell = Bell(own_redis.url)
        bell.ring([(1, Lane.LIVE)])
        worker.wait_for("done 1")
        for line in refuse.split(" | "):
            client.execute_command(*line.split())
        # Before that, it may also tell that its connection was closed.
        assert "waiting for it" in json.loads(worker.wait_for(words))["event"]
        soon(lambda: words in (bell.trouble() or ""))
        time.sleep(4)
        client.execute_command(*allow.split())
        before = len(worker.said)
        soon(lambda: bell.ring([(2, Lane.LIVE)]))
        worker.wait_for("done 2")
        assert len(worker.said) - before < 15
        bell.close()
    worker.close()


# --- words and addresses --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (redis.ReadOnlyError("You can't write against a read only replica."), "replica"),
        (redis.ResponseError("MASTERDOWN Link with MASTER is down"), "lost its primary"),
        (redis.exceptions.BusyLoadingError("Redis is loading the dataset"), "loading"),
        (redis.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "memory"),
        (redis.ResponseError("NOREPLICAS Not enough good replicas to write."), "too few replicas"),
        (redis.ResponseError("MISCONF Redis is configured to save RDB snapshots"), "its disk"),
        (redis.ResponseError("UNBLOCKED force unblock, instance state changed"), "replica"),
        (redis.ConnectionError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), "not trusted"),
        (redis.ConnectionError("[SSL: WRONG_VERSION_NUMBER] wrong version"), "TLS"),
        (redis.AuthenticationError("invalid username-password pair"), "not taken"),
        (redis.TimeoutError("planted"), "in time"),
        (redis.ConnectionError("Error 111 connecting to planted:1"), "does not answer"),
        (redis.ResponseError("planted"), "it refused (ResponseError)"),
    ],
)
def test_a_refusal_is_told_in_our_words(error: Exception, words: str) -> None:
    told = str(redis_server.why(error))
    assert words in told
    assert "planted" not in told


@pytest.mark.parametrize(
    "url",
    [
        *("", "unix:///run/redis.sock", "redis://localhost", "redis://127.0.0.1:6379/0"),
        *("redis://[::1]:6379", "redis://:pw@10.0.0.5:6379", "rediss://user:pw@redis.example"),
        *("redis://10.0.0.5?password=pw", "rediss://redis.example?ssl_certfile=/c&ssl_keyfile=/k"),
    ],
)
def test_what_nobody_else_reaches_may_be_used(url: str) -> None:
    assert redis_server.refusal(url) is None


@pytest.mark.parametrize(
    "url",
    [
        *("redis://10.0.0.5:6379", "redis://redis:6379/0", "rediss://redis.example:6380"),
        *("redis://user@redis.example", "redis://:@redis.example", "redis://[fd00::1]:6379"),
    ],
)
@pytest.mark.parametrize("role", ["worker", "beat", "web"])
def test_a_process_does_not_start_on_an_open_redis(
    url: str, role: str, sqlite_url: str, tmp_path: Path
) -> None:
    if role != "web" and url != "redis://redis:6379/0":
        assert "requirepass" in (redis_server.refusal(url) or "")
        return  # the rule is one, each process is started once
    code = {
        "worker": "from workers import entry; entry.main()",
        "beat": "from workers import beat; beat.main()",
        "web": "from service.server import gunicorn_conf",
    }[role]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(url, sqlite_url),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("REDIS_URL leads to another host without a password")


def test_an_open_redis_is_found_by_its_effect(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_redis.start()
    name = Forwarder(unix(own_redis.url.removeprefix("unix://")))
    monkeypatch.setattr(redis_server, "_is_loopback", lambda _host: False)
    url = f"redis://:pw@127.0.0.1:{name.port}"
    assert redis_server.is_open(url)
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("requirepass", "pw")
        assert not redis_server.is_open(url)
    name.close()
