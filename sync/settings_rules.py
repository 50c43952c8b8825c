"""Judge what each kind of setting may hold, by where it is used. Pure functions.

No sentence repeats the value, which may be a secret. Which setting follows which rule is one line
each in `sync.config`.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

Rule = Callable[[str], str | None]

SHORTEST_SECRET: Final = 16  # characters, of a secret that is made here
SHORTEST_KEY: Final = 32  # bytes, of a digest key
_FEWEST_SIGNS: Final = 8  # different ones: fewer is a key on the keyboard held down
_LONGEST: Final = 4096  # of what is sent in a header or a path; servers take 8 KiB of all of them
# What people make secrets of. Whoever guesses tries these first, so they count for nothing.
_COMMON: Final = re.compile(
    r"passw(?:or[dt]|d)|secret|webhook|drchrono|oncall|token|qwertyuiop|qwertz|qwerty|asdfghjkl?"
    r"|zxcvbnm|sync|clinic|health|admin|letmein|welcome|iloveyou|digest|encryption|practice"
    r"|production|staging|2019|202[0-9]"
)
_FEWEST_LEFT: Final = 10

_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_IN_PATH: Final = re.compile(r"[A-Za-z0-9._~-]+")  # RFC 3986, unreserved
_VISIBLE: Final = re.compile(r"[!-~]+")
_PRINTABLE: Final = re.compile(r"[ -~]+")  # RFC 9110, field values
_SCOPE: Final = re.compile(r"[A-Za-z0-9_.:/-]+")
_REFERENCE: Final = re.compile(
    r"\$\{[^}]*\}|\$\([^)]*\)|\{\{.*\}\}|\$[A-Z_]+|<[^<>]*>|\[[A-Za-z _-]+\]"
)
_EXAMPLES: Final = frozenset(
    {
        *("admin", "default", "dummy", "foobar", "key", "letmein", "mysecret", "none", "null"),
        *("password", "qwerty", "secret", "secretkey", "string", "supersecret", "test"),
        *("testing", "todo", "token", "undefined", "value", "xxx", "abc"),
    }
)
_EXAMPLE_PARTS: Final = (
    *("changeme", "changethis", "changeit", "replaceme", "replacethis", "placeholder"),
    *("yourkey", "yoursecret", "yourtoken", "yourclient", "yourpassword", "putyour", "insert"),
    *("example", "topsecret", "notasecret", "12345678", "abcdefgh"),
)
UNENCRYPTED: Final = "secrets would travel unencrypted: write it with https://"


def address(value: str) -> str | None:
    """An https:// address of a host alone; http:// on this host only."""
    wanted = "write https:// and the host, with a port if it has one, and nothing behind it"
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"is not an address: {wanted}"
    if parts.scheme not in {"http", "https"} or not _is_host(host) or port == 0:
        return f"is not an address: {wanted}"
    if not _VISIBLE.fullmatch(value) or "\\" in value:
        return f"holds a blank, or a letter that an address can't hold: {wanted}"
    if "@" in parts.netloc:
        return f"holds a user or password, which has no place in it: {wanted}"
    if parts.path.strip("/") or "?" in value or "#" in value:
        return f"has a path or a query, which has no place in it: {wanted}"
    if parts.scheme == "http" and not is_loopback(host):
        return UNENCRYPTED
    return None


def issuer(value: str) -> str | None:
    """An https:// address that may have a path, as an OpenID provider names itself."""
    parts = urlsplit(value)
    if "?" in value or "#" in value:
        return "has a query, which has no place in it: write what the provider calls its issuer"
    return address(f"{parts.scheme}://{parts.netloc}")


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # A last label of digits alone would be taken for a piece of an IPv4 address.
        last = host.rstrip(".").rpartition(".")[2]
        return _HOST.fullmatch(host) is not None and not last.isdigit()
    return True


def listen_host(value: str) -> str | None:
    """A name or address of this host to listen on."""
    if _is_host(value.strip("[]")):
        return None
    return "is no host to listen on: write 127.0.0.1, or 0.0.0.0 for every address of this host"


def host_name(value: str) -> str | None:
    """A host's name or address, without a port."""
    if _is_host(value):
        return None
    return "is no host's name: write it without https:// and without a port"


def file(value: str) -> str | None:
    """A path as the system takes it: nobody but a shell knows whose home ~ is."""
    return "begins with ~, which is no directory: write it whole" if value[0] == "~" else None


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this host itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


def in_header(value: str) -> str | None:
    """A credential that is given to us: sent in a header, so printable ASCII."""
    if not _PRINTABLE.fullmatch(value):
        return "holds letters that can't be sent in a header: copy it anew"
    return _too_long(value) or example(value)


def word(value: str) -> str | None:
    """A credential that is given to us, without blanks."""
    if not _VISIBLE.fullmatch(value):
        return "holds a blank, or letters that are not ASCII: copy it anew"
    return _too_long(value) or example(value)


