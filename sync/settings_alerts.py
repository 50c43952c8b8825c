"""Judge the settings of alerts: where they go, and what they are signed and sent with.

No sentence repeats the value, which may be a secret.
"""

import base64
import binascii
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email

from sync.settings_rules import UNENCRYPTED, is_loopback

_SHORTEST: Final = 16  # bytes; Standard Webhooks asks for 24 to 64


def mailboxes(value: str) -> str | None:
    """E-mail addresses, separated by commas."""
    for one in value.split(","):
        try:
            validate_email(one.strip(), check_deliverability=False)
        except EmailNotValidError:
            return "holds something that is no e-mail address: write them with commas between"
    return None


def smtp(value: str) -> str | None:
    """smtps://user:password@host:port or smtp://, with ?from= and ?starttls=no."""
    if _host(value, {"smtp", "smtps"}) is None:
        return "is not a mail server: write smtps://user:password@host:465?from=name@clinic.example"
    return None


def page(value: str) -> str | None:
    """An https:// address with any path; http:// on this host only."""
    host = _host(value, {"http", "https"})
    if host is None:
        return "is not an address: write it with https://"
    if urlsplit(value).scheme == "http" and not is_loopback(host):
        return UNENCRYPTED
    return None


def _host(value: str, schemes: Collection[str]) -> str | None:
    """The host of an address of one of these schemes; None for anything else."""
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return None
    return host or None if parts.scheme in schemes else None


def signing_secret(value: str) -> str | None:
    """A secret as Standard Webhooks has it: base64, with or without whsec_ in front."""
    try:
        key = base64.b64decode(value.removeprefix("whsec_") + "==", validate=False)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) < _SHORTEST:
        return "is too short: write whsec_ and what `openssl rand -base64 32` prints"
    return None


def apprise(value: str) -> str | None:
    """An address as Apprise has them: a service's word, ://, and what it needs."""
    if not value.partition("://")[2]:
        return "is no address of Apprise: each begins with a word and ://, as in slack://"
    return None
