"""Log what gunicorn says, without the arguments that may tell of a caller.

Its lines name processes, exit codes and signals, which an operator needs; others quote a request
line with its token, or an exception's text with a piece of DATABASE_URL in it.
"""

import logging
import re
import sys
from typing import Any, Final

from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from structlog import get_logger

from sync import log
from sync.settings_read import load_settings

_PLAIN: Final = re.compile(r"[A-Za-z ,.'-]{1,100}")
_TOLD: Final = re.compile(
    r"(SIG)?(ABRT|BUS|FPE|HUP|ILL|INT|KILL|QUIT|SEGV|TERM|USR[12]|WINCH)"
    r"|\('[0-9a-f.:]*', \d{1,5}\)"  # where it listens
    r"|(Worker|App) failed to (boot|load)\.|Master|"
)
_WITHHELD: Final = "[withheld]"


class QuietLogger(Logger):  # type: ignore[misc]
    """Gunicorn's lines through our log; it keeps no access log, the app writes one."""

    def setup(self, cfg: Any) -> None:
        """Make no handlers of gunicorn's."""
        self.cfg = cfg
        log.configure(load_settings().log_level, role="web")
        self.error_log.setLevel(logging.WARNING)
        self.error_log.propagate = True

    def critical(self, msg: Any, *args: Any, **told: Any) -> None:
        """Say it as critical."""
        _say("critical", msg, args, told)

    def error(self, msg: Any, *args: Any, **told: Any) -> None:
        """Say it as an error."""
        _say("error", msg, args, told)

    def warning(self, msg: Any, *args: Any, **told: Any) -> None:
        """Say it as a warning."""
        _say("warning", msg, args, told)

    def exception(self, msg: Any, *args: Any, **told: Any) -> None:
        """Say it as an error, with the exception's type and place."""
        _say("error", msg, args, {"exc_info": True} | told)

    def info(self, msg: Any, *args: Any, **told: Any) -> None:
        """Say nothing: each worker's coming and going is not news."""

    debug = info

    def log(self, lvl: Any, msg: Any, *args: Any, **told: Any) -> None:
        """Say it if it is a warning or worse."""
        number = self.LOG_LEVELS.get(lvl.lower(), 0) if isinstance(lvl, str) else lvl
        if number >= logging.WARNING:
            _say("error" if number >= logging.ERROR else "warning", msg, args, told)


def _say(level: str, msg: Any, args: tuple[Any, ...], told: dict[str, Any]) -> None:
    error = sys.exception() if told.get("exc_info") else None
    cause = log.cause(error) if error is not None else {}
    getattr(get_logger("gunicorn"), level)(said(msg, args), logger="gunicorn.error", **cause)


def said(msg: Any, args: tuple[Any, ...]) -> str:
    """The line with the arguments that may be shown; one put together by its caller may not."""
    if not isinstance(msg, str) or not (args or _PLAIN.fullmatch(msg)):
        return _WITHHELD
    try:
        return msg % tuple(_shown(value) for value in args) if args else msg
    except (TypeError, ValueError):
        return _WITHHELD


def _shown(value: Any) -> Any:
    if isinstance(value, int):
        return value
    text = str(value)
    return text if _TOLD.fullmatch(text) else _WITHHELD
