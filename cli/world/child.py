"""End a supervised process when its supervisor ends, even if that was killed.

Run as a script before the process's own program takes its place:
`python -I -S child.py SUPERVISOR_PID PROGRAM [ARGUMENT…]`. It is a program of its own because a
`preexec_fn` in a process with threads can deadlock.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # Linux, prctl(2); the setting stays through execve


def bound_to_us(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The command line that runs `argv` as a process which ends with the thread that starts it."""
    return (sys.executable, "-I", "-S", __file__, str(os.getpid()), *argv)


def main() -> None:
    """Ask the kernel for a SIGTERM when the supervisor dies, then become the program."""
    supervisor, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(supervisor):
        sys.exit("the supervisor died while this process was starting")
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
