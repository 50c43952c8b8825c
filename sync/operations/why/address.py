"""Take the id out of what somebody pasted: an address of either system, or an id alone.

Nothing is fetched from it. Of DrChrono's pages its reference names `/patients/:id` and
`/clinical_note/edit/:id` (v4, IFrame integration), with `appointment_id` and `patient_id` as
parameters; nobody says that a note's own number is an appointment's. Both APIs name an object by
collection and id (docs/api-facts.md, D1, O1, O38).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from sync.config import Settings
from sync.operations.lookup import REMOTE_ID, UnknownError
from sync.operations.why.facts import KINDS, Kind

LONGEST: Final = 2000
_DRCHRONO: Final[dict[str, Kind]] = {
    "appointment": "appointment",
    "appointments": "appointment",
    "patient": "patient",
    "patients": "patient",
}
_ONCALL: Final[dict[str, Kind]] = {
    "appointment": "oncall-appointment",
    "appointments": "oncall-appointment",
    "visit": "oncall-appointment",
    "visits": "oncall-appointment",
}
_PARAMETERS: Final[dict[str, dict[str, Kind]]] = {
    "drchrono": {
        "appointment_id": "appointment",
        "appointment": "appointment",
        "patient_id": "patient",
        "patient": "patient",
    },
    "oncall": {
        "appointment_id": "oncall-appointment",
        "appointment": "oncall-appointment",
    },
}
_WORDS: Final[dict[str, Kind]] = {
    **{kind: kind for kind in KINDS},
    "visit": "oncall-appointment",
    "chart": "patient",
}
# Of an id's form, and a person's all the same: nothing is asked about it, nor is it shown again.
_NO_ID: Final = re.compile(r"(^|\s)[0-9]{1,4}-[0-9]{1,4}-[0-9]{1,4}$")
_SEPARATOR: Final = re.compile(r"[\s:#]+")


@dataclass(frozen=True, slots=True)
class Meant:
    """What a text means: an id, and of what it is one."""

    kind: Kind
    id: str


def meant(text: str, settings: Settings, visit_link: str = "") -> tuple[Meant, ...]:
    """What somebody pasted: one thing, or of an id alone the two that it can be.

    `visit_link` is the mapping's address of an OnCall visit for staff, with `{oncall_id}` in it.
    Raises UnknownError, in a sentence, for anything else.
    """
    found = text.strip()
    if not found or len(found) > LONGEST:
        raise UnknownError("Paste an id, or an address of DrChrono or OnCall.")
    if _NO_ID.search(found):
        raise UnknownError("That is a date or a telephone number, and no id.")
    if REMOTE_ID.fullmatch(found):
        return Meant("appointment", found), Meant("oncall-appointment", found)
    word, _, rest = _SEPARATOR.sub(" ", found).partition(" ")
    kind = _WORDS.get(word.casefold())
    if kind is not None and REMOTE_ID.fullmatch(rest):
        return (Meant(kind, rest),)
    return (_in_address(found, settings, visit_link),)


def _in_address(text: str, settings: Settings, visit_link: str) -> Meant:
    by_template = _by_template(text, visit_link)
    if by_template is not None:
        return by_template
    parts = _split(text)
    system = _system(parts, settings)
    if system is None:
        raise UnknownError("That is no address of DrChrono or OnCall, and no id.")
    for kind, one in (*_in_parameters(parts, system), *_in_path(parts, system)):
        if REMOTE_ID.fullmatch(one):
            return Meant(kind, one)
    raise UnknownError("That address names no appointment, visit or patient.")


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text if "//" in text else f"//{text}")
    except ValueError:
        raise UnknownError("That is no address of DrChrono or OnCall, and no id.") from None


def _by_template(text: str, visit_link: str) -> Meant | None:
    before, place, after = visit_link.partition("{oncall_id}")
    if not place:
        return None
    pattern = f"{re.escape(before)}({REMOTE_ID.pattern}){re.escape(after)}(?:#.*)?"
    found = re.fullmatch(pattern, text, re.DOTALL)
    return Meant("oncall-appointment", found[1]) if found else None


def _system(parts: SplitResult, settings: Settings) -> str | None:
    """Whose address it is: a configured one's, or of the domains that both are known by."""
    if parts.scheme not in {"", "http", "https"}:
        return None
    for system, bases in (
        ("drchrono", (settings.drchrono_base_url, *settings.drchrono_other_origins)),
        ("oncall", (settings.oncall_base_url, *settings.oncall_other_origins)),
    ):
        if parts.netloc in {urlsplit(base).netloc for base in bases}:
            return system
    host = _host(parts)
    if host == "drchrono.com" or host.endswith(".drchrono.com"):
        return "drchrono"
    if re.fullmatch(r"(?:[a-z0-9-]+\.)*oncallhealth\.(?:ca|com|us)", host):
        return "oncall"
    return None


def _host(parts: SplitResult) -> str:
    try:
        return (parts.hostname or "").rstrip(".")
    except ValueError:
        return ""


def _in_parameters(parts: SplitResult, system: str) -> Iterator[tuple[Kind, str]]:
    """Ids among the parameters, an appointment's before a patient's."""
    told = parse_qsl(parts.query) + parse_qsl(parts.fragment.partition("?")[2])
    for name, kind in _PARAMETERS[system].items():
        yield from ((kind, one) for key, one in told if key.casefold() == name)


def _in_path(parts: SplitResult, system: str) -> Iterator[tuple[Kind, str]]:
    """Ids behind the name of their collection; the last one is what the page is about."""
    collections = _DRCHRONO if system == "drchrono" else _ONCALL
    steps = [one for one in f"{parts.path}/{parts.fragment.partition('?')[0]}".split("/") if one]
    for at in range(len(steps) - 1, 0, -1):
        kind = collections.get(steps[at - 1].casefold())
        if kind is not None:
            yield kind, steps[at]
