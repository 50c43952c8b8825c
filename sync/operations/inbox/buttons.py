"""Choose the button that stands beside an answer: what it does, with what; or where it is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sync.core.causes.model import Remedy
from sync.core.causes.presses import PRESSES, How
from sync.operations.why.answer import Answer

# Those that the page of an item does, by what it knows of it.
_OF_AN_ITEM: Final = frozenset({Remedy.RESOLVE, Remedy.KEEP, Remedy.ACCEPT_ZONES})


@dataclass(frozen=True, slots=True)
class Button:
    """One thing to press: a deed at once with its `fields`, or the way to where it is done.

    `item` is the attention item on whose page it is done, `pages` the pages that may have it.
    """

    deed: Remedy
    label: str
    fields: Mapping[str, str] = field(default_factory=dict)
    item: int | None = None
    pages: tuple[str, ...] = ()


def button(answer: Answer) -> Button | None:
    """The button beside an answer; None where there is nothing to press."""
    press, subject = PRESSES[answer.deed], answer.subject
    if answer.deed in _OF_AN_ITEM:
        return Button(answer.deed, "Decide it", item=answer.item) if answer.item else None
    if press.how is How.ELSEWHERE:
        return Button(answer.deed, press.label, pages=press.pages)
    fields: dict[str, str] = {}
    if answer.deed in {Remedy.RETRY, Remedy.DROP} and answer.item:
        fields = {"item": str(answer.item)}
    elif answer.deed is Remedy.LOOK_AGAIN and subject:
        kind, which = next(iter(subject.items()))
        fields = {"kind": kind, "id": which}
    elif answer.deed is Remedy.RESUME and "pause" in subject:
        fields = {"what": subject["pause"]}
    elif answer.deed is Remedy.INCLUDE and "patient" in subject:
        fields = {"patient": subject["patient"]}
    return Button(answer.deed, press.label, fields) if fields else None
