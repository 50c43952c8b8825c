"""Show a text from outside so that it can do nothing but be read.

A name, a status or an id comes from people and from two remote systems. Shown as it came, it can
steer a terminal (ECMA-48 escape sequences), turn the reading order around (Unicode Standard Annex
9; CVE-2021-42574), hide, begin a line of its own, or run as a formula in a spreadsheet (OWASP, "CSV
Injection"). Every page, terminal line and CSV shows such a text through `printable` or `cell`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

LONGEST: Final = 300
# Control, format (direction and zero-width too), half surrogates, private use, unassigned, line and
# paragraph separators, and every space but the one on the keyboard.
_NOT_SHOWN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
# Of a visible category and yet not seen: fillers, joiners, selectors (Default_Ignorable_Code_Point
# of the Unicode Character Database), a Braille cell without a dot, what stands for an object.
_BLANK: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\ufffc"
)
_SELECTORS: Final = (("\ufe00", "\ufe0f"), ("\U000e0000", "\U000e0fff"))
# More marks on one letter are no spelling, and run over the lines above and below.
_MOST_MARKS: Final = 4
_CUT: Final = "…"
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
# By compatibility (NFKC) full-width, small and raised ones are these too, for some spreadsheets.
_FORMULA: Final = frozenset("=+-@\u2212")


def printable(text: str, longest: int = LONGEST) -> str:
    """The text on one line with everything that is not seen named, as in `‹U+202E›`.

    At most `longest` characters; what is longer ends in `…`. Shown twice it is the same.
    """
    if len(text) <= longest and text.isascii() and text.isprintable():
        return text
    pieces: list[str] = []
    length = 0
    for piece in _pieces(text):
        if length + len(piece) > longest:
            return _cut(pieces, longest)
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces)


def cell(text: str, longest: int = LONGEST, *, lines: bool = False) -> str:
    """The text for a cell of a CSV: printable, and never the beginning of a formula.

    What a spreadsheet would take for one gets an apostrophe in front, which it shows as text. With
    `lines` its ends of lines stay: in quotes they end no row.
    """
    parts = _LINE_END.split(text) if lines else [text]
    shown = "\n".join(printable(part, longest) for part in parts)
    first = unicodedata.normalize("NFKC", shown.lstrip()[:1])[:1]
    return f"'{shown}" if first in _FORMULA else shown


def row(values: Iterable[object]) -> str:
    """One line of a CSV with its line end, each value a `cell` and in quotes."""
    return quoted("" if value is None else cell(str(value)) for value in values)


def quoted(cells: Iterable[str]) -> str:
    """One line of a CSV with its line end, of cells that are safe.

    In quotes a value stays one, whichever separator the reader's spreadsheet expects (RFC 4180).
    """
    return ",".join('"' + one.replace('"', '""') + '"' for one in cells) + "\r\n"


def _pieces(text: str) -> Iterator[str]:
    """Each character, or its name where it would not be seen."""
    marks = _MOST_MARKS  # none may stand on what was shown before the text
    for letter in text:
        if unicodedata.category(letter) in {"Mn", "Me"}:
            marks += 1
            named = marks > _MOST_MARKS or _is_unseen(letter)
        else:
            named = _is_unseen(letter)
            marks = _MOST_MARKS if named else 0
        yield f"‹U+{ord(letter):04X}›" if named else letter


def _is_unseen(letter: str) -> bool:
    if letter == " ":
        return False
    if unicodedata.category(letter) in _NOT_SHOWN or letter in _BLANK:
        return True
    return any(first <= letter <= last for first, last in _SELECTORS)


def _cut(pieces: list[str], longest: int) -> str:
    """What fits in front of the sign that something is left out, whole pieces only."""
    length = sum(map(len, pieces))
    while pieces and length + len(_CUT) > longest:
        length -= len(pieces.pop())
    return "".join(pieces) + _CUT
