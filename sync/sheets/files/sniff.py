"""Tell from a file's first bytes what it is: a workbook, a text in some encoding, or of no use."""

from __future__ import annotations

import codecs
from typing import Final

from sync.sheets.errors import UnusableError

FIRST: Final = 64 * 1024
WORKBOOK: Final = "xlsx"
# Bytes that are no UTF-8 are kept apart until the whole file was seen; then it is decided.
UNDECIDED: Final = "utf-8-or-other"
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAVE: Final = "Save it as CSV or XLSX and bring that."
_OTHERS: Final = (
    (
        b"\xd0\xcf\x11\xe0",
        "old_workbook",
        "This is an old Excel file (.xls), or one with a password.",
    ),
    (b"%PDF", "pdf", "This is a PDF."),
    (b"{\\rtf", "wrong_type", "This is a text document."),
    (b"\x1f\x8b", "compressed", "This file is compressed."),
    (b"\x89PNG", "wrong_type", "This is a picture."),
    (b"\xff\xd8\xff", "wrong_type", "This is a picture."),
    (b"GIF8", "wrong_type", "This is a picture."),
    (b"7z\xbc\xaf", "compressed", "This file is compressed."),
    (b"Rar!", "compressed", "This file is compressed."),
    (b"BZh", "compressed", "This file is compressed."),
    (b"SQLite format 3", "wrong_type", "This is a database."),
)
_MARKUP: Final = (
    b"<!doctype",
    b"<html",
    b"<table",
    b"<?xml",
    b"<head",
    b"<meta",
    b"<body",
    b"<!--",
)
# What a text may hold beside letters: tab, ends of lines and pages, DOS's end of file.
_HARMLESS: Final = frozenset(b"\t\n\r\f\x0b\x1a")
_MOST_CONTROLS: Final = 0.02


def kind(head: bytes) -> str:
    """`xlsx`, or the encoding of a text. Raises UnusableError for anything else."""
    if not head.strip():
        raise empty()
    if head.startswith(b"PK"):
        return WORKBOOK
    for magic, code, what in _OTHERS:
        if head.startswith(magic):
            raise UnusableError(code, f"{what} {_SAVE}")
    said = next((encoding for bom, encoding in _BOMS if head.startswith(bom)), None)
    return said or _text(head)


def _text(head: bytes) -> str:
    """The encoding of what no first bytes name. Raises UnusableError where it is no table."""
    start = head.lstrip()[:12].lower()
    if start.startswith(_MARKUP):
        raise UnusableError("markup", f"This is a web page, not a table. {_SAVE}")
    if start[:1] in {b"{", b"["}:
        raise UnusableError("wrong_type", f"This is JSON, not a table. {_SAVE}")
    if b"\0" in head:
        return _without_bom(head)
    controls = sum(byte < 32 and byte not in _HARMLESS for byte in head)
    if controls > _MOST_CONTROLS * len(head):
        raise binary()
    return UNDECIDED


def empty() -> UnusableError:
    """A file that says nothing."""
    return UnusableError("empty", "The file is empty. Export it again.")


def binary() -> UnusableError:
    """What is no text and no workbook."""
    return UnusableError("binary", f"This is neither a CSV nor an Excel file. {_SAVE}")


def _without_bom(head: bytes) -> str:
    """UTF-16 by where its zeros are: in a table most letters have a high byte of 0."""
    if len(head) < 8:
        raise binary()
    even, odd = head[0::2], head[1::2]
    low, high = even.count(0) / len(even), odd.count(0) / max(len(odd), 1)
    if high > 0.4 and low < 0.05:
        return "utf-16-le"
    if low > 0.4 and high < 0.05:
        return "utf-16-be"
    raise binary()
