"""Look for personal data where none may be, in every form a word can have.

A word counts as found in plain text, escaped as in JSON or an address, and inside anything that is
base64 or zlib, however deep (RQ keeps job data as zlib and exception texts as base64 of zlib).
"""

import base64
import binascii
import contextlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import redis

BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
ZLIB_HEADS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
DEEPEST = 3
# Bytes. A shorter word turns up in keys, nonces and digests by chance: four letters once in about
# 16 million places of base64. What leaks is a field, whosever it is, and each has longer words too.
SHORTEST = 6


def words_of(drchrono: Mapping[str, Any], oncall: Mapping[str, Any]) -> set[str]:
    """Everything personal in the state of both remotes."""
    profiles = {row["name"] for row in drchrono["objects"]["appointment_profiles"]}
    rows: list[tuple[Mapping[str, Any], tuple[str, ...]]] = []
    names = ("first_name", "last_name", "email", "date_of_birth")
    rows += [(row, (*names, "cell_phone")) for row in drchrono["objects"]["patients"]]
    rows += [(row, ("reason", "notes")) for row in drchrono["objects"]["appointments"]]
    rows += [(row, (*names, "name", "phone", "notes")) for row in oncall["objects"]["contacts"]]
    rows += [(row, (*names[:3], "name")) for row in oncall["objects"]["participants"]]
    found = {str(row[key]) for row, keys in rows for key in keys if row.get(key)}
    # The seed's reasons are the names of the profiles, which are the clinic's and not a patient's.
    return spelled(found - profiles)


def spelled(words: Iterable[str]) -> set[str]:
    """The words, with phone numbers and dates also as bare digits."""
    found = {word for word in words if len(word.encode()) >= SHORTEST}
    numbers = {re.sub(r"\D", "", word) for word in found if re.fullmatch(r"[\d() -]+", word)}
    return found | {number for number in numbers if len(number) >= 8}


def hits(words: Iterable[str], content: bytes) -> set[str]:
    """The words that the content tells."""
    everything = b"\0\0".join(_layers(content, DEEPEST))
    return {word for word in words if _tells(everything, word)}


def _tells(content: bytes, word: str) -> bool:
    escaped = json.dumps(word)[1:-1]
    forms = {word, escaped, quote(word), quote_plus(word), word.encode("unicode_escape").decode()}
    return any(_stands(content, form.encode()) for form in forms)


def _stands(content: bytes, form: bytes) -> bool:
    """Whether a form is there and is not the beginning of a longer word (Grace, Graceful)."""
    if form not in content:
        return False
    return re.search(re.escape(form) + rb"(?![a-z])", content) is not None


def _layers(content: bytes, depth: int) -> Iterator[bytes]:
    yield content
    if depth == 0:
        return
    for inner in (*_unpacked(content), *_decoded(content)):
        yield from _layers(inner, depth - 1)


def _unpacked(content: bytes) -> Iterator[bytes]:
    for head in ZLIB_HEADS:
        at = content.find(head)
        while at >= 0:
            with contextlib.suppress(zlib.error):
                yield zlib.decompressobj().decompress(content[at:])
            at = content.find(head, at + 1)


def _decoded(content: bytes) -> Iterator[bytes]:
    for text in BASE64.findall(content):
        bare = text.rstrip(b"=")
        padded = bare + b"=" * (-len(bare) % 4)
        for decode in (base64.b64decode, base64.urlsafe_b64decode):
            try:
                yield decode(padded)
            except binascii.Error:
                continue


# --- places ---------------------------------------------------------------------------------------


def files(directory: Path, but: Iterable[str]) -> dict[str, bytes]:
    """Every byte of every file under a directory, by its path there."""
    left_out = set(but)
    found = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.name not in left_out:
            found[str(path.relative_to(directory))] = path.read_bytes()
    return found


def dump(client: redis.Redis) -> bytes:
    """Everything a Redis holds: each key with its value, of whatever type."""
    told: list[bytes] = []
    for key in client.scan_iter():
        told += [key, *_value(client, key)]
    return b"\n".join(told)


def _value(client: Any, key: bytes) -> list[bytes]:
    kind = client.type(key)
    if kind == b"hash":
        return [part for pair in client.hgetall(key).items() for part in pair]
    if kind == b"list":
        return list(client.lrange(key, 0, -1))
    if kind == b"set":
        return list(client.smembers(key))
    if kind == b"zset":
        return list(client.zrange(key, 0, -1))
    if kind == b"stream":
        return [part for _, entry in client.xrange(key) for pair in entry.items() for part in pair]
    assert kind == b"string", kind
    return [client.get(key)]
