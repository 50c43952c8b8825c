"""Save the world to a file, so that a later start goes on with it."""

from __future__ import annotations

import json
import os
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sandbox.clock import Clock
    from sandbox.remote import Remote

VERSION = 1
EVERY_SECONDS = 3.0


class StateFile:
    """The file of one world: both remotes and the clock they share.

    It holds tokens and made-up patients, so only its owner can read it.
    """

    def __init__(self, path: Path, clock: Clock, remotes: Sequence[Remote]) -> None:
        self._path = path
        self._clock = clock
        self._remotes = remotes
        self._written = ""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="state-file", daemon=True)

    def read(self) -> bool:
        """Go on with the world of the file; False when there is none.

        Raises ValueError when the file is of another version or was cut short.
        """
        if not self._path.exists():
            return False
        state: Any = json.loads(self._path.read_text(encoding="utf-8"))
        if not isinstance(state, dict) or state.get("version") != VERSION:
            raise ValueError(f"{self._path} was written by another version of the sandbox")
        self._clock.offset = state["offset"]
        for remote in self._remotes:
            remote.restore(state[remote.name])
        return True

    def start(self) -> None:
        """Write the file now and then, where something changed."""
        self._thread.start()

    def stop(self) -> None:
        """Write it for the last time: nothing is answered any more."""
        self._ending.set()
        self._thread.join()
        self.write()

    def write(self) -> None:
        """Write the file, whole or not at all, unless it holds the same already."""
        with ExitStack() as held:
            # Both at once: a change of one world may already be known in the other.
            for remote in self._remotes:
                held.enter_context(remote.lock)
            state = {"version": VERSION, "offset": self._clock.offset}
            # -inf ("always been there", sandbox.tables) in a form that Python alone reads.
            text = json.dumps({**state, **{one.name: one.state() for one in self._remotes}})
        if text == self._written:
            return
        draft = self._path.with_name(self._path.name + ".part")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(self._path)
        self._written = text

    def _run(self) -> None:
        while not self._ending.wait(EVERY_SECONDS):
            self.write()
