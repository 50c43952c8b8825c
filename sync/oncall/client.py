"""Call OnCall Health's public API: one method for each path, with its query and body.

Each call goes through the sender (the gate), which raises a `RemoteError` of `sync.core.errors` for
any answer but success. Every path ends in a slash (docs/api-facts.md, O1).
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any, Unpack
from urllib.parse import quote

from sync.core.errors import Gone, Refused, Transient
from sync.outbound.call import Answer, Audit, Call, Json, Sender
from sync.outbound.hosts import Base
from sync.outbound.pages import Page, Record, read_page, read_record


class OnCall:
    """OnCall's calls. `base_url` is the configured one; page links may lead nowhere else.

    `ticket` is handed to the sender as it is. Ids are strings, taken from the objects' `url` (O30).
    """

    def __init__(self, sender: Sender, base_url: str, others: tuple[str, ...] = ()) -> None:
        self._sender = sender
        self._base = Base("oncall", base_url, others)

    def through(self, wrap: Callable[[Sender], Sender]) -> "OnCall":
        """The same client, whose calls go through another sender around its own."""
        other = copy(self)
        other._sender = wrap(self._sender)  # noqa: SLF001 - one of its own
        return other

    # The appointments, which are visits in our terms (O9, O11)

    def get_appointment(self, ticket: Any, appointment_id: str, **audit: Unpack[Audit]) -> Record:
        """Read one with its participants. Raises Gone."""
        return self._get(ticket, "appointment", f"/appointments/{_id(appointment_id)}/", audit)

    def create_appointment(
        self, ticket: Any, body: Mapping[str, Json], **audit: Unpack[Audit]
    ) -> Record:
        """Create one; OnCall mails its participants (O17). The answer lacks `status` (O12)."""
        return self._create(ticket, "appointments", "/appointments/", body, audit)

    def patch_appointment(
        self, ticket: Any, appointment_id: str, body: Mapping[str, Json], **audit: Unpack[Audit]
    ) -> Record | None:
        """Change the fields in the body; OnCall mails its participants.

        Returns the object as OnCall answers it, None when it answers nothing.
        """
        path = f"/appointments/{_id(appointment_id)}/"
        return self._patch(ticket, "appointment", path, body, audit)

    def list_appointments(self, ticket: Any, page: int | str | None = None) -> Page:
        """Read one page: the first, page number `page` (from 1), or an earlier page's `next`.

        Raises Gone("no_such_page") when the list has become shorter than that.
        """
        return self._page(ticket, "appointments", "/appointments/", page, {})

    # Participants: read and written by id only, there is no list (O23)

    def get_participant(self, ticket: Any, participant_id: str, **audit: Unpack[Audit]) -> Record:
        """Read one. Raises Gone."""
        return self._get(ticket, "participant", f"/participants/{_id(participant_id)}/", audit)

    def patch_participant(
        self, ticket: Any, participant_id: str, body: Mapping[str, Json], **audit: Unpack[Audit]
    ) -> Record | None:
        """Change name, email or cancelled; None when OnCall answers nothing."""
        path = f"/participants/{_id(participant_id)}/"
        return self._patch(ticket, "participant", path, body, audit)

    # Contacts

    def contacts(
        self, ticket: Any, *, email: str | None = None, page: int | str | None = None
    ) -> Page:
        """Read one page of contacts.

        The search parameter's name is not documented (O29). Compare every hit with `email`: a
        server that does not know the parameter lists everybody.
        """
        query = {} if email is None else {"email": email}
        return self._page(ticket, "contacts", "/contacts/", page, query)

    def get_contact(self, ticket: Any, contact_id: str, **audit: Unpack[Audit]) -> Record:
        """Read one. Raises Gone."""
        return self._get(ticket, "contact", f"/contacts/{_id(contact_id)}/", audit)

    def create_contact(
        self, ticket: Any, body: Mapping[str, Json], **audit: Unpack[Audit]
    ) -> Record:
        """Create one; `provider` and `division` are required (O28)."""
        return self._create(ticket, "contacts", "/contacts/", body, audit)

    def patch_contact(
        self, ticket: Any, contact_id: str, body: Mapping[str, Json], **audit: Unpack[Audit]
    ) -> Record | None:
        """Change the fields in the body; None when OnCall answers nothing."""
        return self._patch(ticket, "contact", f"/contacts/{_id(contact_id)}/", body, audit)

    # Providers: read only (O36)

    def providers(self, ticket: Any) -> Iterator[Record]:
        """Give all providers, page by page."""
        for page in self._walk(ticket, "providers", "/providers/", {}):
            yield from page.results

    # Whole lists

    def appointment_pages(self, ticket: Any) -> Iterator[Page]:
        """Give every page of appointments. Raises Transient when the links lead round."""
        return self._walk(ticket, "appointments", "/appointments/", {})

    def contact_pages(self, ticket: Any, *, email: str | None = None) -> Iterator[Page]:
        """Give every page of contacts; of `email` as with `contacts`."""
        query = {} if email is None else {"email": email}
        return self._walk(ticket, "contacts", "/contacts/", query)

    def _walk(
        self, ticket: Any, endpoint: str, path: str, query: Mapping[str, str]
    ) -> Iterator[Page]:
        following: str | None = None
        seen: set[str] = set()
        while True:
            page = self._page(ticket, endpoint, path, following, query)
            yield page
            following = page.next
            if following is None:
                return
            if following in seen:
                raise Transient("page_loop")
            seen.add(following)

    def _send(self, ticket: Any, call: Call) -> Answer:
        return self._sender.send(call, ticket)

    def _get(self, ticket: Any, endpoint: str, path: str, audit: Audit) -> Record:
        return read_record(self._send(ticket, Call("oncall", "GET", endpoint, path, **audit)))

    def _create(
        self, ticket: Any, endpoint: str, path: str, body: Mapping[str, Json], audit: Audit
    ) -> Record:
        call = Call("oncall", "POST", endpoint, path, json=dict(body), **audit)
        return read_record(self._send(ticket, call))

    def _patch(
        self, ticket: Any, endpoint: str, path: str, body: Mapping[str, Json], audit: Audit
    ) -> Record | None:
        call = Call("oncall", "PATCH", endpoint, path, json=dict(body), **audit)
        answer = self._send(ticket, call)
        return None if answer.status == 204 else read_record(answer)

    def _page(
        self,
        ticket: Any,
        endpoint: str,
        path: str,
        page: int | str | None,
        query: Mapping[str, str],
    ) -> Page:
        if isinstance(page, str):
            call = Call("oncall", "GET", endpoint, page)
        elif page is not None:
            call = Call("oncall", "GET", endpoint, path, query={**query, "page": str(page)})
        else:
            call = Call("oncall", "GET", endpoint, path, query=query)
        try:
            answer = self._send(ticket, call)
        except Refused as refusal:
            if page is not None and refusal.code == "no_such_endpoint":
                raise Gone("no_such_page", refusal.call_id) from None
            raise
        return read_page(answer, self._base, path)


def last_page(count: int, page_size: int) -> int:
    """Give the number of the last page, from 1; `page_size` is what a full page was seen to hold.

    Raises ValueError when the page size is not positive.
    """
    if page_size < 1:
        raise ValueError("page size must be positive")
    return max(1, -(-count // page_size))


def _id(remote_id: str) -> str:
    return quote(remote_id, safe="")
