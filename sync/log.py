"""Write log lines: JSON on one line, keys from a list, plain values.

Nothing personal is ever logged (docs/architecture.md, invariant 5). A key that is not on the list
keeps its name and loses its value, so that a slip in a call is seen and tells nothing. Lines of
libraries are cut to their template, as their arguments can be addresses with tokens; exceptions are
cut to their type and place, as their texts can quote the value that was handled.
"""

import logging
import sys
import threading
from collections.abc import MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog

_DROPPED = "[dropped]"
_WITHHELD = "[withheld]"
_LONGEST = 200
_OURS = Path(__file__).resolve().parent.parent
_ROOMS = ("cli", "sandbox", "service", "sync", "workers")

ALLOWED = frozenset(
    {
        # written by this module
        *("event", "level", "timestamp", "logger", "error", "place"),
        # which process and which piece of work
        *("process", "role", "request_id", "task", "aggregate", "lane", "fence", "attempts"),
        # one HTTP request, ours or theirs; a route is the pattern, never the path
        *("method", "route", "status", "seconds", "system", "endpoint", "call_id", "fields"),
        # results
        *("source", "outcome", "reason", "kind", "count", "effect", "mode", "host", "port"),
        *("object", "generation", "until", "version", "signal"),
        # the end of the audit
        *("seq", "mac"),
    }
)

_Event = MutableMapping[str, Any]


def configure(level: str = "INFO", *, role: str = "", stream: TextIO | None = None) -> None:
    """Send every log line of this process to one place as JSON.

    Arguments: the lowest level that is shown ("DEBUG" to "CRITICAL"); the process's role, put in
    each line; the stream (standard output unless told). Uncaught exceptions of the process and of
    its threads are logged as type and place too. May be called again.
    """
    out = stream or sys.stdout
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.contextvars.clear_contextvars()
    shared = {"role": role} if role else {}
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _with(shared),
            _stamp,
            _exception_cut,
            _allow_listed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(_LibraryLine(shared))
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def place(error: BaseException) -> str:
    """Where an exception was raised, as `module:function:line`: the innermost frame of ours."""
    found = outer = "unknown"
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        path = Path(code.co_filename)
        outer = f"{path.stem}:{code.co_name}:{trace.tb_lineno}"
        if path.is_relative_to(_OURS) and path.relative_to(_OURS).parts[0] in _ROOMS:
            module = ".".join(path.relative_to(_OURS).with_suffix("").parts)
            found = f"{module}:{code.co_name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found if found != "unknown" else outer


def cause(error: BaseException) -> dict[str, str]:
    """The keys that tell of an exception without its text: `log.error("…", **cause(error))`."""
    return {"error": type(error).__name__, "place": place(error)}


def _with(shared: dict[str, str]) -> structlog.typing.Processor:
    def add(_logger: Any, _name: str, event: _Event) -> _Event:
        for key, value in shared.items():
            event.setdefault(key, value)
        return event

    return add


def _stamp(_logger: Any, _name: str, event: _Event) -> _Event:
    event["timestamp"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    return event


def _exception_cut(_logger: Any, _name: str, event: _Event) -> _Event:
    told = event.pop("exc_info", None)
    error = told if isinstance(told, BaseException) else sys.exception() if told else None
    if error is not None:
        event.update(cause(error))
    return event


def _allow_listed(_logger: Any, _name: str, event: _Event) -> _Event:
    return {key: _plain(value) if key in ALLOWED else _DROPPED for key, value in event.items()}


def _plain(value: Any) -> Any:
    """Numbers, words, times, and short lists of words; nothing that could carry a record."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value[:_LONGEST]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list) and all(isinstance(part, str) for part in value):
        return [part[:_LONGEST] for part in value]
    return _DROPPED


class _LibraryLine(logging.Formatter):
    """A library's record as our JSON line: its template, never its arguments."""

    def __init__(self, shared: dict[str, str]) -> None:
        super().__init__()
        self._shared = shared
        self._render = structlog.processors.JSONRenderer()

    def format(self, record: logging.LogRecord) -> str:
        # A message without arguments may have been put together by its caller: it is not shown.
        event: _Event = {
            "event": str(record.msg)[:_LONGEST] if record.args else _WITHHELD,
            "level": record.levelname.lower(),
            "logger": record.name,
            "place": f"{record.module}:{record.funcName}:{record.lineno}",
            **self._shared,
        }
        if record.exc_info and record.exc_info[1] is not None:
            event.update(cause(record.exc_info[1]))
        return str(self._render(None, "", _stamp(None, "", event)))


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger().critical("the process ends on an error", **cause(error))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None and not isinstance(told.exc_value, SystemExit):
        structlog.get_logger().critical("a thread ends on an error", **cause(told.exc_value))
