"""Whose account an answer is of: DrChrono's practice group, OnCall's divisions. Pure."""

from collections.abc import Iterable

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
    lowest = min((str(one["id"]) for one in found), default="0")
    return min(groups(found), default=f"{DOCTOR}{lowest}")


def divisions(providers: Iterable[dict[str, Json]]) -> frozenset[str]:
    """OnCall's divisions, by its providers; "0" stands for none.

    OnCall names no organisation anywhere; its lowest division stands for it.
    """
    found = {id_from_url(url) for one in providers for url in division_urls(one)}
    return frozenset(found) or frozenset({NO_DIVISION})


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
