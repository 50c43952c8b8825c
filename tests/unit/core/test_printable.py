"""Show every text from outside so that it can't steer, turn, hide or run anything."""

import csv
import io
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync.core.printable import LONGEST, cell, printable, row

# Any code point, halves of a surrogate pair too; the nasty ones often.
NASTY = (
    "\x00\x07\x08\t\n\x0b\r\x1b\x7f\x85\x9b\u00a0\u00ad\u034f\u061c\u180e\u200b\u200d\u200e\u200f"
    "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufe0f\ufeff\ufff9"
    "\ud800\udfff\ue000\uffff\u0378\u3164\u0301\U000e0001\U000e0100\U0010ffff=+-@＝＋－＠−﹦⁺ '\","
)
LETTERS = st.one_of(
    st.sampled_from(NASTY), st.characters(), st.integers(0, sys.maxunicode).map(chr)
)
TEXTS = st.lists(LETTERS, max_size=60).map("".join)
# What stands for a formula's first character somewhere (OWASP, CSV Injection).
STARTS = tuple("=+-@\t\r\n＝＋－＠﹦﹢﹣﹫−⁼⁺⁻")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("", ""),
        ("Zoë Müller-Lüdenscheidt, 王小明", "Zoë Müller-Lüdenscheidt, 王小明"),
        ("שרה כהן", "שרה כהן"),
        ("Jose\u0301", "Jose\u0301"),
        ("a\u202eb", "a‹U+202E›b"),
        ("\x1b[2J\x1b]0;x\x07", "‹U+001B›[2J‹U+001B›]0;x‹U+0007›"),
        ("a\nb\r\tc", "a‹U+000A›b‹U+000D›‹U+0009›c"),
        ("a\u2028b\u2029", "a‹U+2028›b‹U+2029›"),
        ("\u2066a\u2069\u200e\u061c", "‹U+2066›a‹U+2069›‹U+200E›‹U+061C›"),
        ("a\u200bb\ufeff\u00ad", "a‹U+200B›b‹U+FEFF›‹U+00AD›"),
        ("\ud83da", "‹U+D83D›a"),
        ("\ue000\U0010ffff\uffff", "‹U+E000›‹U+10FFFF›‹U+FFFF›"),
        ("a\u00a0b", "a‹U+00A0›b"),
        ("\u3164", "‹U+3164›"),
        ("\u0301a", "‹U+0301›a"),
        ("a" + "\u0301" * 6, "a" + "\u0301" * 4 + "‹U+0301›" * 2),
        ("\x9b31m", "‹U+009B›31m"),
    ],
)
def test_what_is_not_seen_is_named(sent: str, shown: str) -> None:
    assert printable(sent) == shown


@given(TEXTS)
@example("\U000e0041" * 60)
def test_nothing_shown_steers_hides_or_breaks_the_line(sent: str) -> None:
    shown = printable(sent)
    assert len(shown) <= LONGEST
    assert all(one == " " or one.isprintable() for one in shown)
    bad = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not {unicodedata.category(one) for one in shown} & bad
    assert not {unicodedata.bidirectional(one) for one in shown} & {
        *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "BN", "B", "S")
    }
    shown.encode("utf-8")
    assert printable(shown) == shown


@given(TEXTS, st.integers(1, 40))
def test_it_is_never_longer_than_asked_and_cut_between_characters(sent: str, longest: int) -> None:
    whole, shown = printable(sent, 10_000), printable(sent, longest)
    assert len(shown) <= longest
    assert shown == whole or shown.endswith("…")
    if shown != whole:
        assert whole.startswith(shown[:-1])
        assert shown[:-1].count("‹U+") <= shown[:-1].count("›")


@given(st.text(alphabet=" \u00a0\u3000\u200b", max_size=3), st.sampled_from(STARTS), TEXTS)
def test_no_cell_begins_a_formula(before: str, start: str, rest: str) -> None:
    shown = cell(f"{before}{start}{rest}")
    first = unicodedata.normalize("NFKC", shown.strip()[:1])
    assert first not in {"=", "+", "-", "@", "\u2212", "\t", "\r"}
    assert cell(shown) == shown


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_a_row_is_read_back_as_the_cells_it_was_made_of(sent: list[str]) -> None:
    line = row(sent)
    assert line.count("\n") == 1
    for read in csv.reader(io.StringIO(line, newline="")):
        assert read == [cell(one) for one in sent]


def test_a_row_tells_nothing_as_an_empty_cell() -> None:
    assert row([None, 7, "a"]) == '"","7","a"\r\n'
