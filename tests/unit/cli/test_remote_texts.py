"""Show what a remote said in the terminal and on the page so that it can't steer either."""

from pathlib import Path

import pytest
from flask import Flask

from cli.output import TroubleError, print_table, say
from service import connect_pages, plain
from sync.core.records import Person
from sync.operations.hand.look import Look, _person
from sync.setup.connect import Judged
from sync.setup.suggest import suggest

EVIL = "Ann\x1b[2J\u202e\u200b\x9b\nBob"
SHOWN = "Ann‹U+001B›[2J‹U+202E›‹U+200B›‹U+009B›‹U+000A›Bob"


def test_in_a_table_a_line_and_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Check", ("what",), [(EVIL,)])
    say(EVIL)
    TroubleError(f"first\n{EVIL.replace(chr(10), '')}").show()
    told = capsys.readouterr()
    assert told.out.splitlines()[3:] == [f"  {SHOWN}", "", SHOWN]
    assert told.err.splitlines() == ["first", SHOWN.replace("‹U+000A›", "")]


def test_of_a_candidate() -> None:
    who = Person("drchrono", "1", "patient", first_name=EVIL, last_name="", email="a@example.com")
    told = SHOWN.replace("‹U+000A›", " ")  # a name is told on one line
    assert Look("patient", "1", _person(who)).words == f"{told}, a@example.com"


def test_of_the_practice_that_is_connected() -> None:
    app = Flask("service", template_folder=str(Path(plain.__file__).parent / "templates"))
    plain.register(app)
    with app.app_context():
        judged = Judged("1", "2", EVIL, 1, 1, first=True)
        page = connect_pages.confirm("state", judged).get_data(as_text=True)
    assert page.count(SHOWN) == 2
    assert not any(one in page for one in "\x1b\u202e")


def test_in_the_proposed_mapping_file() -> None:
    doctor = {"id": 7, "first_name": EVIL, "last_name": "", "email": ""}
    profile = {"id": '8" = "online"\n"9', "name": "Video \x1b[2J"}
    text = suggest([doctor], [], [profile], [])
    assert not any(one in text for one in "\x1b\u202e\u200b\x9b")
    assert '\\" = \\"online\\"' in text
