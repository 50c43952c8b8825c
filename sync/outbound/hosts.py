"""Which addresses that a remote names may be called with our credentials.

A `next` link: only on exactly the configured scheme, host and port. A redirect: only within the
registrable domain of the configured host, and never from https down to http (DrChrono API v4,
Requests: "resend the original request … to the new Location").

No public suffix list is carried: the last two labels are taken as the registrable domain, and where
those could be a suffix under which strangers register, nothing but the same host will do.
"""

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import SplitResult, urldefrag, urljoin, urlsplit

_PLAIN = re.compile(r"[!-~]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Second-level labels that countries register names under: co.uk, com.au, gc.ca, …
_SECOND_LEVEL = frozenset(
    {"ac", "co", "com", "edu", "gc", "go", "gob", "gov", "gv", "ltd", "me", "mil", "ne"}
    | {"net", "nhs", "nom", "on", "or", "org", "plc", "qc", "sch"}
)
# Names under which hosting companies give a name to every customer.
_SHARED = frozenset(
    {
        "amazonaws.com",
        "appspot.com",
        "azurewebsites.net",
        "cloudapp.net",
        "cloudfront.net",
        "fly.dev",
        "github.io",
        "herokuapp.com",
        "netlify.app",
        "ngrok.app",
        "ngrok.io",
        "onrender.com",
        "pages.dev",
        "run.app",
        "vercel.app",
        "web.app",
        "workers.dev",
    }
)


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int


def page_path(link: str, base_url: str) -> str | None:
    """Give a `next` link as path and query under the base URL; None when it leads elsewhere."""
    target, base = _join(base_url, link), _split(base_url)
    if target is None or base is None or _origin(target) != _origin(base):
        return None
    prefix = base.path.rstrip("/")
    if not target.path.startswith(prefix + "/"):
        return None
    path = target.path.removeprefix(prefix)
    return f"{path}?{target.query}" if target.query else path


def redirect_target(call_url: str, location: str, base_url: str) -> str | None:
    """Give the absolute URL to send the same method, body and headers to; None when it may not be.

    `call_url` is the URL that answered with the redirect, `location` its Location header as sent,
    `base_url` the configured one.
    """
    target = _join(call_url, location)
    source, base = _split(call_url), _split(base_url)
    if target is None or source is None or base is None:
        return None
    to, configured = _origin(target), _origin(base)
    if to.scheme == "http" and "https" in {source.scheme, base.scheme}:
        return None
    if not _same_domain(to.host, configured.host):
        return None
    usual_port = to.port in {_DEFAULT_PORTS[to.scheme], configured.port}
    if not usual_port and not _is_loopback(configured.host):
        return None
    return urldefrag(target.geturl()).url


def _join(base: str, link: str) -> SplitResult | None:
    # Joining drops line ends and the like: look before.
    if not _PLAIN.fullmatch(link):
        return None
    try:
        return _split(urljoin(base, link))
    except ValueError:
        return None


def _split(url: str) -> SplitResult | None:
    if not _PLAIN.fullmatch(url) or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts if port_is_valid else None


def _origin(parts: SplitResult) -> _Origin:
    host = (parts.hostname or "").rstrip(".")
    return _Origin(parts.scheme, host, parts.port or _DEFAULT_PORTS[parts.scheme])


def _same_domain(host: str, configured: str) -> bool:
    if host == configured:
        return True
    if _is_loopback(configured):
        return _is_loopback(host)
    domain = _registrable(configured)
    return domain is not None and _registrable(host) == domain


def _registrable(host: str) -> str | None:
    labels = host.split(".")
    if len(labels) < 2 or _address(host) is not None:
        return None
    domain = ".".join(labels[-2:])
    country_suffix = len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return None if country_suffix or domain in _SHARED else domain


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return address.is_loopback if address is not None else host == "localhost"


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
