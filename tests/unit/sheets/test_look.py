"""A whole file is looked at once, and its rows are read again from its bytes in any pieces."""

from __future__ import annotations

import pytest

from sync.core.batch.model import Kind
from sync.sheets import fields, headers
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
