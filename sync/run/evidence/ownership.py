"""Tell whose account an answer is of: DrChrono's practice group, OnCall's divisions. Pure."""

from collections.abc import Iterable

from sync.core.wire import MalformedError
from sync.core.wording import Json
from sync.oncall.translate import id_from_url

DOCTOR = "doctor-"
NO_DIVISION = "0"


def groups(doctors: Iterable[dict[str, Json]]) -> frozenset[str]:
    """The practice groups that these doctors are of."""
    return frozenset(str(one["practice_group"]) for one in doctors if one.get("practice_group"))


def group_of(doctors: Iterable[dict[str, Json]]) -> str:
    """The practice group; an account without a group is named by its lowest doctor."""
    found = list(doctors)
    lowest = min((str(one["id"]) for one in found if one.get("id")), default="0")
    return min(groups(found), default=f"{DOCTOR}{lowest}")


def divisions(providers: Iterable[dict[str, Json]]) -> frozenset[str]:
    """OnCall's divisions, by its providers; "0" stands for none.

    OnCall names no organisation anywhere; its lowest division stands for it.
    """
    named = (number_in(url) for one in providers for url in division_urls(one))
    return frozenset(one for one in named if one is not None) or frozenset({NO_DIVISION})


def number_in(url: Json) -> str | None:
    """The id at the end of an address of OnCall's; None where it is none."""
    try:
        return id_from_url(str(url))
    except MalformedError:
        return None


def is_readable(system: str, people: Iterable[dict[str, Json]]) -> bool:
    """Whether a list of doctors or providers is one: nobody in it, or one who has an id."""
    found = list(people)
    if system == "oncall":
        return not found or any(number_in(one.get("url")) for one in found)
    return not found or any(isinstance(one.get("id"), int | str) for one in found)


def division_urls(provider: dict[str, Json]) -> list[str]:
    """The addresses of the divisions a provider is a member of (OnCall has no list of them)."""
    found = []
    memberships = provider.get("memberships")
    for one in memberships if isinstance(memberships, list) else []:
        division = one.get("division") if isinstance(one, dict) else one
        if isinstance(division, dict):
            division = division.get("url")
        if isinstance(division, str) and "/" in division:
            found.append(division)
    return found
