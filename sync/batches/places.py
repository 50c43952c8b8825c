"""Find the doctor whom a line means by a provider: names are read live, ids are kept."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sync.core.records import present
from sync.core.rules.people import full_name
from sync.core.wire import MalformedError, identity, record, text
from sync.oncall.translate import id_from_url
from sync.sheets.places import Named, Place, Places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sync.core.wording import Json
    from sync.outbound.gate import Ticket
    from sync.runtime import Sync


def mapped(sync: Sync) -> Places:
    """The mapping alone, by ids: without a call."""
    found = sync.mapping
    return Places(
        tuple(
            Place(one.drchrono, one.oncall_provider, one.oncall_division, found.zone(one.drchrono))
            for one in found.doctors
        )
    )


def named(sync: Sync, ticket: Ticket) -> Places:
    """The mapping, and the names that both systems have. Raises the RemoteErrors of the lists."""
    providers = [record(one, "provider") for one in sync.oncall.providers(ticket)]
    doctors = [record(one, "doctor") for one in sync.drchrono.doctors(ticket)]
    return Places(
        mapped(sync).mapped,
        tuple(_provider(one) for one in providers),
        tuple(sorted({each for one in providers for each in _divisions(one)}, key=_id)),
        tuple(_doctor(one) for one in doctors),
    )


def doctor_named(sync: Sync, provider: str) -> str:
    """DrChrono's id of the mapped doctor whom a person names by their OnCall provider.

    Raises LookupError with a sentence, and the RemoteErrors of the lists.
    """
    found, wrong, _ = mapped(sync).doctor(provider)
    if found is None:
        found, wrong, _ = named(sync, sync.task_ticket()).doctor(provider)
    if found is not None:
        return found
    if wrong in {"provider_ambiguous", "division_needed"}:
        raise LookupError("Name one provider: several people or places answer to that.")
    raise LookupError("Name a provider of the mapping: by id, e-mail or name.")


def _id(one: Named) -> str:
    return one.id


def _provider(json: Mapping[str, Json]) -> Named:
    email = present(text(json, "email"), "")
    return Named(_number(json.get("url")), present(text(json, "full_name"), ""), email)


def _doctor(json: Mapping[str, Json]) -> Named:
    names = present(text(json, "first_name"), ""), present(text(json, "last_name"), "")
    ident = present(identity(json, "id"), None) or ""
    return Named(ident, full_name(*names), present(text(json, "email"), ""))


def _divisions(provider: Mapping[str, Json]) -> Iterator[Named]:
    """The divisions that a provider is a member of: addresses, or objects that name one.

    Either may be sent (docs/api-facts.md, O36).
    """
    memberships = provider.get("memberships")
    for one in memberships if isinstance(memberships, list) else []:
        inner = one.get("division") if isinstance(one, dict) else one
        inner = one if inner is None else inner
        name = present(text(inner, "name"), "") if isinstance(inner, dict) else ""
        number = _number(inner.get("url") if isinstance(inner, dict) else inner)
        if number:
            yield Named(number, name)


def _number(address: Json) -> str:
    """The id at an address's end; "" where there is none."""
    with suppress(MalformedError):
        return id_from_url(address) if isinstance(address, str) else str(address or "")
    return ""
