"""Name the clock that the clinic's people look at: times are shown on it beside UTC."""

from collections import Counter

from sync.mapping import Mapping, MappingError
from sync.runtime import Sync


def zone(sync: Sync) -> str | None:
    """The time zone of most mapped doctors; None where nobody's is known."""
    try:
        return most_common(sync.mapping)
    except MappingError:
        return None


def most_common(mapping: Mapping) -> str | None:
    """The zone of most doctors of a mapping, of as many the first by name."""
    told = (mapping.zone(one.drchrono) for one in mapping.doctors)
    counted = Counter(one for one in told if one is not None)
    return min(counted, key=lambda name: (-counted[name], name), default=None)
