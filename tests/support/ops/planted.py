"""Plant what attacks a page into every text that the two systems answer, and look for it there.

The texts are planted on the wire, in whatever field a remote's answer has: one that a client reads
tomorrow is planted too.
"""

import csv
import io
import json
import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.support.ops.crawl import Answered, Seen

WORD = "pwned"  # in each of them, and nowhere else
PAYLOADS = (
    f"<script>window.{WORD}=1</script>",
    f'"><img src=x onerror="window.{WORD}=1">',
    f"' onfocus='window.{WORD}=1' autofocus='",
    f"javascript:window.{WORD}=1//",
    f"</title></textarea></style><svg onload=window.{WORD}=1>",
    f"{{{{1009*9176537}}}} {{% raw %}}{WORD} ${{1009*9176537}}",
    f'=HYPERLINK("http://{WORD}.example")',
    f"\u202e{WORD}\u2066\u200b\x1b[2J\x9b\x00\r\nSet-Cookie: {WORD}=1",
    f'`}}];window.{WORD}=1;//\\"\u2028<!--',
)
# What a template would make of it; too long to stand in a digest by chance.
EVALUATED = "9259125833"

# Fields by which answers are understood: with these planted, no page would be reached.
MEANING = frozenset(
    {
        *("datetime", "scheduled_time", "updated", "updated_at", "created_at", "date_of_birth"),
        *("extended_updated_at", "timezone", "id", "email", "type", "metadata", "patient_status"),
        *("access_token", "refresh_token", "token_type", "scope"),
    }
)
URLS = frozenset(["href", "src", "action", "formaction", "poster", "data", "hx-get", "hx-post"])
FOREIGN = ("iframe", "object", "embed", "base", "svg", "img")
ACTIVE = ("script", "iframe", "object", "embed", "svg", "img", "style", "base", "meta")


class Planting:
    """A wire that plants payloads into the texts of every answer while it is `on`.

    The same text gets the same payload until `shift` is another, and what has one is left as it is:
    the two systems can agree. `everywhere`: also into the fields by which answers are understood,
    and into headers.
    """

    def __init__(self, wire: Any) -> None:
        self._wire = wire
        self.on = False
        self.everywhere = False
        self.shift = 0
        self.fields: set[str] = set()

    def send(self, request: Any) -> Any:
        answer = self._wire.send(request)
        if not self.on or not answer.content or "json" not in answer.content_type:
            return answer
        content = json.dumps(self._planted(json.loads(answer.content))).encode()
        headers = answer.headers
        if self.everywhere:
            headers = {**headers, "x-request-id": PAYLOADS[0], "retry-after": PAYLOADS[1]}
        return replace(answer, content=content, headers=headers)

    def _planted(self, value: Any, name: str = "") -> Any:
        if isinstance(value, Mapping):
            return {key: self._planted(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._planted(inner, name) for inner in value]
        if value is None and self.everywhere:
            return self._payload(name)
        if not isinstance(value, str) or WORD in value:
            return value
        if (name in MEANING or value.startswith("http")) and not self.everywhere:
            return value
        self.fields.add(name)
        planted = self._payload(name + value)
        # A formula begins; all else has the value in front, as a name that somebody typed has.
        return planted if planted.startswith("=") else f"{value[:40]} {planted}".lstrip()

    def _payload(self, of: str) -> str:
        return PAYLOADS[(zlib.crc32(of.encode()) + self.shift) % len(PAYLOADS)]


def harmed(found: Answered) -> list[str]:
    """What a payload did to an answer; none is as it should be."""
    headers = "".join(f"{name}: {value}\n" for name, value in found.answer.headers.items())
    # A spreadsheet takes a CSV for UTF-8 by the mark in front.
    is_table = found.answer.mimetype == "text/csv"
    text = found.text.removeprefix("\ufeff") if is_table else found.text
    problems = [f"a header has it: {headers}"] if WORD in headers else []
    problems += [f"{letter!a} stands in it" for letter in sorted(set(filter(_acts, text)))]
    if is_table:
        return problems + formulas(text)
    if not found.is_page:
        if WORD in text and found.answer.mimetype != "application/json":
            problems.append(f"{found.answer.mimetype} has it")
        return problems
    if EVALUATED in text.replace(WORD, ""):
        problems.append("a template took it for its own")
    page = Seen(text)
    # No page of ours has any of these, whatever stands in it.
    problems += [
        f"<{one.tag}>"
        for one in page.elements
        if one.tag in FOREIGN or (one.tag == "script" and "src" not in one.attributes)
    ]
    problems += [
        f"<{one.tag} {name}={value[:80]!r}>"
        for one in page.elements
        for name, value in one.attributes.items()
        if WORD in name or _is_active(one.tag, name, value)
    ]
    return problems


def _is_active(tag: str, name: str, value: str) -> bool:
    if WORD not in value:
        return False
    if name.startswith("on") or name in {"style", "srcdoc", "class", "id", "nonce", "hx-vals"}:
        return True
    if name in URLS:  # as a parameter, encoded, it is only a word
        return not value.startswith("/ops")
    return tag in ACTIVE


def formulas(text: str) -> list[str]:
    """The cells that a spreadsheet would reckon with."""
    rows = csv.reader(io.StringIO(text, newline=""))
    cells = [cell for row in rows for cell in row]
    return [cell for cell in cells if cell[:1] in set("=+-@\t\r") and not _is_number(cell)]


def _is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).isdigit()


def _acts(letter: str) -> bool:
    """Whether a sign does something where it is shown."""
    return letter not in "\n\r\t" and unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp"}
