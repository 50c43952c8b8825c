"""Make a whole world on one machine: sandbox, service, and what connects the two.

The steps are those of a real installation, done over the same doors: OAuth through the browser's
addresses, webhooks through the handshake, the mapping as `mapping suggest` writes it. Only what the
vendors' people would do is done by the sandbox's control API.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from sqlalchemy.exc import SQLAlchemyError

from cli.environment import read_env_file, without_settings
from cli.output import TroubleError
from cli.world import embedded
from cli.world.options import AS_IT_SHIPS, NotSettledError, WorldOptions
from cli.world.ports import HOST
from cli.world.sandbox_control import SandboxControl
from cli.world.supervisor import Process, ProcessStatus, Supervisor
from cli.world.what_to_try import own_command, what_to_try
from cli.world.world_files import SECRETS, Claim, env_text, new_secrets, write_private
from sync.settings_read import given, missing_settings
from sync.store.tables import scans, work

if TYPE_CHECKING:
    from sync.runtime import Sync

# Settings of the caller's environment that a world takes over; everything else it makes itself.
TAKEN_OVER = ("LOG_LEVEL",)
LOOK_SECONDS = 0.3
QUIET_LOOKS = 4  # an echo takes longer than one look to come back
ONCALL_USER = "oncall"  # of the Basic credentials; any user will do
# What the beat reads through once before all that was there is known (sync.tasks.schedule).
FIRST_SCANS = frozenset(
    {
        "matching",
        *("drchrono_appointments", "drchrono_patients", "drchrono_window"),
        *("oncall_newest", "oncall_walk", "oncall_contacts"),
    }
)


class World:
    """Sandbox, Redis, web, workers and beat in one directory; everything stops with the context.

    Entering it starts and connects everything; `settle` waits until what is there is synced.
    `say` is told each step. Raises TroubleError and StartError with what to do.
    """

    def __init__(
        self,
        directory: Path,
        options: WorldOptions = AS_IT_SHIPS,
        *,
        say: Callable[[str], None] = lambda _text: None,
        on_change: Callable[[ProcessStatus], None] | None = None,
    ) -> None:
        self._claim = Claim(directory)
        try:
            self.ports = options.ports.chosen()
            self._make_room(keep=options.keep)
        except BaseException:
            self._claim.release()
            raise
        self.files = self._claim.files
        self.options = options
        self.public_url = f"http://{HOST}:{self.ports.web}"
        self.ops_url = f"http://{HOST}:{self.ports.ops}"
        self.control = SandboxControl(
            f"http://{HOST}:{self.ports.drchrono}", f"http://{HOST}:{self.ports.oncall}"
        )
        self.supervisor = Supervisor(log_dir=self.files.log, on_change=on_change)
        self.environment: dict[str, str] = {}
        self._say = say
        self._sync: Sync | None = None

    def __enter__(self) -> "World":
        try:
            self.start()
            self.connect()
            self.register()
            self.work()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def sync(self) -> "Sync":
        """The engine of this world, in this process; there after `start`."""
        if self._sync is None:
            raise RuntimeError("the world is not started")
        return self._sync

    def statuses(self) -> list[ProcessStatus]:
        """The processes in the order they were started.

        Raises StartError when one of them does not start any more.
        """
        self.supervisor.check()
        return self.supervisor.statuses()

    # --- the steps --------------------------------------------------------------------------------

    def start(self) -> None:
        """Redis, the sandbox, the database and the web process."""
        redis_url = os.environ.get("REDIS_URL") or self._start_redis()
        # Of an address from outside nothing is shown: it holds a password.
        self._say("Redis of REDIS_URL" if os.environ.get("REDIS_URL") else f"Redis at {redis_url}")
        self._start_sandbox()
        self._say(f"DrChrono's sandbox at {self.control.drchrono_url}")
        self._say(f"OnCall's sandbox at {self.control.oncall_url}")
        self.environment = self._new_environment(redis_url)
        write_private(self.files.env, env_text(self.environment))
        self._open_sync()
        self._start("web", "web", ready=lambda: _answers(f"{self.public_url}/readyz"))
        self._say(f"Service at {self.public_url}, operations at {self.ops_url}")

    def connect(self) -> None:
        """Attach the DrChrono account by OAuth, and write the mapping; a kept world has both."""
        from cli.world.seed_mapping import decided
        from sync.drchrono.keeper import ConnectionState
        from sync.setup.connect import new_ticket, start_address
        from sync.setup.mapping_edit.gathered import gather

        if self.sync.keeper.status().state is not ConnectionState.GOOD:
            self.control.allow(start_address(self.sync, new_ticket(self.sync)))
        self._say("DrChrono account connected (OAuth)")
        if not self.files.mapping.exists():
            practice = gather(self.sync)
            write_private(self.files.mapping, decided(practice.suggestion(), practice))
        self._say(f"Mapping of {len(self.sync.mapping.doctors)} doctors in {self.files.mapping}")

    def register(self) -> None:
        """Register both webhooks, as the vendors' people do on their pages."""
        secret = self.environment["DRCHRONO_WEBHOOK_SECRETS"]
        self.control.register_webhook(
            "drchrono",
            {"callback_url": f"{self.public_url}/webhooks/drchrono", "secret_token": secret},
        )
        token = self.environment["ONCALL_WEBHOOK_TOKENS"]
        self.control.register_webhook(
            "oncall",
            {"callback_url": f"{self.public_url}/webhooks/oncall", "basic": [ONCALL_USER, token]},
        )
        self._say("Webhooks registered on both sides (handshake done)")
        pages = {"patient": "patient", "clinical_note": "clinical-note"}
        framed = {name: f"{self.public_url}/iframe/{page}" for name, page in pages.items()}
        self.control.command("drchrono", "frames", {**framed, "shown": True})

    def work(self) -> None:
        """Start the workers and the beats."""
        for number in range(1, self.options.workers + 1):
            self._start(f"worker-{number}", "worker", ready=self._heard(f"worker-{number}"))
        for number in range(1, self.options.beats + 1):
            name = "beat" if number == 1 else f"beat-{number}"
            self._start(name, "beat", ready=self._heard(name))

    def settle(
        self,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
        seconds: float = 300,
    ) -> None:
        """Wait until what is there is synced: the first scans are done and nothing waits.

        `progress` is told how many items are done, of how many. Raises NotSettledError when that
        takes longer than `seconds`.
        """
        end = time.monotonic() + seconds
        most = quiet = 0
        while quiet < QUIET_LOOKS:
            waiting = self.waiting()
            most = max(most, waiting)
            progress(most - waiting, most)
            quiet = quiet + 1 if waiting == 0 and self._scanned() else 0
            if time.monotonic() > end:
                raise NotSettledError(
                    f"{waiting} items still wait after {seconds:.0f} s. Look at: "
                    f"drchrono-oncall --env {self.files.env} status"
                )
            time.sleep(LOOK_SECONDS)

    def waiting(self) -> int:
        """How many visits and people are still to be looked at."""
        from sync.operations.status import overview

        return sum(waiting for _, waiting, _ in overview(self.sync).lanes)

    def kill_worker_at_work(self) -> str:
        """SIGKILL the worker that holds a lease now, as a crash would; returns its name.

        Raises TroubleError when none does.
        """
        with self.sync.store.read() as conn:
            pids = {holder.rpartition(":")[2] for holder in work.holders(conn)}
        for status in self.statuses():
            if str(status.pid) in pids:
                self.supervisor.kill(status.name)
                return status.name
        raise TroubleError("No worker is at work.")

    def stop(self) -> None:
        """Stop everything this world started, within 10 seconds."""
        self.supervisor.stop()
        if self._sync is not None:
            self._sync.close()
        self.control.close()
        self._claim.release()

    def what_to_try(self) -> str:
        """The addresses, and commands to paste, for the person who started it."""
        return what_to_try(
            self.control.state("drchrono"),
            service=self.public_url,
            ops=f"{self.ops_url}/ops/link?key={self._link()}",
            drchrono=self.control.drchrono_url,
            oncall=self.control.oncall_url,
            staff=self.control.staff_token("drchrono"),
            command=f"{own_command()} --env {self.files.env}",
            log=self.files.log,
        )

    def _link(self) -> str:
        """The secret that signs the person who started it in, once."""
        from sync.operations import operators

        return operators.new_link(self.sync, "newcomer", operators.Role.ADMIN)

    # --- parts ------------------------------------------------------------------------------------

    def _make_room(self, *, keep: bool) -> None:
        if not keep:
            self._claim.clear()
        elif not self._claim.is_new and not self._claim.can_go_on:
            # Going on against a clinic that has forgotten everything would look like a mass
            # deletion in both systems.
            raise TroubleError(
                f"The clinic of the old world ({self._claim.files.sandbox_state}) is not there, so "
                "that world can't go on: run without --keep."
            )

    def _start_redis(self) -> str:
        try:
            argv = embedded.argv(self.files.redis)
        except embedded.NoEmbeddedRedisError as error:
            raise TroubleError(str(error)) from None
        url = embedded.url(self.files.redis)
        bare = without_settings(os.environ)
        self.supervisor.start(Process("redis", argv, bare, ready=lambda: embedded.answers(url)))
        return url

    def _start_sandbox(self) -> None:
        ports = self.ports
        argv = (
            *(sys.executable, "-m", "sandbox", "--host", HOST, "--seed", self.options.seed),
            *("--drchrono-port", str(ports.drchrono), "--oncall-port", str(ports.oncall)),
            *(("--state-file", str(self.files.sandbox_state)) if self.options.saved else ()),
        )
        bare = _python_environment(without_settings(os.environ))
        self.supervisor.start(
            Process("sandbox", argv, bare, ready=self.control.is_up, cwd=self.files.directory)
        )

    def _new_environment(self, redis_url: str) -> dict[str, str]:
        """Every setting of this world; a kept one keeps its secrets."""
        old = {} if self._claim.is_new else read_env_file(self.files.env)
        drchrono = self.control.state("drchrono")["credentials"]
        oncall = self.control.state("oncall")["credentials"]
        taken = {name: os.environ[name] for name in TAKEN_OVER if os.environ.get(name)}
        return {
            **new_secrets(),
            **{name: old[name] for name in SECRETS if name in old},
            **taken,
            "PUBLIC_URL": self.public_url,
            "PORT": str(self.ports.web),
            "OPS_PORT": str(self.ports.ops),
            "DATABASE_URL": self.files.database_url,
            # A world is a trial: where it runs on a platform, it may be lost with its disk.
            "PERSISTENT_DISK": "yes",
            "REDIS_URL": redis_url,
            "MAPPING_FILE": str(self.files.mapping),
            "SYNC_MODE": "live",
            "GO_LIVE": "auto",
            "DRCHRONO_BASE_URL": self.control.drchrono_url,
            "DRCHRONO_CLIENT_ID": drchrono["client_id"],
            "DRCHRONO_CLIENT_SECRET": drchrono["client_secret"],
            "ONCALL_BASE_URL": self.control.oncall_url,
            "ONCALL_KEY": oncall["keys"]["app"],
            **self.options.settings,
        }

    def _open_sync(self) -> None:
        from sync.assemble import build

        settings = given({name.lower(): value for name, value in self.environment.items()})
        missing = missing_settings(settings)
        if missing:
            raise TroubleError(missing)
        self._sync = build(settings, owner=f"run-{os.getpid()}")
        self._sync.store.migrate()

    def _start(self, name: str, command: str, ready: Callable[[], bool]) -> None:
        argv = (sys.executable, "-m", "cli.main", command)
        environment = _python_environment({**without_settings(os.environ), **self.environment})
        # The world's directory has no .env, so nothing but this environment counts.
        self.supervisor.start(Process(name, argv, environment, ready, self.files.directory))

    def _scanned(self) -> bool:
        """Whether every scan has been through once."""
        with self.sync.store.read() as conn:
            return scans.ever_done(conn) >= FIRST_SCANS

    def _heard(self, name: str) -> Callable[[], bool]:
        """Whether a process has written its heartbeat; a kept world holds those of the last run."""
        from sync.store.tables import journal

        def heard() -> bool:
            pid = next(status.pid for status in self.statuses() if status.name == name)
            since = self.sync.clock() - timedelta(seconds=60)
            try:
                with self.sync.store.read() as conn:
                    return any(who.endswith(f":{pid}") for who, _, _ in journal.heard(conn, since))
            except SQLAlchemyError:
                return False  # the database is away: whoever supervises must not die of that

        return heard


def _python_environment(environment: Mapping[str, str]) -> dict[str, str]:
    # Lines reach the log as they are written; the working directory is no place for modules; and
    # glibc gives threads, of which one runs Python at a time, no heap of half a MB each, as in the
    # image.
    return {"MALLOC_ARENA_MAX": "2", **environment, "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False
