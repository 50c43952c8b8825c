"""Read from both systems what the proposal of a first mapping file needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sync.oncall.translate import id_from_url
from sync.outbound.pages import Record
from sync.runtime import Sync
from sync.setup.suggest import suggest


@dataclass(frozen=True, slots=True)
class Practice:
    """The clinic's set-up in both systems, as the APIs' own objects; no patient is among them.

    `contact_fields` are OnCall's custom contact fields, {id: label}.
    """

    doctors: list[Record]
    offices: list[Record]
    profiles: list[Record]
    providers: list[Record]
    contact_fields: dict[str, str]

    def suggestion(self) -> str:
        """The text of a first mapping file; what a person must decide is marked in it."""
        return suggest(
            self.doctors, self.offices, self.profiles, self.providers, self.contact_fields
        )


def _at_once(call: Callable[[], Any]) -> Any:
    return call()


def gather(sync: Sync, ask: Callable[[Callable[[], Any]], Any] = _at_once) -> Practice:
    """Ask both APIs; raises the RemoteErrors of the error table.

    `ask` makes each call, and may wait until it is allowed.
    """
    ticket = sync.task_ticket()
    return Practice(
        doctors=ask(lambda: sync.drchrono.doctors(ticket)),
        offices=ask(lambda: sync.drchrono.offices(ticket)),
        profiles=ask(lambda: sync.drchrono.profiles(ticket)),
        providers=ask(lambda: list(sync.oncall.providers(ticket))),
        contact_fields=ask(lambda: _contact_fields(sync)),
    )


def _contact_fields(sync: Sync) -> dict[str, str]:
    # OnCall lists its custom fields nowhere but on a contact: any one will do.
    ticket = sync.task_ticket()
    found = sync.oncall.contacts(ticket).results
    if not found:
        return {}
    contact = sync.oncall.get_contact(ticket, id_from_url(str(found[0]["url"])))
    names = contact.get("custom_field_names")
    return {str(key): str(label) for key, label in names.items()} if isinstance(names, dict) else {}
