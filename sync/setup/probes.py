"""Find out by effect what the lists of both systems support, and store it as facts.

Order, page size, filters and bulk lists are not all documented, and accounts differ
(docs/api-facts.md, D6, D7, D53, O4).
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Final, TypeAlias

from sync.core.errors import NotTheApi, Refused, RemoteError, Transient
from sync.oncall.newest import record_id
from sync.oncall.translate import id_from_url
from sync.outbound.gate import Ticket
from sync.outbound.pages import Page, Record
from sync.runtime import Sync
from sync.setup.finding import Finding, good, remote_trouble, trouble
from sync.store.lanes import Lane
from sync.store.tables import facts

# Enough days to hold some appointments; a date_range may be no longer than 190 (D28).
DAYS: Final = 30
# A bulk list that is not made after this many looks is left to the nightly scans.
LOOKS: Final = 8
Probe: TypeAlias = Callable[[str, Sync, Ticket], Finding]
# What DrChrono wants for each (D70).
_RIGHTS: Final = {
    "drchrono list": "calendar:read or clinical:read",
    "drchrono bulk appointments": "calendar:read or clinical:read",
    "drchrono bulk patients": "patients:read",
}
AGAIN: Final = "Check again later; nothing is lost meanwhile, but more calls may be made."


def remember(sync: Sync, **learned: str) -> None:
    """Keep what was learned, each fact under its name."""
    with sync.store.write() as conn:
        for name, value in learned.items():
            facts.put(conn, name, value, sync.clock())


# --- DrChrono -------------------------------------------------------------------------------------


def drchrono(sync: Sync) -> list[Finding]:
    """The plain list's page size, and the two bulk lists: whether there, whether in order."""
    ticket = sync.task_ticket(Lane.BULK)
    return [
        _tried("drchrono list", _plain, sync, ticket),
        _tried("drchrono bulk appointments", _bulk_appointments, sync, ticket),
        _tried("drchrono bulk patients", _bulk_patients, sync, ticket),
    ]


def _tried(name: str, probe: Probe, sync: Sync, ticket: Ticket) -> Finding:
    """Run a probe; remote trouble teaches nothing and is told."""
    try:
        return probe(name, sync, ticket)
    except RemoteError as failure:
        return remote_trouble(name, failure, AGAIN, _RIGHTS.get(name, ""))


def _days(sync: Sync) -> str:
    today = sync.clock().date()
    return f"{today.isoformat()}/{(today + timedelta(days=DAYS)).isoformat()}"


def _plain(name: str, sync: Sync, ticket: Ticket) -> Finding:
    page = next(sync.drchrono.list_appointments(ticket, date_range=_days(sync)))
    if page.next is None:
        return good(name, f"{len(page.results)} appointments in {DAYS} days fit one page")
    return good(name, f"pages of {len(page.results)} appointments")


def _pause(sync: Sync, look: int) -> None:
    if look > LOOKS:
        raise Transient("bulk_slow")
    sync.pause(min(5.0, 0.5 * look))


def _bulk_appointments(name: str, sync: Sync, ticket: Ticket) -> Finding:
    try:
        page = next(
            sync.drchrono.bulk_appointments(ticket, partial(_pause, sync), date_range=_days(sync))
        )
    except Refused as refusal:
        _not_forbidden(refusal)
        remember(sync, bulk_appointments="no")
        return good(name, "not there: appointments are read page by page")
    remember(sync, bulk_appointments="yes")
    ordered = in_order(page.results, "updated_at", "scheduled_time")
    said = {True: "by their last change", False: "not by their last change", None: "as yet unknown"}
    return good(name, f"there; {len(page.results)} on a page, order: {said[ordered]}")


def in_order(records: Sequence[Record], asked: str, default: str) -> bool | None:
    """Whether the records are in the order asked for; None when they can't tell.

    Records that are in the default order too prove nothing. Times are compared as text: they are
    of one form and of no known zone (D27).
    """
    times = [(one.get(asked), one.get(default)) for one in records]
    known = [(str(a), str(b)) for a, b in times if isinstance(a, str) and isinstance(b, str)]
    wanted, usual = [first for first, _ in known], [second for _, second in known]
    if wanted != sorted(wanted):
        return False
    return True if usual != sorted(usual) else None


def _not_forbidden(refusal: Refused) -> None:
    """Raise a refusal that says nothing of whether a list is there: a right is missing."""
    if refusal.code == "forbidden":
        raise refusal


def _bulk_patients(name: str, sync: Sync, ticket: Ticket) -> Finding:
    since = (sync.clock() - timedelta(days=1)).date().isoformat()
    try:
        next(sync.drchrono.bulk_patients(ticket, partial(_pause, sync), page_size=1, since=since))
    except Refused as refusal:
        _not_forbidden(refusal)
        remember(sync, bulk_patients="no")
        return good(name, "not there: patients are read page by page")
    remember(sync, bulk_patients="yes")
    return good(name, "there")


# --- OnCall ---------------------------------------------------------------------------------------


def oncall(sync: Sync) -> list[Finding]:
    """The appointment list's order and page size, and whether contacts can be asked by e-mail."""
    ticket = sync.task_ticket(Lane.BULK)
    return [
        _tried("oncall list", _appointments, sync, ticket),
        _tried("oncall contacts by e-mail", _contacts, sync, ticket),
    ]


def _appointments(name: str, sync: Sync, ticket: Ticket) -> Finding:
    page = sync.oncall.list_appointments(ticket)
    ids = [record_id(one) for one in page.results]
    if page.next is not None:
        remember(sync, oncall_page_size=str(len(ids)))
    if len(ids) < 2:
        return good(name, "too few appointments to tell their order")
    orders = {"oldest_first": sorted(ids), "newest_first": sorted(ids, reverse=True)}
    order = next((word for word, sequence in orders.items() if sequence == ids), None)
    if order is None:
        return trouble(name, "in no order of age", "Ask OnCall's support how the list is ordered.")
    return good(name, f"{order.replace('_', ' ')}, {len(ids)} on the first page")


def _contacts(name: str, sync: Sync, ticket: Ticket) -> Finding:
    everybody = sync.oncall.contacts(ticket)
    email = next(_emails(sync, ticket, everybody), None)
    if email is None or not everybody.results:
        return good(name, "no contact with an e-mail to try the filter with")
    try:
        narrowed = sync.oncall.contacts(ticket, email=email)
    except (Refused, NotTheApi):
        remember(sync, contacts_email_filter="no")
        return good(name, "an e-mail can't be asked for: all pages are read")
    all_of_them, found = _size(everybody), _size(narrowed)
    if found == all_of_them == 1:
        return good(name, "too few contacts to tell whether an e-mail can be asked for")
    honoured = 0 < found < all_of_them
    remember(sync, contacts_email_filter="yes" if honoured else "no")
    if honoured:
        return good(name, "can be asked by e-mail")
    return good(name, "an e-mail asked for is not heeded: all pages are read")


def _emails(sync: Sync, ticket: Ticket, page: Page) -> Iterator[str]:
    """An e-mail of somebody: list items may lack it (O12, O30), then the first contact is read."""
    for one in page.results:
        if isinstance(one.get("email"), str) and one["email"]:
            yield str(one["email"])
    for one in page.results[:1]:
        whole = sync.oncall.get_contact(ticket, id_from_url(str(one.get("url"))))
        if isinstance(whole.get("email"), str) and whole["email"]:
            yield str(whole["email"])


def _size(page: Page) -> int:
    return len(page.results) if page.count is None else page.count
