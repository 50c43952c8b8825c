"""The mapping's page: who may what, and nothing accepted but what was previewed, whole or not."""

import os
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.ops.pages import mapping as page_module
from sync.operations.operators import Role
from sync.setup.mapping_edit import candidate, place, versions
from sync.store.schema import audit
from tests.integration.ops.conftest import Opened
from tests.support.ops.browser import Person, post

PAGE = "/ops/mapping"
TEXT = """# Ours
[[doctors]]
drchrono = 201   # Vera
oncall_provider = 11
oncall_division = 21
"""
OTHER = TEXT.replace("11", "12")
WRONG = 'drchrono = \n[[doctors]]\n\u202e<script>x</script> é "'


class At:
    """A clinic whose mapping file is in a directory of its own, and its people."""

    def __init__(self, opened: Opened, home: Path) -> None:
        self.path = home / "mapping.toml"
        self.path.write_text(TEXT)
        self.browser = opened(mapping_file=self.path)
        self.sync = self.browser.application.extensions["sync"]

    def person(self, role: Role) -> Person:
        found = Person(self.sync, self.browser, f"the-{role}", role)
        found.sign_in()
        return found

    def deeds(self, action: str) -> list[tuple[str, str, str]]:
        with self.sync.store.read() as conn:
            rows = conn.execute(select(audit).where(audit.c.action == action)).all()
        return [(row.actor, row.subjects, row.outcome) for row in rows]


@pytest.fixture
def at(opened: Opened, tmp_path: Path) -> At:
    return At(opened, tmp_path)


def hidden(text: str) -> dict[str, str]:
    """The fields of the form that accepts."""
    form = text.split('action="/ops/mapping/accept"')[1].split("</form>")[0]
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in found}


def previewed(person: Person, text: str) -> Any:
    return post(person.browser, f"{PAGE}/preview", page=PAGE, text=text)


def accepted(person: Person, shown: str, **other: str) -> Any:
    form = hidden(previewed(person, shown).get_data(as_text=True))
    return person.browser.post(f"{PAGE}/accept", data={**form, "anyway": "yes", **other})


def shown(person: Person, address: str = PAGE) -> str:
    return person.browser.get(address).get_data(as_text=True)


def test_a_viewer_sees_it_and_neither_text_nor_lists(at: At) -> None:
    victor = at.person(Role.VIEWER)
    told = shown(victor)
    assert ">201</td>" in told
    assert "Vera" not in told
    assert "<button" not in told.split("<main")[1]
    for address in ("form", "text"):
        assert victor.browser.get(f"{PAGE}/{address}").status_code == 403
    for address in ("form", "text", "lists", "propose", "preview", "accept"):
        answer = post(victor.browser, f"{PAGE}/{address}", page=PAGE, text=OTHER)
        assert answer.status_code == 403
    assert at.path.read_text() == TEXT


def test_an_operator_previews_and_does_not_accept(at: At) -> None:
    olga = at.person(Role.OPERATOR)
    told = previewed(olga, OTHER).get_data(as_text=True)
    assert "An admin puts it in place." in told
    assert "/ops/mapping/accept" not in told
    assert "-oncall_provider = 11" in told
    assert "+oncall_provider = 12" in told
    assert post(olga.browser, f"{PAGE}/accept", page=PAGE, text=OTHER).status_code == 403
    assert at.path.read_text() == TEXT


def test_each_form_needs_its_word(at: At) -> None:
    ruth = at.person(Role.ADMIN)
    form = hidden(previewed(ruth, OTHER).get_data(as_text=True))
    for address in ("form", "text", "lists", "propose", "preview", "accept"):
        told = {**form, "anyway": "yes", "csrf_token": "x"}
        assert ruth.browser.post(f"{PAGE}/{address}", data=told).status_code == 400
    assert at.path.read_text() == TEXT


def test_an_admin_accepts_what_was_previewed(at: At) -> None:
    ruth = at.person(Role.ADMIN)
    at.path.chmod(0o640)
    answer = accepted(ruth, OTHER)
    assert answer.headers["Location"] == f"{PAGE}?put=yes"
    assert at.path.read_text() == OTHER
    assert at.path.stat().st_mode & 0o777 == 0o640
    assert not list(at.path.parent.glob("*.part"))
    (deed,) = at.deeds("accept_mapping")
    assert (deed[0], deed[2]) == ("the-admin", "done")
    assert "version:" in deed[1]
    assert at.sync.mapping.doctor("201").oncall_provider == "12"  # as any changed file
    kept = versions.every(at.path)
    assert [one.by for one in kept if one.digest == place.digest_of(OTHER.encode())[:12]] == [
        "the-admin"
    ]
    assert sorted(one.read().decode() for one in kept) == sorted([TEXT, OTHER])
    assert versions.directory(at.path).stat().st_mode & 0o777 == 0o700


