"""Read the one e-mail address that a text surely names; take invented ones for none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.addresses import USUAL_TABLE, Table, form, is_sure, read

JANE = "jane.doe+clinic@mail.example"


@pytest.mark.parametrize(
    "text",
    [
        JANE,
        f"  {JANE.upper()} ",
        f"mailto:{JANE}",
        f"MAILTO:{JANE}?subject=Visit",
        f"E-mail: {JANE}",
        f"Jane Doe <{JANE}>",
        f'"Doe, Jane" <{JANE}>',
        f"<{JANE}>",
        f"<mailto:{JANE}>",
        f"({JANE})",
        f'"{JANE}"',
        f"“{JANE}”",
        f"{JANE}.",
        f"{JANE};",
        f"{JANE} ,",
        f"{JANE}, {JANE.upper()}",
        f"{JANE} <{JANE}>",
        f"{JANE} / {JANE.upper()}",
        f"[{JANE}](mailto:{JANE})",
        f"\ufeff{JANE}\u200b",
        JANE.replace("doe", "d\u00adoe"),
        JANE.replace("@", "＠"),
    ],
)
def test_surely_one_address(text: str) -> None:
    assert read(text) == form(text) == JANE
    assert is_sure(form(text))


@pytest.mark.parametrize(
    "text",
    [
        "a@mail.example; b@mail.example",
        "a@mail.example b@mail.example",
        "a@mail.example/b@mail.example",
        "Bob b@mail.example",
        "b@mail.example <a@mail.example>",
        "jane.doe",
        "jane at mail.example",
        "jane @mail.example",
        "ja ne@mail.example",
        "jane@mail",
        "jane@mail,example",
        "jane@@mail.example",
        "jane..doe@mail.example",
        "jane@-mail.example",
        "jane–doe@mail.example",
        f"{JANE} (mother)",
        f"{JANE} | b@mail.example",
        "jane@192.0.2.1",
    ],
)
def test_somebody_is_to_be_asked(text: str) -> None:
    assert read(text) is None
    assert not is_sure(form(text))
    assert USUAL_TABLE.mailbox(text) != ""


@pytest.mark.parametrize(
    "address",
    [
        "noemail@noemail.com",
        "none@none.com",
        "na@na.com",
        "no@email.com",
        "test@test.com",
        "x@x.com",
        "NoEmail@clinic.example",
        "Declined@clinic.example",
        "none",
        "N/A",
        "-",
        "",
        # Varied, by words of their own, and in the other languages of both countries.
        "noemail123@clinic.example",
        "no.email.on.file@clinic.example",
        "not.provided@clinic.example",
        "noemail+1@clinic.example",
        "No-Email-2@clinic.example",
        "nonegiven@clinic.example",
        "notapplicable@clinic.example",
        "pt_declined@clinic.example",
        "declinedemail@clinic.example",
        "emailnotprovided@clinic.example",
        "front@declined.com",
        "noone@nowhere.org",
        "decline@decline.com",
        "a@b.com",
        "x@y.com",
        "1@1.com",
        "xyz@xyz.com",
        "NA@gmail.com",
        "asdf@gmail.com",
        "sincorreo@clinic.example",
        "ninguno@ninguno.com",
        "aucun@aucun.fr",
        "pasdecourriel@clinic.example",
        "ｎｏｎｅ＠ｎｏｎｅ．ｃｏｍ",
        "mailto:none1@none.com",
        "No Email <noemail@noemail.com>",
        "patient declined",
        "Refused to give one",
        "no email address",
        "null",
        "??",
    ],
)
def test_invented_ones_count_as_none(address: str) -> None:
    assert USUAL_TABLE.mailbox(address) == ""


@pytest.mark.parametrize(
    "address",
    [
        "sam@example.com",
        "jane@riverside.example",
        "jane@x.org",
        "noel@mail.example",
        "nona@mail.example",
        "nobody.smith@mail.example",
        "smith@smith.org",
        "ana@na-mail.example",
        "peter.noone@mail.example",
        "t.b.diaz@mail.example",
        "ana2@mail.example",
        "nomi@mail.example",
        "nunez.none@mail.example",
        "x.y@mail.example",
    ],
)
def test_real_ones_are_kept(address: str) -> None:
    assert USUAL_TABLE.mailbox(address) == address


def test_the_clinics_own_words() -> None:
    table = Table.of(["FrontDesk@clinic.example"], ["none@none.com"], usual=True, families=2)
    assert table.mailbox("frontdesk@clinic.example") == ""
    assert table.mailbox("none@none.com") == "none@none.com"  # said to be somebody's
    assert table.mailbox("noemail@x.org") == ""
    only = Table.of(["a@clinic.example"], [], usual=False, families=2)
    assert only.mailbox("noemail@x.org") == "noemail@x.org"


@pytest.mark.parametrize(
    ("charts", "families", "crowd"),
    [
        (4, 1, False),
        (5, 5, False),
        (6, 6, True),
        (40, 40, True),
        (8, 1, False),
        (8, 3, False),
        (11, 2, False),
        (40, 4, True),
    ],
)
def test_how_many_are_one_household(charts: int, families: int, crowd: bool) -> None:
    assert USUAL_TABLE.is_crowd(JANE, charts, families) is crowd
    assert not Table.of([], [JANE], usual=True, families=5).is_crowd(JANE, charts, families)
    assert not Table.of([], [], usual=True, families=0).is_crowd(JANE, charts, families)


@given(st.text())
def test_a_form_is_final(text: str) -> None:
    once = form(text)
    assert form(once) == once


@given(st.emails())
def test_an_address_is_never_made_another(address: str) -> None:
    assert read(address) in {address.lower(), None}
