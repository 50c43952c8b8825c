"""Clean a text from outside of invisible characters, for comparing and for writing.

Pasted names and addresses carry zero-width spaces, direction marks, soft hyphens and other kinds
of space (Unicode category Cf, Zs). They are no part of a name (docs/adr/0022-text-and-identity.md).
`plain` never makes two texts equal that look different. (Unicode 15, section 23.2 and UAX 15; the
public report validatorjs/validator.js#940.)
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    pass

# For what can't be written: a NUL, half of a surrogate pair, a noncharacter (Unicode 15, 23.7).
REPLACED: Final = "\N{REPLACEMENT CHARACTER}"
_NOT_TEXT: Final = re.compile("[\x00\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# Invisible, and yet of a visible category (Mn, Lo, So, Cn): joiners, fillers, and what stands for
# a picture that was not copied along.
_FILLERS: Final = frozenset(
    "\ufffc\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
)
_BLANK: Final = "\u2800"  # a Braille cell without a dot: a symbol that shows a space
# Number and verse signs of Arabic, Syriac and Kaithi: category Cf, and yet they are seen.
_SEEN: Final = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
_JOINERS: Final = frozenset("\u200c\u200d")
# Scripts whose spelling needs them: Persian "علی‌رضا", Sinhala, Malayalam.
_JOINING: Final = re.compile(
    r"ARABIC|SYRIAC|MONGOLIAN|NKO|DEVANAGARI|BENGALI|GURMUKHI|GUJARATI|ORIYA|TAMIL|TELUGU|KANNADA"
    r"|MALAYALAM|SINHALA|MYANMAR|KHMER|TIBETAN|BALINESE|JAVANESE"
)
_EMOJI: Final = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff\ufe0f]")


class PlainText(str):
    """A text in its plain form that remembers how it was sent (`sent`), where that differs.

    Baselines of earlier versions are digests of what was sent.
    """

    __slots__ = ("sent",)
    sent: str

    @classmethod
    def of(cls, form: str, sent: str) -> str:
        """The form; with what was sent behind it where the two differ."""
        if form == sent:
            return form
        told = cls(form)
        told.sent = sent
        return told


def plain(text: str) -> str:
    """The text in NFC, on one line, without invisible characters and needless spaces.

    Zero-width joiners stay inside words of scripts that are spelt with them and inside an emoji,
    variation selectors after an ideograph or a symbol: without them it would be written otherwise.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    found = unicodedata.normalize("NFC", _NOT_TEXT.sub(REPLACED, text))
    kept: list[str] = []
    for index, letter in enumerate(found):
        kept.append(_kept(letter, kept, found[index + 1 : index + 2]))
    return unicodedata.normalize("NFC", " ".join("".join(kept).split()))


def bare(text: str) -> str:
    """A text as it is compared: plain, and without any joiner or variation selector."""
    found = plain(text)
    if found.isascii():
        return found
    return "".join(one for one in found if one not in _JOINERS and not _selects(one))


def is_damaged(text: str) -> bool:
    """Whether a part of the text could not be read."""
    return REPLACED in text


def _kept(letter: str, before: list[str], after: str) -> str:
    """What stays of one letter: itself, a space, or nothing."""
    if letter in _JOINERS:
        last = next((one for one in reversed(before) if one), "")
        return letter if _is_needed(last, after) else ""
    if _selects(letter):
        last = before[-1] if before else ""
        return letter if last and _takes_selector(last) else ""
    if letter.isspace() or letter == _BLANK:
        return " "
    if letter in _FILLERS or (letter not in _SEEN and unicodedata.category(letter) in {"Cc", "Cf"}):
        return ""
    return letter


def _is_needed(before: str, after: str) -> bool:
    if not before or not after:
        return False
    if _EMOJI.fullmatch(before) and _EMOJI.fullmatch(after):
        return True
    return all(_JOINING.match(unicodedata.name(one, "")) for one in (before, after))


def _selects(letter: str) -> bool:
    return "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef"


def _takes_selector(letter: str) -> bool:
    named = unicodedata.name(letter, "")
    return named.startswith("CJK ") or unicodedata.category(letter) == "So"