def test_what_could_not_be_counted_is_accepted_only_by_a_tick(at: At) -> None:
    ruth = at.person(Role.ADMIN)
    told = previewed(ruth, OTHER).get_data(as_text=True)
    assert "could not be counted" in told
    assert ruth.browser.post(f"{PAGE}/accept", data=hidden(told)).status_code == 400
    assert at.path.read_text() == TEXT


@pytest.mark.parametrize("field", ["text", "base", "digest", "proof"])
def test_what_was_not_previewed_is_not_accepted(at: At, field: str) -> None:
    ruth = at.person(Role.ADMIN)
    answer = accepted(ruth, OTHER, **{field: TEXT + "# more" if field == "text" else "x" * 64})
    assert answer.status_code in {400, 409}
    assert at.path.read_text() == TEXT
    assert at.deeds("accept_mapping") == []


@pytest.mark.parametrize("form", [False, True])
def test_a_file_that_was_changed_meanwhile_is_not_written_over(at: At, form: bool) -> None:
    ruth = at.person(Role.ADMIN)
    if form:
        data = {"base": candidate.file_in_force(at.sync).digest, "doctors-count": "1"}
        data |= {"doctors-0-was": "201", "doctors-0-drchrono": "201"}
        data |= {"doctors-0-oncall_provider": "4711", "doctors-0-oncall_division": "21"}
        at.path.write_text(TEXT + "# by hand\n")
        answer = post(ruth.browser, f"{PAGE}/form", page=PAGE, **data)
    else:
        told = hidden(previewed(ruth, OTHER).get_data(as_text=True))
        at.path.write_text(TEXT + "# by hand\n")
        answer = ruth.browser.post(f"{PAGE}/accept", data={**told, "anyway": "yes"})
    assert answer.status_code in {400, 409}
    page = answer.get_data(as_text=True)
    assert "changed meanwhile" in page
    assert ("4711" if form else "oncall_provider = 12") in page  # nothing typed is lost
    assert at.path.read_text() == TEXT + "# by hand\n"


def test_a_wrong_text_is_told_by_line_and_nothing_of_it_is_lost(at: At) -> None:
    ruth = at.person(Role.ADMIN)
    for text, said in (
        (WRONG, "line 1"),
        (TEXT + "nonsense = 1\n", "mapping.toml line 6: doctors[1].nonsense"),
        ("x" * 200_001, "longer than"),
    ):
        answer = previewed(ruth, text.replace("\n", "\r\n"))
        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert said in page
        assert "<script>x" not in page
        assert "\u202e" not in page  # by its number: the field holds it all the same
        typed = page.split("<textarea")[1].split(">\n", 1)[1].split("</textarea>")[0]
        assert unescape(typed) == text


def test_letters_that_nobody_sees_are_told_by_line(at: At) -> None:
    ruth = at.person(Role.ADMIN)
    page = previewed(ruth, TEXT + "# a\u202eb\n").get_data(as_text=True)
    assert "Line 6 holds a letter that is not seen" in page
    assert "‹U+202E›" in page


def test_it_goes_back_to_a_version_by_way_of_the_preview(at: At) -> None:
    ruth = at.person(Role.ADMIN)
    accepted(ruth, OTHER)
    kept = next(one for one in versions.every(at.path) if one.by == "")
    page = shown(ruth)
    assert "changed by hand" in page
    assert f'value="{kept.id}"' in page
    told = post(ruth.browser, f"{PAGE}/preview", page=PAGE, version=kept.id)
    form = hidden(told.get_data(as_text=True))
    ruth.browser.post(f"{PAGE}/accept", data={**form, "anyway": "yes"})
    assert at.path.read_text() == TEXT
    assert len(at.deeds("accept_mapping")) == 2
    for wrong in ("../mapping.toml", "20260101T000000.000000Z-000000000000"):
        answer = post(ruth.browser, f"{PAGE}/preview", page=PAGE, version=wrong)
        assert (answer.status_code, "There is no version" in answer.text) == (400, True)


def test_a_change_by_hand_is_kept_too(at: At) -> None:
    ruth = at.person(Role.ADMIN)
    accepted(ruth, OTHER)
    at.path.write_text(OTHER + "# by hand\n")
    accepted(ruth, TEXT)
    assert OTHER + "# by hand\n" in [one.read().decode() for one in versions.every(at.path)]


