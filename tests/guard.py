"""Ends what a test process started when that process is killed and can't do it itself.

PostgreSQL is a daemon, and a child outlives its parent: whoever ended the suite by SIGTERM had to
look for them.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

# The kernel closes the pipe of a process that is gone, however it went.
_WAIT = 'read -r _ || exec "$@"'


@contextmanager
def should_we_die(*command: str) -> Iterator[None]:
    """Have a command run if this process ends before the block does."""
    guard = subprocess.Popen(
        ["/bin/sh", "-c", _WAIT, "guard", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a signal to the suite's group is not meant for it
    )
    try:
        yield
    finally:
        guard.communicate(b"all is well\n")
