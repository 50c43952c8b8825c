"""Check the addresses that a remote names, before our credentials go there.

A redirect is followed to exactly the configured origins of that remote (scheme, host, port), a
write to the same path only; no page outside the API is asked. A `next` link is only read: the place
it names is a path and a query of the list that was asked for, and the call goes to the configured
base. A link to a host that is none of that remote's is refused.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urldefrag, urljoin, urlsplit

_PLAIN = re.compile(r"[!-~]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Hosts under which one remote is known. DrChrono's reference and samples use the bare name, its
# schema `app.` (docs/api-facts.md, D1); OnCall's webhooks and samples use `.com` (O38), its two
# servers are `.ca` and `.us` (O1). A link there is only read for its path and query: no call goes
# to another host than the configured one, so Canada's records are never asked of the United States.
_KNOWN_AS = {
    "drchrono": frozenset({"drchrono.com", "app.drchrono.com", "www.drchrono.com"}),
    "oncall": frozenset({"api.oncallhealth.com", "api.oncallhealth.ca", "api.oncallhealth.us"}),
}
# DrChrono's two base URLs (D1). Whoever is configured to one may be sent to the other.
_SAME = frozenset({("https", "app.drchrono.com", 443), ("https", "drchrono.com", 443)})
# Under what API paths stand, beside the base URL's own path.
_API = {"drchrono": "/api/", "oncall": "/"}


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int


@dataclass(frozen=True)
class Base:
    """A remote's configured address, and further origins of the same remote, if any are set."""

    system: str
    url: str
    others: tuple[str, ...] = ()


def page_path(link: str, base: Base, path: str) -> str | None:
    """Give a `next` link as path and query under the base URL; None when it leads elsewhere.

    `path` is the list that was asked for, relative to the base URL. The link may name any scheme
    and port, and any host under which this remote is known: only its query is taken over.
    """
    asked = path.partition("?")[0]
    target, root = _join(base.url.rstrip("/") + asked, link), _split(base.url)
    if target is None or root is None or not _is_known_host(target, root, base):
        return None
    # A proxy that adds the base URL's path of its own is not in the links of what is behind it.
    under = {asked.rstrip("/"), (root.path.rstrip("/") + asked).rstrip("/")}
    if target.path.rstrip("/") not in under:
        return None
    return f"{asked}?{target.query}" if target.query else asked


def redirect_target(
    call_url: str, location: str, base: Base, *, writes: bool, follows: bool = True
) -> str | None:
    """Give the absolute URL to send the same method, body and headers to; None when it may not be.

    `call_url` is the URL that answered with the redirect, `location` its Location header as sent.
    `writes` is whether its method does more than read. `follows` is False for calls
    whose redirects are never followed: those of the token endpoints, which carry a secret in their
    body.
    """
    # OnCall documents no redirect, and its key stands verbatim in each request.
    if not follows or base.system != "drchrono":
        return None
    target, source, root = _join(call_url, location), _split(call_url), _split(base.url)
    if target is None or source is None or root is None:
        return None
    if _origin(target) not in _origins(root, base.others):
        return None
    if not target.path.startswith(root.path.rstrip("/") + _API[base.system]):
        return None
    if {".", ".."} & set(unquote(target.path).split("/")):
        return None
    if writes and target.path != source.path:
        return None
    return urldefrag(target.geturl()).url


def _origins(root: SplitResult, others: Iterable[str]) -> set[_Origin]:
    own = _origin(root)
    found = {own, *(_origin(parts) for one in others if (parts := _split(one)))}
    if own in _SAME:
        found |= {_Origin(*one) for one in _SAME}
    if own.scheme == "https":
        found = {one for one in found if one.scheme == "https"}
    return found


def _is_known_host(target: SplitResult, root: SplitResult, base: Base) -> bool:
    host, own = _origin(target).host, _origin(root).host
    others = {_origin(parts).host for one in base.others if (parts := _split(one))}
    return host in {own, *others} | _KNOWN_AS[base.system] or (
        _is_loopback(own) and _is_loopback(host)
    )


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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
