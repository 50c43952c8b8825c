"""Drop what nobody sees in a text, and keep whatever can be seen."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core import wire
from sync.core.rules.people import normal_email, normal_name
from sync.core.texts import PlainText, bare, plain
from sync.core.wording import as_sent


@pytest.mark.parametrize(
    ("sent", "form"),
    [
        ("\u200bJane", "Jane"),
        ("Doe\u200f", "Doe"),
        ("\ufeffDoe\u2060", "Doe"),
        ("Doe\u00a0", "Doe"),
        ("Anna\u3000Maria", "Anna Maria"),
        ("Anna\u2028 \tMaria\n", "Anna Maria"),
        ("exam\u00adple", "example"),
        ("\u202bשרה\u202c", "שרה"),
        ("Jose\u0301", "José"),
        ("e\u200b\u0301", "é"),
        ("\u3164", ""),
        ("\u200b", ""),
        ("\ufe0fDoe", "Doe"),
        ("Ja\x00ne", "Ja\ufffdne"),
        ("\ud83dDoe", "\ufffdDoe"),
        ("Doe\x07", "Doe"),
        ("Doe\ufffc", "Doe"),
        ("Doe\ufdd0", "Doe\ufffd"),
        ("\uffffDoe", "\ufffdDoe"),
        # Spelt with a joiner, chosen by a selector: these are to be seen.
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("\u200cعلی\u200c", "علی"),
        ("ශ්\u200dරී", "ශ්\u200dරී"),
        ("👩\u200d⚕\ufe0f", "👩\u200d⚕\ufe0f"),
        ("葛\U000e0100城", "葛\U000e0100城"),
        ("Ja\u200dne", "Jane"),
    ],
)
def test_what_a_text_says(sent: str, form: str) -> None:
    assert plain(sent) == form
    assert wire.text({"key": sent}, "key") == form


def test_notes_are_written_back_as_they_were_read() -> None:
    notes = "First line\n\u200bsecond  line"
    assert wire.verbatim({"notes": notes}, "notes") == notes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("علی\u200cرضا", "علیرضا"),
        ("O\u02bcBrien", "O'Brien"),
        ("\u200bJane", "jane"),
        ("Smith\u2010Jones", "Smith-Jones"),
        ("Jose\u0301", "JOSÉ"),
    ],
)
def test_the_same_name(one: str, other: str) -> None:
    assert normal_name(one) == normal_name(other) != ""


def test_another_letter_is_another_name() -> None:
    assert normal_name("はな") != normal_name("ばな")
    assert normal_email("\ufeffjane@exam\u00adple.com") == "jane@example.com"


def test_what_was_sent_is_remembered() -> None:
    told = wire.text({"key": "\u200bJane"}, "key")
    assert isinstance(told, PlainText)
    assert as_sent([told, "Doe", None]) == ["\u200bJane", "Doe", None]
    assert not isinstance(wire.text({"key": "Jane"}, "key"), PlainText)


@given(st.text(st.characters(codec=None)))
def test_plain_is_plain(text: str) -> None:
    form = plain(text)
    assert plain(form) == form
    assert bare(bare(text)) == bare(text) == bare(form)
    assert "\x00" not in form.encode().decode()  # it can be written
    assert form == unicodedata.normalize("NFC", form).strip()


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Sm", "Sc"])))
def test_what_can_be_seen_stays(text: str) -> None:
    """Two different texts never become equal: each visible one is its own form."""
    seen = unicodedata.normalize("NFC", text)
    fillers = "\u115f\u1160\u3164\uffa0"
    if not any(one in fillers for one in seen):
        assert plain(seen) == seen
