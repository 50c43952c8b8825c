"""Send forged deliveries, so many a second, until told to stop.

A process of its own, `python -m chaos.attacker`, so that it takes nothing from who plays staff. It
reads the sandbox's state as somebody who listens would have seen it, and changes nothing there.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import requests

from chaos.forging import Forged, Forger
from cli.output import TroubleError
from cli.world.sandbox_control import SandboxControl

SEE_SECONDS = 3.0
HANDS = 8
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the attacker knows and where they strike; `rate` is calls a second."""

    door: str
    drchrono_secret: str
    oncall_token: str
    drchrono_url: str
    oncall_url: str
    strangers: list[str]
    seed: int
    rate: float


class Attacker:
    """The process, from outside."""

    def __init__(self, knowledge: Knowledge, directory: Path) -> None:
        self._told = directory / "attacker.json"
        self._log = (directory / "attacker.log").open("wb")
        # By its environment: the arguments of a process are anybody's to read.
        environment = {**os.environ, "ATTACKER": json.dumps(asdict(knowledge))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chaos.attacker", str(self._told)],
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def end(self) -> Counter[str]:
        """End it; how many calls got which answer (a status, or "none")."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE + 5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()
        if not self._told.exists():
            return Counter()
        return Counter(json.loads(self._told.read_text()))


class _Sender:
    """Sends forged calls over connections of its own, and counts the answers."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._local = threading.local()
        self._lock = threading.Lock()
        self.answers: Counter[str] = Counter()

    def send(self, forged: Forged) -> None:
        answer = "none"
        try:
            answer = str(self._post(forged).status_code)
        except requests.RequestException:
            self._local.http = None  # the door is away: others break that on purpose
        with self._lock:
            self.answers[answer] += 1

    def _post(self, forged: Forged) -> requests.Response:
        known = self._knowledge
        http: requests.Session | None = getattr(self._local, "http", None)
        if http is None:
            http = self._local.http = requests.Session()
            http.trust_env = False
        headers = {"Content-Type": "application/json"}
        path = f"/webhooks/oncall/{known.oncall_token}"
        if forged.remote == "drchrono":
            path = "/webhooks/drchrono"
            headers |= {
                "X-drchrono-signature": known.drchrono_secret,
                "X-drchrono-event": forged.event,
            }
        body = forged.body.encode("utf-8", "surrogatepass")
        return http.post(f"{known.door}{path}", data=body, headers=headers, timeout=PATIENCE)


def main() -> None:
    """Strike until SIGTERM, then write down what was answered."""
    knowledge = Knowledge(**json.loads(os.environ["ATTACKER"]))
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    chance = random.Random(knowledge.seed)
    forger = Forger(chance, knowledge.strangers)
    control = SandboxControl(knowledge.drchrono_url, knowledge.oncall_url)
    sender = _Sender(knowledge)
    looked = 0.0
    due = time.monotonic()
    with ThreadPoolExecutor(HANDS) as hands:
        while not ending.is_set():
            if time.monotonic() - looked > SEE_SECONDS:
                looked = time.monotonic()
                _look(control, forger)
            hands.submit(sender.send, forger.one())
            due = max(due + chance.expovariate(knowledge.rate), time.monotonic() - 1)
            ending.wait(max(0.0, due - time.monotonic()))
        hands.shutdown(cancel_futures=True)
    Path(sys.argv[1]).write_text(json.dumps(sender.answers))


def _look(control: SandboxControl, forger: Forger) -> None:
    try:
        seen = {remote: control.state(remote)["objects"] for remote in ("drchrono", "oncall")}
    except (requests.RequestException, TroubleError):
        return
    forger.see(seen)


if __name__ == "__main__":
    main()
