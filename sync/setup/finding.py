"""Define one line of `check`: what was tried, what was found, and what to do about it."""

from dataclasses import dataclass
from typing import Final

from sync.core.errors import AuthFailed, NotBefore, RemoteError

# What to do about an answer, by the error table's word for it.
_FIXES: Final = {
    "forbidden": "Give the account or the key the right to read this.",
    "no_such_endpoint": "Look at the base URL of that system.",
    "server_error": "Try again later; the system answers with an error of its own.",
    "garbled": "Look at the base URL: something else than the API answers there.",
}
_UNREACHED: Final = "Look at the base URL, the network and the firewall."


@dataclass(frozen=True, slots=True)
class Finding:
    """`detail` is what was found; `fix` what to do when not `ok` (empty otherwise)."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def good(name: str, detail: str) -> Finding:
    """All is well."""
    return Finding(name, ok=True, detail=detail)


def trouble(name: str, detail: str, fix: str) -> Finding:
    """Something is to be put right."""
    return Finding(name, ok=False, detail=detail, fix=fix)


def remote_trouble(name: str, failure: RemoteError, credentials: str, right: str = "") -> Finding:
    """What a remote's refusal means for the operator; `credentials` says how to renew them.

    `right` names what must be granted for it.
    """
    if right and failure.code == "forbidden":
        fix = f"Give the DrChrono user and the application the right {right}, then: {credentials}"
        return trouble(name, f"the right {right} is missing", fix)
    if isinstance(failure, AuthFailed):
        return trouble(name, f"the credentials are not taken ({failure.code})", credentials)
    if isinstance(failure, NotBefore):
        until = f"{failure.until:%H:%M:%S} UTC"
        return trouble(name, f"closed until {until} ({failure.code})", f"Try again after {until}.")
    fix = _FIXES.get(failure.code, _UNREACHED)
    return trouble(name, f"it does not do what is asked ({failure.code})", fix)
