"""A whole file is looked at once, and its rows are read again from its bytes in any pieces."""

from __future__ import annotations

import pytest

from sync.core.batch.model import Kind
from sync.sheets import fields, headers
from sync.sheets.errors import UnusableError
from sync.sheets.look import look, rows


@pytest.mark.parametrize("kind", [Kind.IMPORT_PATIENTS, Kind.IMPORT_APPOINTMENTS])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_template_is_read_whatever_the_pieces(kind: Kind, size: int) -> None:
    data = fields.template(kind).encode()
    pieces = [data[place : place + size] for place in range(0, len(data), size)]
    sheet = look(pieces)
    assert sheet.count == 1
    assert [row.cells for row in rows(pieces, sheet.form)] == list(sheet.samples)
    # Each column of a template is known by its header.
    assert len(headers.recognised(kind, sheet.headers)) == len(sheet.headers)


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("François,Côté", "cp1252", "cp1252"),
        ("Zoë,O’Brien–Smith", "cp1252", "cp1252"),
        ("Zoë,Šimůnek", "utf-8", "utf-8"),
        ("Élodie,Žižka", "cp1252", "cp1252"),
        # Read as Windows-1252 these are no words: JosŽ, Mu–oz.
        ("José,Lee", "mac_roman", "encoding_unknown"),
        ("Ann,Muñoz", "mac_roman", "encoding_unknown"),
        ("Zoë,Lee", "mac_roman", "encoding_unknown"),
        ("José,Lee", "cp850", "encoding_unknown"),
        ("Ana,García", "cp850", "encoding_unknown"),
        ("Ann,O´Brien", "cp1252", "cp1252"),
    ],
)
def test_an_encoding_is_sure_or_the_file_is_refused(text: str, encoding: str, found: str) -> None:
    data = f"First Name,Last Name,Email\n{text},a@example.com\n".encode(encoding)
    try:
        sheet = look([data])
    except UnusableError as refused:
        assert refused.code == found  # noqa: PT017 - either is right, each for its own file
        return
    assert sheet.form["encoding"] == found
    assert ",".join(sheet.samples[0][:2]) == text


def test_two_columns_of_one_name_are_told() -> None:
    with pytest.raises(UnusableError) as refused:
        look([b"Name,Name,Email\nAnn,Lee,ann@example.com\n"])
    assert refused.value.code == "same_names"


@pytest.mark.parametrize(
    ("names", "row", "delimiter"),
    [
        ("Patient Name;Email;DOB", "Lee, Ann;a{0}@example.com;1980-01-02", ";"),
        ("First Name|Last Name|Email", "Ann|Lee, MD; PhD|a{0}@example.com", "|"),
        ("First Name,Last Name,Email,Address", 'Ann,Lee,a{0}@example.com,"1; Main; St"', ","),
        ("First Name\tLast Name\tEmail", "Ann, B\tLee, C\ta{0}@example.com", "\t"),
        # Ragged: nothing fits nine rows of ten.
        ("First Name;Last Name;Email", "Ann;Lee;a{0}@example.com\nBob;Ray", ";"),
    ],
)
def test_the_delimiter_is_the_one_by_which_columns_have_names(
    names: str, row: str, delimiter: str
) -> None:
    text = "\n".join([names, *(row.format(number) for number in range(40))]) + "\n"
    assert look([text.encode()]).form["delimiter"] == delimiter
