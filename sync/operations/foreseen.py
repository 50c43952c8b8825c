"""Say in lines what a run would do now to one thing, or why that can't be told now."""

from typing import Final

from sync.core.causes import table
from sync.core.errors import RemoteError
from sync.mapping import MappingError
from sync.operations.lookup import BusyError, UnknownError
from sync.operations.plan import plan
from sync.operations.why.asking import cause_of
from sync.runtime import Sync

_BUSY: Final = "A worker is at it just now. Ask again in some seconds."
_MAPPING: Final = "The mapping file can't be read: drchrono-oncall mapping check says where."
_NOBODY: Final = "There is nothing of that number."


def lines(sync: Sync, kind: str, object_id: str) -> tuple[str, ...]:
    """What `plan` says, without a value; it reads both systems. Raises SQLAlchemyError."""
    try:
        return tuple(plan(sync, kind, object_id).lines())
    except BusyError:
        return (_BUSY,)
    except UnknownError:
        return (_NOBODY,)
    except MappingError:
        return (_MAPPING,)
    except RemoteError as failure:
        cause, until = cause_of(failure)
        said = table.say(cause).sentence
        return (said if until is None else f"{said} Not before {until:%H:%M} UTC.",)
