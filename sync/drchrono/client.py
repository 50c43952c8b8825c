"""Call DrChrono's API v4: one method for each path, with its query and body.

Each call goes through the sender (the gate), which raises a `RemoteError` of `sync.core.errors` for
any answer but success. D… are facts of docs/api-facts.md.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any, Unpack
from urllib.parse import quote

from sync.core.answers.endpoints import IFRAME, INSTANCES
from sync.core.errors import Transient
from sync.drchrono import bulk
from sync.outbound.call import Answer, Audit, Call, Json, Sender
from sync.outbound.hosts import Base
from sync.outbound.pages import Page, Record, read_page, read_record

_APPOINTMENT_BOUNDS = frozenset({"since", "date", "date_range"})


class DrChrono:
    """DrChrono's calls. Pages are fetched from the configured `base_url` only.

    `others` are further origins that page links may name (`sync.outbound.hosts`). `ticket` is
    handed to the sender as it is. Ids are strings, also where DrChrono uses numbers (D23).
    """

    def __init__(self, sender: Sender, base_url: str, others: tuple[str, ...] = ()) -> None:
        self._sender = sender
        self._base = Base("drchrono", base_url, others)

    def through(self, wrap: Callable[[Sender], Sender]) -> "DrChrono":
        """The same client, whose calls go through another sender around its own."""
        other = copy(self)
        other._sender = wrap(self._sender)  # noqa: SLF001 - one of its own
        return other

    # Appointments: API v4, /api/appointments

    def get_appointment(
        self, ticket: Any, appointment_id: str, *, verbose: bool = False, **audit: Unpack[Audit]
    ) -> Record:
        """Read one. It has `custom_fields` (our marker) only when verbose (D30). Raises Gone."""
        return self._get(ticket, "appointment", "appointments", appointment_id, verbose, audit)

    def create_appointment(
        self, ticket: Any, body: Mapping[str, Json], **audit: Unpack[Audit]
    ) -> Record:
        """Create one; raises Conflict("overlap") with the other's id when the time is taken."""
        return self._create(ticket, "appointments", body, audit)

    def patch_appointment(
        self, ticket: Any, appointment_id: str, body: Mapping[str, Json], **audit: Unpack[Audit]
    ) -> None:
        """Change the fields in the body; DrChrono answers nothing (204)."""
        self._patch(ticket, "appointment", "appointments", appointment_id, body, audit)

    def list_appointments(
        self, ticket: Any, *, resume: str | None = None, verbose: bool = False, **filters: str
    ) -> Iterator[Page]:
        """Give the pages of appointments, each one a call.

        Filters are those of API v4 (since, date, date_range, doctor, office, patient, status,
        show_archived, …). One of since, date and date_range is required, else ValueError (D28).
        `resume` is the `next` of an earlier page. Lists can be some seconds old (D4).
        """
        if resume is None and not _APPOINTMENT_BOUNDS & filters.keys():
            raise ValueError("since, date or date_range is required")
        return self._pages(ticket, "appointments", resume, _query(filters, verbose))

    def bulk_appointments(
        self,
        ticket: Any,
        wait: Callable[[int], None],
        *,
        resume: bulk.BulkPage | None = None,
        page_size: int = bulk.LARGEST_PAGE,
        **filters: str,
    ) -> Iterator[bulk.BulkPage]:
        """Give the pages of a bulk list in the order of their last change; see `bulk.pages`.

        `resume` is the last page already read of a list that is still kept.
        """
        return self._bulk(ticket, "/api/appointments_list", wait, resume, page_size, filters)

    def recurring_instances(self, ticket: Any, base: str, *, first: str, last: str) -> list[Record]:
        """Give a series' occurrences from day `first` to day `last`, virtual ones too.

        `base` is the id of the series' base. Days are ISO dates in the doctor's zone. A virtual
        occurrence has no id. Raises Refused where the account does not have this list (D44).
        """
        query = {"base_recurring_appointment": base, "start_date": first, "end_date": last}
        path = "/api/recurring_appointment_instances"
        answer = self._send(ticket, Call("drchrono", "GET", INSTANCES, path, query=query))
        listed = answer.json if isinstance(answer.json, list) else []
        return [one for one in listed if isinstance(one, dict)]

    # Patients: API v4, /api/patients

    def get_patient(
        self, ticket: Any, patient_id: str, *, verbose: bool = False, **audit: Unpack[Audit]
    ) -> Record:
        """Read one; `custom_demographics` (our marker) only when verbose (D46). Raises Gone."""
        return self._get(ticket, "patient", "patients", patient_id, verbose, audit)

    def find_patients(self, ticket: Any, *, verbose: bool = False, **filters: str) -> list[Record]:
        """Give all that match the filters: names (in part, without case), email, date_of_birth."""
        return self._all(ticket, "patients", _query(filters, verbose))

    def list_patients(
        self, ticket: Any, *, resume: str | None = None, verbose: bool = False, **filters: str
    ) -> Iterator[Page]:
        """Give the pages of patients, each one a call; `resume` as with appointments."""
        return self._pages(ticket, "patients", resume, _query(filters, verbose))

    def create_patient(
        self, ticket: Any, body: Mapping[str, Json], **audit: Unpack[Audit]
    ) -> Record:
        """Create one. Raises Conflict("duplicate_patient") where the account refuses them (D48)."""
        return self._create(ticket, "patients", body, audit)

    def patch_patient(
        self, ticket: Any, patient_id: str, body: Mapping[str, Json], **audit: Unpack[Audit]
    ) -> None:
        """Change the fields in the body; DrChrono answers nothing (204)."""
        self._patch(ticket, "patient", "patients", patient_id, body, audit)

    def bulk_patients(
        self,
        ticket: Any,
        wait: Callable[[int], None],
        *,
        resume: bulk.BulkPage | None = None,
        page_size: int = bulk.LARGEST_PAGE,
        verbose: bool = False,
        **filters: str,
    ) -> Iterator[bulk.BulkPage]:
        """Give the pages of a bulk list in the order of their last change; see `bulk.pages`.

        `resume` is the last page already read of a list that is still kept.
        """
        return self._bulk(
            ticket, "/api/patients_list", wait, resume, page_size, _query(filters, verbose)
        )

    # The practice: API v4, /api/users, /api/doctors, /api/offices, /api/appointment_profiles

    def doctors(self, ticket: Any) -> list[Record]:
        """Give all doctors of the practice group, with their `timezone`."""
        return self._all(ticket, "doctors", {})

    def get_doctor(self, ticket: Any, doctor_id: str) -> Record:
        """Read one doctor, with their `practice_group`. Raises Gone when the account sees none."""
        return self._get(ticket, "doctor", "doctors", doctor_id, verbose=False, audit={})

    def offices(self, ticket: Any) -> list[Record]:
        """Give all offices with their exam rooms."""
        return self._all(ticket, "offices", {})

    def profiles(self, ticket: Any, doctor: str | None = None) -> list[Record]:
        """Give the appointment profiles, of one doctor where one is named."""
        return self._all(ticket, "appointment_profiles", _of_doctor(doctor))

    # The fields of our markers: API v4, /api/custom_appointment_fields, /api/custom_demographics

    def custom_appointment_fields(self, ticket: Any, doctor: str | None = None) -> list[Record]:
        """Give the custom appointment fields, of one doctor where one is named."""
        return self._all(ticket, "custom_appointment_fields", _of_doctor(doctor))

    def create_custom_appointment_field(
        self, ticket: Any, doctor: str, name: str, description: str = ""
    ) -> Record:
        """Make a custom appointment field for a doctor."""
        body: dict[str, Json] = {
            "doctor": int(doctor),
            "field_name": name,
            "field_desc": description,
        }
        return self._create(ticket, "custom_appointment_fields", body, {"doctor": doctor})

    def custom_demographics(self, ticket: Any, doctor: str | None = None) -> list[Record]:
        """Give the custom demographics, of one doctor where one is named."""
        return self._all(ticket, "custom_demographics", _of_doctor(doctor))

    def create_custom_demographic(
        self, ticket: Any, doctor: str, name: str, description: str = ""
    ) -> Record:
        """Make a custom demographic for a doctor."""
        body: dict[str, Json] = {"doctor": int(doctor), "name": name, "description": description}
        return self._create(ticket, "custom_demographics", body, {"doctor": doctor})

    def frame(self, ticket: Any, *, shown: bool) -> None:
        """Show our pages in DrChrono's for the token's doctor, or no longer (D71).

        Raises Refused where the pages are not approved.
        """
        method = "POST" if shown else "DELETE"
        self._send(ticket, Call("drchrono", method, IFRAME, f"/api/{IFRAME}"))

    def _send(self, ticket: Any, call: Call) -> Answer:
        return self._sender.send(call, ticket)

    def _get(
        self, ticket: Any, endpoint: str, path: str, object_id: str, verbose: bool, audit: Audit
    ) -> Record:
        call = Call(
            "drchrono", "GET", endpoint, _path(path, object_id), query=_query({}, verbose), **audit
        )
        return read_record(self._send(ticket, call))

    def _create(self, ticket: Any, path: str, body: Mapping[str, Json], audit: Audit) -> Record:
        call = Call("drchrono", "POST", path, f"/api/{path}", json=dict(body), **audit)
        return read_record(self._send(ticket, call))

    def _patch(
        self,
        ticket: Any,
        endpoint: str,
        path: str,
        object_id: str,
        body: Mapping[str, Json],
        audit: Audit,
    ) -> None:
        call = Call("drchrono", "PATCH", endpoint, _path(path, object_id), json=dict(body), **audit)
        self._send(ticket, call)

    def _pages(
        self, ticket: Any, path: str, resume: str | None, query: Mapping[str, str]
    ) -> Iterator[Page]:
        call = Call("drchrono", "GET", path, f"/api/{path}", query=query)
        if resume is not None:
            call = Call("drchrono", "GET", path, resume)
        seen: set[str] = set()
        while True:
            answer = self._send(ticket, call)
            page = read_page(answer, self._base, call.path)
            yield page
            if page.next is None:
                return
            if page.next in seen:
                raise Transient("page_loop", answer.call_id)
            seen.add(page.next)
            call = Call("drchrono", "GET", path, page.next)

    def _all(self, ticket: Any, path: str, query: Mapping[str, str]) -> list[Record]:
        return [
            record for page in self._pages(ticket, path, None, query) for record in page.results
        ]

    def _bulk(
        self,
        ticket: Any,
        path: str,
        wait: Callable[[int], None],
        resume: bulk.BulkPage | None,
        page_size: int,
        filters: Mapping[str, str],
    ) -> Iterator[bulk.BulkPage]:
        def send(call: Call) -> Answer:
            return self._send(ticket, call)

        if resume is not None:
            if resume.page >= resume.pages:
                return
            uuid, first = resume.uuid, resume.page + 1
        else:
            asked = {"order_by": "updated_at", "page_size": str(page_size), **filters}
            uuid, first = bulk.request(send, path, asked), 1
        ordered = bulk.BulkList(path, uuid, page_size)
        yield from bulk.pages(send, self._base, ordered, wait=wait, first=first)


def _path(path: str, object_id: str) -> str:
    return f"/api/{path}/{quote(object_id, safe='')}"


def _query(filters: Mapping[str, str], verbose: bool) -> dict[str, str]:
    return {**filters, "verbose": "true"} if verbose else dict(filters)


def _of_doctor(doctor: str | None) -> dict[str, str]:
    return {} if doctor is None else {"doctor": doctor}
