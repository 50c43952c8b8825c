"""Check that a chart says enough to offer its patient a visit, and a participant to make a chart.

A visit, a contact and a chart can't be taken back without a trace, so what they are made of must be
whole first.
"""

from sync.core.addresses import is_sure
from sync.core.records import Attendee, Person, present
from sync.core.rules.people import can_be_addressed, is_name, lacks

NO_EMAIL = "patient_without_email"
UNCLEAR_EMAIL = "patient_email_unclear"
NO_NAME = "patient_without_name"
INACTIVE = "patient_inactive"


def refusal(chart: Person) -> str:
    """The cause for which nothing can be offered to a chart's patient, else nothing."""
    if chart.active is False:
        return INACTIVE
    return unreachable(chart)


def unreachable(chart: Person) -> str:
    """The cause for which a chart's patient can't be written to by mail, else nothing."""
    email = present(chart.email, "")
    if not email:
        return NO_EMAIL
    if not is_sure(email):
        return UNCLEAR_EMAIL
    return "" if can_be_addressed(chart) else NO_NAME


def missing(who: Person | Attendee, *, decided: bool = False) -> tuple[str, ...]:
    """Which fields a new chart would lack or have to guess, by OnCall's names for them.

    `decided`: somebody has said that it is a new patient, so one name is enough, and a full one may
    be cut where most are.
    """
    return () if decided and can_be_addressed(who) else lacks(who)


def may_go_into_chart(field: str, value: object) -> bool:
    """Whether what OnCall says of a person may overwrite what their chart says."""
    if field == "email":
        return isinstance(value, str) and is_sure(value)
    if field in {"first_name", "last_name"}:
        return isinstance(value, str) and is_name(value)
    return bool(value)