def test_so_many_versions_are_kept_and_shown_in_pages(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "KEPT", 5)
    monkeypatch.setattr(page_module, "_SHOWN", 3)
    ruth = at.person(Role.ADMIN)
    for number in range(6):
        with versions.alone(at.path):
            versions.keep(at.path, f"# {number}".encode(), "a_b <x>", at.sync.clock())
        at.sync.clock.advance(60)  # type: ignore[attr-defined]
    assert len(versions.every(at.path)) == 5
    page = shown(ruth)
    assert page.count("a_b &lt;x&gt;") == 3
    assert shown(ruth, f"{PAGE}?page=2").count("a_b &lt;x&gt;") == 2


@pytest.mark.parametrize("kind", ["mounted", "directory", "other's"])
def test_where_it_is_read_only_it_says_so_and_gives_the_text(
    at: At, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruth = at.person(Role.ADMIN)
    if kind == "mounted":
        table = at.path.with_name("mountinfo")
        table.write_text(f"36 35 98:0 / {at.path} ro - ext4 /dev/root ro\n")
        monkeypatch.setattr(place, "_MOUNTS", table)
    elif kind == "directory":
        monkeypatch.setattr(os, "access", lambda *_asked: False)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert "can’t be changed from here" in shown(ruth)
    page = previewed(ruth, OTHER).get_data(as_text=True)
    assert "The text to put in place" in page
    assert "oncall_provider = 12" in page
    assert "/ops/mapping/accept" not in page
    digest = place.digest_of(OTHER.encode())
    with pytest.raises(candidate.ReadOnlyError):
        candidate.accept(at.sync, OTHER, candidate.file_in_force(at.sync).digest, digest)
    assert at.path.read_text() == TEXT


def test_a_write_that_fails_leaves_the_file_and_says_so_in_the_audit(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruth = at.person(Role.ADMIN)

    def full(_directory: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", lambda *_asked: full(at.path))
    answer = accepted(ruth, OTHER)
    assert answer.status_code == 409
    assert "Nothing was accepted" in answer.get_data(as_text=True)
    assert at.path.read_text() == TEXT
    assert [outcome for _, _, outcome in at.deeds("accept_mapping")] == ["done", "failed"]
    assert OTHER.encode() not in [one.read() for one in versions.every(at.path)]


@pytest.mark.parametrize("before", [None, "", TEXT.replace("\n", "\r\n"), "\ufeff" + TEXT, "no = "])
def test_whatever_the_file_is_a_right_one_can_take_its_place(at: At, before: str | None) -> None:
    ruth = at.person(Role.ADMIN)
    if before is None:
        at.path.unlink()
    else:
        at.path.write_bytes(before.encode())
    for address in (PAGE, f"{PAGE}/form", f"{PAGE}/text"):
        assert ruth.browser.get(address).status_code == 200
    assert accepted(ruth, OTHER).status_code == 303
    ends = "\r\n" if before and "\r\n" in before else "\n"
    assert at.path.read_bytes() == OTHER.replace("\n", ends).encode()


def test_a_link_stays_a_link(at: At) -> None:
    ruth = at.person(Role.ADMIN)
    there = at.path.with_name("there.toml")
    at.path.rename(there)
    at.path.symlink_to(there)
    assert accepted(ruth, OTHER).status_code == 303
    assert at.path.is_symlink()
    assert there.read_text() == OTHER


def test_the_form_is_filled_in_previewed_and_accepted(at: At) -> None:
    ruth = at.person(Role.ADMIN)
    page = shown(ruth, f"{PAGE}/form")
    fields = dict(re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', page))
    selects = re.findall(r'<select[^>]* name="([^"]+)">(.*?)</select>', page, re.S)
    for name, options in selects:
        chosen = re.findall(r'value="([^"]*)" selected', options)
        fields[name] = chosen[0] if chosen else ""
    fields.pop("add", None)
    del fields["doctors-0-remove"]
    fields |= {"doctors-0-timezone": "America/New_York", "doctors-1-drchrono": "202"}
    more = post(ruth.browser, f"{PAGE}/form", page=PAGE, **{**fields, "rows": "more"})
    assert 'value="202"' in more.get_data(as_text=True)
    wrong = post(ruth.browser, f"{PAGE}/form", page=PAGE, **fields)
    assert "doctors[2].oncall_provider: is missing; add it" in wrong.get_data(as_text=True)
    assert 'value="202"' in wrong.get_data(as_text=True)
    fields |= {"doctors-1-oncall_provider": "12", "doctors-1-oncall_division": "21"}
    right = post(ruth.browser, f"{PAGE}/form", page=PAGE, **fields)
    form = hidden(right.get_data(as_text=True))
    ruth.browser.post(f"{PAGE}/accept", data={**form, "anyway": "yes"})
    assert "drchrono = 201   # Vera\n" in at.path.read_text()
    assert at.sync.mapping.zone("201") == "America/New_York"
    assert at.sync.mapping.doctor("202").oncall_provider == "12"
