"""Say what of the extra `local` is missing, before `run` or `demo` starts anything.

An installation for a server leaves it out: the looks (rich), the sandbox, and where its wheel
exists the embedded Redis.
"""

from importlib.util import find_spec

from cli.output import TroubleError

_PARTS = ("rich", "sandbox")


def needed() -> None:
    """Return when `run` and `demo` can work here. Raises TroubleError that says how to get it."""
    missing = [name for name in _PARTS if find_spec(name) is None]
    if missing:
        raise TroubleError(
            "`run` and `demo` need what an installation for a server leaves out "
            f"({', '.join(missing)}): in a clone of the project say `make install`, or "
            "`pip install '.[local]'`."
        )