def name(value: str) -> str | None:
    """A name that another system gives to something: visible ASCII."""
    return None if _VISIBLE.fullmatch(value) else "holds a blank, or letters that are not ASCII"


def _too_long(value: str) -> str | None:
    return "is longer than what can be sent: copy it anew" if len(value) > _LONGEST else None


def words(value: str) -> str | None:
    """Words between blanks or commas, as OAuth's scopes are."""
    if all(_SCOPE.fullmatch(part) for part in value.replace(",", " ").split()):
        return None
    return "is not a list of words: write them with blanks between"


def prefix(value: str) -> str | None:
    """What stands in front of a key in a header."""
    return None if _PRINTABLE.fullmatch(value) else "holds letters that can't be sent in a header"


def each(rule: Rule, later: Rule | None = None) -> Rule:
    """The rule for each entry of a comma-separated list; empty entries are named.

    `later` is the rule for all but the first, where an old one must stay readable.
    """

    def listed(value: str) -> str | None:
        parts = [part.strip() for part in value.split(",")]
        if not any(parts):
            return None  # the same as not set at all
        if not all(parts):
            return "has an empty entry: a comma too many, or an entry that was not put in"
        for number, part in enumerate(parts, start=1):
            problem = (rule if number == 1 or later is None else later)(part)
            if problem is None and part in parts[: number - 1]:
                problem = "stands there twice: remove one"
            if problem is not None:
                return f"entry {number} {problem}" if len(parts) > 1 else problem
        return None

    return listed


def webhook_secret(value: str) -> str | None:
    """A secret that comes back to us in a header."""
    return _made_here(value, _VISIBLE, "visible ASCII letters")


def path_token(value: str) -> str | None:
    """A secret that comes back to us as a piece of a path."""
    return _made_here(value, _IN_PATH, "letters, digits and - . _ ~")


def _made_here(value: str, alphabet: re.Pattern[str], wanted: str) -> str | None:
    if not alphabet.fullmatch(value):
        return f"holds a sign that has no place in it: use {wanted}"
    return _too_long(value) or example(value) or _guessable(value, SHORTEST_SECRET)


def fernet_key(value: str) -> str | None:
    """A key of `cryptography.fernet`: 32 bytes in URL-safe base64."""
    try:
        raw = base64.b64decode(value.encode("ascii"), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != 32:
        return f"is not a Fernet key: make one with {NEW_FERNET}"
    if len(set(raw)) < _FEWEST_SIGNS:
        return f"can be guessed: make a random one with {NEW_FERNET}"
    return None


def digest_key(value: str) -> str | None:
    """A key of the digests: random, at least 32 bytes."""
    if not _VISIBLE.fullmatch(value):
        return "holds a blank, or letters that are not ASCII: use letters and digits"
    return example(value) or _guessable(value, SHORTEST_KEY)


NEW_FERNET: Final = (
    "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)


def old_digest_key(value: str) -> str | None:
    """A former key of the digests, which must go on reading: long enough is enough."""
    return None if len(value.encode()) >= SHORTEST_KEY else f"has fewer than {SHORTEST_KEY} bytes"


RANDOM: Final = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"


def _guessable(value: str, shortest: int) -> str | None:
    if len(value) < shortest:
        return f"has fewer than {shortest} characters: make a random one with {RANDOM}"
    left = re.sub(r"[^a-z0-9]", "", _COMMON.sub("", value.lower()))
    if len(set(value)) < _FEWEST_SIGNS or len(left) < _FEWEST_LEFT:
        return f"can be guessed: make a random one with {RANDOM}"
    return None


def is_reference(value: str) -> bool:
    """Whether it is the name of a value that nobody put in its place."""
    return _REFERENCE.fullmatch(value) is not None


def example(value: str) -> str | None:
    """Whether a secret is an example, or the name of a value that nobody put in."""
    if is_reference(value):
        return "is only a name for a value: nothing was put in its place"
    plain = re.sub(r"[^a-z0-9]", "", value.lower())
    if value.strip("*.") == "":
        return "shows no sign of it, as a hidden value does: copy it anew"
    if re.match(r"(?i)(your|my)[-_ ]", value):
        return "is an example: write your own"
    if plain in _EXAMPLES or any(part in plain for part in _EXAMPLE_PARTS):
        return "is an example: write your own"
    return None


def choice(*allowed: str) -> Rule:
    """One of some words, in capitals or not."""

    def chosen(value: str) -> str | None:
        return None if value.upper() in allowed else f"write one of {', '.join(allowed)}"

    return chosen


def repeated(secrets: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Settings that hold a secret of another one: who learns one of them must not have both.

    `secrets` are each setting's entries. Returns what to say of each such setting.
    """
    found: dict[str, str] = {}
    owner: dict[str, str] = {}
    for name, entries in secrets.items():
        for entry in entries:
            first = owner.setdefault(entry, name)
            if first != name:
                found[name] = f"holds the same secret as {first}: make one for each"
    return found
