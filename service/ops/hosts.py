"""Say under which hosts' names the operations pages may be asked. Pure functions.

A web site whose name leads to 127.0.0.1 (DNS rebinding) reaches a port of this machine through the
browser of somebody who sits at it; what the browser then says in `Host` is that site's name.
"""

from urllib.parse import urlsplit

from sync.config import Settings
from sync.settings_rules import is_loopback

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - nothing is bound here


def name_of(host: str) -> str:
    """A `Host` without its port, in small letters; "" for one that is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def is_ours(settings: Settings, host: str) -> bool:
    """Whether somebody who asks for that `Host` means us."""
    name = name_of(host)
    if not name:
        return False
    known = {name_of(urlsplit(settings.ops_address).netloc), *settings.ops_names}
    if settings.ops_host not in _EVERYWHERE:
        known.add(settings.ops_host.strip("[]").lower())
    return is_loopback(name) or name in known


def is_https(settings: Settings, host: str) -> bool:
    """Whether a browser that asks for that `Host` does so over https."""
    return settings.ops_address.startswith("https:") and not is_loopback(name_of(host))
