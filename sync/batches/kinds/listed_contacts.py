"""Hold OnCall's contacts while a file is compared with them: read once, in memory alone.

A contact is some 1.2 kB there.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sync.batches import kept
from sync.core.records import Absent, Person, present
from sync.core.rules import people
from sync.core.rules.people import normal_email
from sync.core.wire import MalformedError
from sync.people import charts

if TYPE_CHECKING:
    from sync.batches.step import Step

_NAME: Final = "contacts"


@dataclass
class Contacts:
    """The contacts that were read so far, by e-mail, and by name and birth date."""

    by_email: dict[str, list[Person]] = field(default_factory=dict, repr=False)
    by_name: dict[tuple[str, ...], list[Person]] = field(default_factory=dict, repr=False)
    page: Any = None  # what leads to the next one
    whole: bool = False

    def add(self, shown: Person) -> None:
        """Take a contact in."""
        email = normal_email(present(shown.email, ""))
        if email:
            self.by_email.setdefault(email, []).append(shown)
        named = dict(people.known_by(shown)).get("name_birth")
        if named is not None:
            self.by_name.setdefault(named, []).append(shown)

    def like(self, who: Person) -> tuple[list[Person], list[Person]]:
        """Those with the same e-mail; and those of the same name and birth date with another."""
        email = normal_email(present(who.email, ""))
        same = self.by_email.get(email, []) if email else []
        named = dict(people.known_by(who)).get("name_birth")
        others = self.by_name.get(named, []) if named is not None else []
        return same, [one for one in others if one not in same]


def read(step: Step) -> Contacts:
    """Every contact there is. A slice that ends meanwhile hands on what it has read.

    Raises the RemoteErrors of the list.
    """
    found = kept.take(step, _NAME) or Contacts()
    while not found.whole:
        page = step.sync.oncall.contacts(step.ticket, page=found.page)
        for record in page.results:
            with suppress(MalformedError):  # nobody can be told by it; its turn's search meets it
                found.add(charts.contact(step.sync, record))
        found.page, found.whole = page.next, page.next is None
        kept.put(step, _NAME, found)
        step.give_way()
    kept.put(step, _NAME, found)
    return found


def placed(step: Step, shown: Person) -> Person:
    """The contact with its provider and division; read by id where the list left them out.

    Lists may (docs/api-facts.md, O30).
    """
    if not isinstance(shown.provider, Absent) and not isinstance(shown.division, Absent):
        return shown
    return charts.contact(step.sync, step.sync.oncall.get_contact(step.ticket, shown.remote_id))
