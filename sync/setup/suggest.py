"""Propose a first mapping file from what both APIs tell: doctors, providers, profiles.

Nothing doubtful is decided here: a line that a person must decide stands behind `# decide:`. The
text holds names of staff, rooms and profiles, never of patients.
"""

import json as jsonlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sync.core.printable import printable
from sync.core.records import present
from sync.core.rules.people import full_name, normal_email, normal_name
from sync.core.wire import identity, record, text
from sync.core.wording import Json
from sync.oncall.translate import id_from_url

Object = Mapping[str, Json]

_TYPE_WORDS: Final = (
    ("online", re.compile(r"\b(video|virtual|online|tele(?!phone)\w*|zoom)\b")),
    ("phone", re.compile(r"\b(phone|telephone|call)\b")),
    ("inperson", re.compile(r"\b(in ?person|in ?office|on ?site|physical|clinic)\b")),
)
_GROUP: Final = re.compile(r"\bgroup\b")


@dataclass(frozen=True)
class Provider:
    """A provider of OnCall: the number, the name, the address, and the divisions' numbers."""

    remote_id: str
    name: str
    email: str
    divisions: tuple[str, ...]


def suggest(
    doctors: Sequence[Json],
    offices: Sequence[Json],
    profiles: Sequence[Json],
    providers: Sequence[Json],
    contact_fields: Mapping[str, str] | None = None,
) -> str:
    """The TOML text of a first mapping file.

    The lists are the APIs' own objects; `contact_fields` is {id: label} of OnCall's custom contact
    fields. Doctors are paired by e-mail, else by name. The text always parses; what is doubtful in
    it is commented out. Raises MalformedError for objects without id.
    """
    people = [as_provider(record(each, "provider")) for each in providers]
    homes = [record(each, "office") for each in offices]
    lines = [
        "# Proposed from both systems. Go through every line marked decide: before going live."
    ]
    taken: set[str] = set()
    for each in doctors:
        doctor = record(each, "doctor")
        lines += ["", *_doctor_lines(doctor, people, homes, taken)]
    lines += ["", *_type_lines([record(each, "profile") for each in profiles])]
    lines += ["", *_marker_lines(contact_fields or {})]
    return "\n".join(lines) + "\n"


def as_provider(json: Object) -> Provider:
    """Read a provider. Raises MalformedError for one without an address."""
    divisions = json.get("memberships")
    found = [_division(each) for each in divisions] if isinstance(divisions, list) else []
    return Provider(
        id_from_url(present(text(json, "url"), "")),
        present(text(json, "full_name"), ""),
        normal_email(present(text(json, "email"), "")),
        tuple(each for each in found if each),
    )


def _division(membership: Json) -> str:
    # Memberships are divisions, as addresses or as objects that name one.
    if isinstance(membership, dict):
        membership = membership.get("division") or membership.get("url")
    if isinstance(membership, int) and not isinstance(membership, bool):
        return str(membership)
    return id_from_url(membership) if isinstance(membership, str) else ""


def _doctor_lines(
    doctor: Object, people: list[Provider], offices: list[Object], taken: set[str]
) -> list[str]:
    own_id = present(identity(doctor, "id"), None)
    name = full_name(
        present(text(doctor, "first_name"), ""), present(text(doctor, "last_name"), "")
    )
    provider, sure = counterpart(doctor, name, people)
    how = "no one provider has that e-mail or name"
    if provider is not None:
        how = "sure, same e-mail" if sure else "likely, same name"
        sure = sure and len(provider.divisions) == 1 and provider.remote_id not in taken
        taken.add(provider.remote_id)
    mark = "" if sure else "# "
    lines = [f"# {_comment(name)}: {how}", f"{mark}[[doctors]]"]
    lines.append(f"{mark}drchrono = {_value(own_id)}")
    lines.append(f"{mark}oncall_provider = {provider.remote_id if provider else '?'}")
    divisions = provider.divisions if provider else ()
    lines.append(f"{mark}oncall_division = {divisions[0] if sure else '?'}")
    if not sure:
        choice = ", ".join(divisions) or "unknown"
        lines.append(f"# decide: the provider and the division (divisions: {choice})")
    own = [each for each in offices if present(identity(each, "doctor"), None) == own_id]
    return lines + _office_lines(own or offices, mark)


def _office_lines(offices: list[Object], mark: str) -> list[str]:
    ids = [present(identity(each, "id"), None) or "?" for each in offices]
    names = "; ".join(
        f"{_comment(own)} {_comment(present(text(each, 'name'), ''))}"
        for own, each in zip(ids, offices, strict=True)
    )
    if len(ids) == 1:
        return [f"{mark}booking_office = {_value(ids[0])}  # {names}"]
    return [f"# decide: booking_office = ? ({names or 'no office found'})"]


def counterpart(doctor: Object, name: str, people: list[Provider]) -> tuple[Provider | None, bool]:
    """The provider who is that doctor, and whether that is sure."""
    email = normal_email(present(text(doctor, "email"), ""))
    same = [each for each in people if email and each.email == email]
    if len(same) == 1:
        return same[0], True
    named = [each for each in people if name and normal_name(each.name) == normal_name(name)]
    return (named[0], False) if not same and len(named) == 1 else (None, False)


def _type_lines(profiles: list[Object]) -> list[str]:
    groups: list[str] = []
    rows: list[str] = []
    for each in profiles:
        own_id, name = present(identity(each, "id"), None), present(text(each, "name"), "")
        plain = normal_name(name)
        fits = [word for word, pattern in _TYPE_WORDS if pattern.search(plain)]
        if _GROUP.search(plain) and own_id:
            groups.append(own_id)
        if len(fits) == 1:
            rows.append(f'{_quoted(own_id)} = "{fits[0]}"  # {_comment(name)}')
        else:
            rows.append(f'# decide: {_quoted(own_id)} = "skip"  # {_comment(name)}')
    head = ["[types]", 'default = "skip"']
    if groups:
        head.append(f"group_profiles = {jsonlib.dumps(groups)}  # decide: confirm them")
    return [
        *head,
        "# decide: which profile a visit booked in OnCall gets",
        "# booking_profiles = { online = ?, phone = ?, inperson = ? }",
        "",
        "[types.profiles]",
        *rows,
    ]


def _marker_lines(contact_fields: Mapping[str, str]) -> list[str]:
    lines = ["[markers]", "# decide: contact_field, the OnCall contact field that keeps our marker"]
    for field_id, label in contact_fields.items():
        lines.append(f"# contact_field = {_comment(field_id)}  # {_comment(label)}")
    return lines


def _value(own_id: str | None) -> str:
    """An id as the file holds it: digits bare, anything else in quotes."""
    return own_id if own_id and own_id.isascii() and own_id.isdigit() else _quoted(own_id)


def _quoted(own_id: str | None) -> str:
    return jsonlib.dumps(str(own_id))


def _comment(name: str) -> str:
    # A name must not be able to end its comment and become a line of the file.
    return " ".join(printable(name).split())
