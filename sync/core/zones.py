"""Find the time zone that a name means, or none where that is not sure.

DrChrono names a doctor's zone in no one form: old names (`US/Eastern`) occur, and so do names with
other case and blanks that a person or an import typed (docs/api-facts.md, D25). A name that is no
zone is unknown. It is never taken for UTC or a default: every visit would be hours off (R28 of
docs/rules.md).
"""

import html
import re
import unicodedata
import zoneinfo
from datetime import datetime
from functools import lru_cache
from typing import Final

# No places: "unknown" (Factory), and what this machine happens to be set to.
_NO_ZONES: Final = frozenset({"Factory", "localtime", "posixrules"})
# "(GMT-05:00) Eastern Time (US & Canada)"; what the tz database's own folders are called.
_SHOWN: Final = re.compile(r"^[\s'\"]*(?:\((?:GMT|UTC)[^)]*\)|posix/)", re.IGNORECASE)
# What ActiveSupport::TimeZone, and the pages made with it, call the zones of North America.
_SPOKEN: Final = {
    "Atlantic Time (Canada)": "America/Halifax",
    "Eastern Time (US & Canada)": "America/New_York",
    "Indiana (East)": "America/Indiana/Indianapolis",
    "Central Time (US & Canada)": "America/Chicago",
    "Mountain Time (US & Canada)": "America/Denver",
    "Arizona": "America/Phoenix",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Alaska": "America/Anchorage",
    "Hawaii": "Pacific/Honolulu",
    "Newfoundland": "America/St_Johns",
    "Saskatchewan": "America/Regina",
    "US/Pacific-New": "America/Los_Angeles",  # left the tz database in 2020
    "Canada/East-Saskatchewan": "America/Regina",  # in 2017
}


def known_zone(name: object) -> str | None:
    """Name the zone as the tz database does, its `backward` names too; None for what is no zone.

    Case, blanks around it and between words, and invisible characters don't count, nor do quotes
    around it, a backslash for a slash, or the offset that calendar pages show before a name.
    """
    if not isinstance(name, str) or len(name) > 80:
        return None
    return _names().get(_folded(_SHOWN.sub("", html.unescape(name)).strip("'\" ")))


def moved(instant: datetime, before: str, after: str) -> datetime | None:
    """Give the instant at which the clock of zone `after` shows what `before` shows at `instant`.

    None when it is the same instant. Both names are of `known_zone`. A time that daylight saving
    skips is treated as in `core.times`.
    """
    wall = instant.astimezone(zoneinfo.ZoneInfo(before)).replace(tzinfo=None)
    now = wall.replace(tzinfo=zoneinfo.ZoneInfo(after)).astimezone(instant.tzinfo)
    return None if now == instant else now


# A hyphen stands between letters only: the one of Etc/GMT-5 is a sign.
_ALIKE: Final = re.compile(r"_|(?<=[a-z])-(?=[a-z])|\band\b|&")


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    known = zoneinfo.available_timezones() - _NO_ZONES
    return {_folded(name): name for name in known} | {
        _folded(spoken): name for spoken, name in _SPOKEN.items() if name in known
    }


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name)
    visible = "".join(one for one in plain if unicodedata.category(one) not in {"Cf", "Cc"})
    parts = (
        part.strip() for part in _ALIKE.sub(" ", visible.casefold()).replace("\\", "/").split("/")
    )
    return "/".join("_".join(part.split()) for part in parts)
