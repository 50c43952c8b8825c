"""List the steps of the scripted day of `demo`, and what each may cost.

The numbers are typed in from the table of docs/costs.md; where it has no row for a step, `source`
says which row holds and why. When the demo finds a difference, the code is wrong, or a decision is
missing (ADR): never just change a number here.

A call is written as its method and the error table's name of the endpoint. Calls are those of our
application only; "echo" is what our own write costs when the remote tells us of it.
"""

from dataclasses import dataclass
from enum import StrEnum

GET_VISIT = "GET appointment"
PATCH_VISIT = "PATCH appointment"
POST_VISIT = "POST appointments"
GET_PATIENT = "GET patient"
PATCH_PATIENT = "PATCH patient"
FIND_CONTACT = "GET contacts"
POST_CONTACT = "POST contacts"
PATCH_CONTACT = "PATCH contact"
PATCH_PARTICIPANT = "PATCH participant"
ORDER_LIST = "POST appointments_list"
GET_LIST = "GET appointments_list"


class Editor(StrEnum):
    """Where a step's edit is made, and by whom."""

    DRCHRONO_STAFF = "staff in DrChrono"
    ONCALL_STAFF = "staff in OnCall"
    ONCALL_PATIENT = "the patient in OnCall"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what is done, and the calls and mails it must bring, no more and no fewer.

    `drchrono` and `oncall` are the calls in any order. `mails` are those that our own calls cause;
    `own_mails` those that OnCall sends because of the edit itself.
    """

    name: str
    editor: Editor
    action: str
    drchrono: tuple[str, ...]
    oncall: tuple[str, ...]
    mails: int
    source: str
    own_mails: int = 0


DAY: tuple[Step, ...] = (
    Step(
        name="book, person known",
        editor=Editor.DRCHRONO_STAFF,
        action="POST an appointment with the video profile for a patient who has a contact already",
        drchrono=(GET_VISIT, GET_PATIENT, PATCH_VISIT),
        oncall=(POST_VISIT, GET_VISIT),
        mails=1,
        source="visit booked in DrChrono, person known",
    ),
    Step(
        name="book, person unknown",
        editor=Editor.DRCHRONO_STAFF,
        action="POST a patient with an e-mail of their own, then an appointment for them",
        drchrono=(GET_VISIT, GET_PATIENT, PATCH_VISIT, PATCH_PATIENT),
        oncall=(FIND_CONTACT, POST_CONTACT, POST_VISIT, GET_VISIT),
        mails=1,
        source="the same, person unknown",
    ),
    Step(
        name="move",
        editor=Editor.DRCHRONO_STAFF,
        action="PATCH scheduled_time of the first visit to a free hour of the same day",
        drchrono=(GET_VISIT,),
        oncall=(GET_VISIT, PATCH_VISIT, GET_VISIT),
        mails=1,
        source="visit moved in DrChrono",
    ),
    Step(
        name="twenty edits",
        editor=Editor.DRCHRONO_STAFF,
        action="PATCH scheduled_time of one visit twenty times within the settle time",
        drchrono=(GET_VISIT,),
        oncall=(GET_VISIT, PATCH_VISIT, GET_VISIT),
        mails=1,
        source="twenty edits of one visit within the settle time",
    ),
    Step(
        name="billing change",
        editor=Editor.DRCHRONO_STAFF,
        action="PATCH billing_status, notes and color of a visit",
        drchrono=(),
        oncall=(),
        mails=0,
        source="billing, note or colour changed in DrChrono",
    ),
    Step(
        name="rename",
        editor=Editor.DRCHRONO_STAFF,
        action="PATCH first_name of a patient with one open visit and one contact",
        drchrono=(GET_PATIENT,),
        oncall=(PATCH_CONTACT, PATCH_PARTICIPANT, GET_VISIT),
        mails=0,
        source="e-mail changed in DrChrono with k = c = 1: fields of the same objects, and the "
        "PATCH of a participant comes back as a bare hint, whose GET is that of the row visit "
        "moved in DrChrono (its echo 1 GET). OnCall mails for a time, a length, a type, a provider "
        "or an address, not for a name",
    ),
    Step(
        name="change e-mail",
        editor=Editor.DRCHRONO_STAFF,
        action="PATCH email of the same patient",
        drchrono=(GET_PATIENT,),
        oncall=(PATCH_CONTACT, PATCH_PARTICIPANT, GET_VISIT),
        mails=1,
        source="e-mail changed in DrChrono, k = c = 1 (at most k mails), and one echo as above",
    ),
    Step(
        name="book in OnCall",
        editor=Editor.ONCALL_STAFF,
        action="POST an appointment whose one participant is a patient who is linked already",
        drchrono=(POST_VISIT,),
        oncall=(GET_VISIT, PATCH_VISIT, GET_VISIT),
        mails=0,
        own_mails=1,
        source="visit booked in OnCall, person known",
    ),
    Step(
        name="move in OnCall",
        editor=Editor.ONCALL_STAFF,
        action="PATCH datetime of that visit to a free hour",
        drchrono=(GET_VISIT, PATCH_VISIT),
        oncall=(GET_VISIT,),
        mails=0,
        own_mails=1,
        source="visit moved or cancelled in OnCall",
    ),
    Step(
        name="cancel as patient",
        editor=Editor.ONCALL_PATIENT,
        action="PATCH cancelled: true of that visit",
        drchrono=(GET_VISIT, PATCH_VISIT),
        oncall=(GET_VISIT,),
        mails=0,
        own_mails=1,
        source="visit moved or cancelled in OnCall",
    ),
    Step(
        name="cancel",
        editor=Editor.DRCHRONO_STAFF,
        action="PATCH status: Cancelled of the first visit",
        drchrono=(GET_VISIT,),
        oncall=(GET_VISIT, PATCH_VISIT, GET_VISIT),
        mails=1,
        source="visit moved in DrChrono: one field of one visit, one PATCH (the last attendee "
        "leaving is one PATCH on the visit: docs/rules.md, R9)",
    ),
    Step(
        name="a webhook that never comes",
        editor=Editor.DRCHRONO_STAFF,
        action="PATCH scheduled_time of a visit, drop its webhook, catch up on appointments",
        drchrono=(ORDER_LIST, GET_LIST, GET_LIST, GET_VISIT),
        oncall=(GET_VISIT, PATCH_VISIT, GET_VISIT),
        mails=1,
        source="visit moved in DrChrono, and of the catch-up's about 5 calls a pass those for "
        "appointments: the bulk list is ordered, asked for once in vain (the sandbox's one poll), "
        "and its one page is read",
    ),
    Step(
        name="a worker killed in the middle",
        editor=Editor.DRCHRONO_STAFF,
        action="PATCH scheduled_time of a visit, SIGKILL the worker while OnCall holds its PATCH",
        drchrono=(GET_VISIT, GET_VISIT),
        oncall=(GET_VISIT, PATCH_VISIT, GET_VISIT),
        mails=1,
        source="visit moved in DrChrono (docs/costs.md, C2): the worker that takes over GETs "
        "both, and its GET of the OnCall visit answers the echo too",
    ),
)
