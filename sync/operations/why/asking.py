"""Ask a system about one object, at most once each, and note why it could not be asked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from sync.core.errors import (
    AuthFailed,
    Deferred,
    Gone,
    NotBefore,
    Refused,
    RemoteError,
    Throttled,
    WrongAccount,
)
from sync.core.wire import MalformedError
from sync.core.wording import Json
from sync.operations.why.facts import Read, Trouble
from sync.outbound.ticket import Ticket
from sync.run.evidence import accounts
from sync.runtime import Sync
from sync.store.lanes import Lane

System = Literal["drchrono", "oncall"]
Record = dict[str, Json]
_OF_THE_TOKEN: Final = frozenset({"not_connected", "token_lost", "connected_elsewhere"})


@dataclass
class Asker:
    """Makes the reads of one answer, in the lane of people who wait for it.

    A system that could not be asked is not asked again for the same answer. What is denied while an
    account is not the pinned one is no answer, so nothing is asked then (docs/rules.md, R26).
    """

    sync: Sync
    troubles: dict[str, Trouble] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note the systems whose account is wrong."""
        with self.sync.store.read() as conn:
            for system in accounts.wrong(conn, self.sync):
                self.troubles[system] = Trouble(system, "wrong_account")

    @property
    def ticket(self) -> Ticket:
        """The ticket of a read that belongs to no run."""
        return self.sync.task_ticket(Lane.LIVE)

    @property
    def trouble(self) -> Trouble | None:
        """Why a system could not be asked; None when each was, or none had to be."""
        return next(iter(self.troubles.values()), None)

    def appointment(
        self, system: System, remote_id: str, doctor: str | None = None
    ) -> tuple[Read, Record]:
        """A visit of one system as it is now: one call, one more where it is denied.

        `doctor` is whose appointment it is, as far as is known: a 404 can mean that the account
        does not see that doctor's (docs/api-facts.md, D8).
        """
        client = self.sync.drchrono if system == "drchrono" else self.sync.oncall
        return self._read(system, lambda one: client.get_appointment(one, remote_id), doctor)

    def patient(self, remote_id: str) -> tuple[Read, Record]:
        """A chart as it is now: one call, one more where it is denied."""
        client = self.sync.drchrono
        return self._read("drchrono", lambda one: client.get_patient(one, remote_id), None)

    def _read(
        self, system: System, call: Callable[[Ticket], Record], doctor: str | None
    ) -> tuple[Read, Record]:
        if system in self.troubles:
            return Read.FAILED, {}
        began = self.sync.clock()
        try:
            return Read.SHOWN, call(self.ticket)
        except Gone:
            return self._denied(system, doctor, began)
        except Refused as refusal:
            if refusal.code == "forbidden":
                return Read.FORBIDDEN, {}
            return self._failed(system, "system_down")
        except MalformedError:
            return self._failed(system, "malformed")
        except RemoteError as failure:
            return self._failed(system, *cause_of(failure))

    def _denied(self, system: System, doctor: str | None, began: datetime) -> tuple[Read, Record]:
        try:
            if system == "drchrono":
                accounts.require_sight(self.sync, doctor, began)
            else:
                accounts.require(self.sync, system, began)
        except RemoteError as failure:
            return self._failed(system, *cause_of(failure))
        return Read.DENIED, {}

    def _failed(
        self, system: System, cause: str, until: datetime | None = None
    ) -> tuple[Read, Record]:
        self.troubles[system] = Trouble(system, cause, until)
        return Read.FAILED, {}


@dataclass
class Listed(Asker):
    """Asks nothing: a list has shown these appointments of DrChrono's, by id."""

    shown: dict[str, Record] = field(default_factory=dict)

    def appointment(
        self, system: System, remote_id: str, doctor: str | None = None
    ) -> tuple[Read, Record]:
        """The appointment as the list shows it."""
        del doctor
        found = self.shown.get(remote_id) if system == "drchrono" else None
        return (Read.NOT_ASKED, {}) if found is None else (Read.SHOWN, found)

    def patient(self, remote_id: str) -> tuple[Read, Record]:
        """No chart."""
        del remote_id
        return Read.NOT_ASKED, {}


def cause_of(failure: RemoteError) -> tuple[str, datetime | None]:
    """The cause of an answer for a system that could not be asked, and until when."""
    match failure:
        case WrongAccount():
            return failure.code, None  # wrong_account, or doctor_unseen
        case Throttled() | Deferred(code="budget"):
            return "waits_for_budget", failure.until
        case NotBefore():
            return "system_down", failure.until
        case AuthFailed():
            return (failure.code if failure.code in _OF_THE_TOKEN else "auth"), None
        case _:
            return "system_down", None
