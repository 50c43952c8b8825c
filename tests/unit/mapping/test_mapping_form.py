"""What the mapping's form says goes into the file's text; all else in it stays as it is."""

from dataclasses import replace
from difflib import unified_diff
from pathlib import Path

import pytest

from sync.mapping_file import MappingError, read_mapping
from sync.setup.mapping_edit.form import WORDS, Filled, FormError, Row, changed, choices, filled

EXAMPLE = (Path(__file__).parents[3] / "mapping.example.toml").read_text()
THREE = """# head
[[doctors]]
drchrono = 1
oncall_provider = 11
oncall_division = 7

# Second: sure
[[doctors]]
drchrono = "2"   # as text
oncall_provider = 12
oncall_division = 7
offices = [
  5,  # main
]

# Third
[[doctors]]
drchrono = 3
oncall_provider = 13
oncall_division = 7
[doctors.booking_profiles]
online = 501
# the end
[text]
title = "Visit"
"""


ONE = "[[doctors]]\ndrchrono = 1\noncall_provider = 2\noncall_division = 3\n"


def form(text: str) -> Filled:
    return filled(read_mapping(text, "m"))


def difference(before: str, after: str) -> list[str]:
    lines = unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=0)
    return [line for line in lines if line[:2] not in {"--", "++", "@@"}]


def with_doctor(told: Filled, at: int, **values: str) -> Filled:
    rows = list(told.doctors)
    rows[at] = replace(rows[at], values={**rows[at].values, **values})
    return replace(told, doctors=tuple(rows))


@pytest.mark.parametrize("text", [EXAMPLE, THREE, "", "# a comment alone\n"])
def test_a_form_that_says_the_same_changes_no_letter(text: str) -> None:
    assert changed(text, form(text), "m") == text


def test_one_value_changes_one_line_and_its_comment_stays() -> None:
    told = with_doctor(form(THREE), 1, drchrono="22", timezone="America/New_York")
    assert difference(THREE, changed(THREE, told, "m")) == [
        '-drchrono = "2"   # as text',
        "+drchrono = 22   # as text",
        '+timezone = "America/New_York"',
    ]
    after = changed(THREE, with_doctor(form(THREE), 0, booking_office="5"), "m")
    assert "oncall_division = 7\nbooking_office = 5\n\n# Second: sure\n" in after
    told = with_doctor(form(THREE), 1, offices="")
    assert difference(THREE, changed(THREE, told, "m")) == ["-offices = [", "-  5,  # main", "-]"]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_doctor_is_taken_out_and_every_comment_stays(at: int) -> None:
    told = form(THREE)
    rows = [replace(row, remove=number == at) for number, row in enumerate(told.doctors)]
    after = changed(THREE, replace(told, doctors=tuple(rows)), "m")
    left = [one.drchrono for one in read_mapping(after, "m").doctors]
    assert left == [one for number, one in enumerate("123") if number != at]
    for comment in ("# head", "# Second: sure", "# Third", "# the end"):
        assert comment in after


def test_all_are_taken_out() -> None:
    told = form(THREE)
    rows = tuple(replace(row, remove=True) for row in told.doctors)
    after = changed(THREE, replace(told, doctors=rows), "m")
    assert read_mapping(after, "m").doctors == ()
    assert "# Third" in after


@pytest.mark.parametrize("text", [EXAMPLE, THREE, "", '[policy]\ndirection = "both"', "# c"])
def test_a_doctor_is_added(text: str) -> None:
    told = form(text)
    values = {"drchrono": "99", "oncall_provider": "8", "oncall_division": "9", "offices": "4, 5"}
    after = changed(text, replace(told, doctors=(*told.doctors, Row("", values))), "m")
    one = read_mapping(after, "m").doctors[-1]
    assert (one.drchrono, one.oncall_provider, one.offices) == ("99", "8", ("4", "5"))
    assert not [line for line in difference(text, after) if line[0] == "-" and line != "-"]


def test_words_types_and_policies() -> None:
    told = form(EXAMPLE)
    told = replace(
        told,
        types={"default": "phone", "telehealth": ""},
        words={
            **told.words,
            "types.profiles": tuple(
                ("601" if key == "501" else key, word) for key, word in told.words["types.profiles"]
            ),
            "status.oncall": (("Left \"early\" 'so'", "complete"),),
        },
        policy={**told.policy, "direction": "to_oncall", "demographics_back": "true"},
    )
    found = read_mapping(changed(EXAMPLE, told, "m"), "m")
    assert (found.types.default, found.types.telehealth) == ("phone", None)
    assert found.types.profiles["601"] == "online"
    assert "501" not in found.types.profiles
    assert dict(found.status.oncall) == {"Left \"early\" 'so'": "complete"}
    assert found.policy.direction == "to_oncall"
    assert found.policy.demographics_back is True


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"drchrono": "not a number"}, "doctors[1].drchrono"),
        ({"drchrono": ""}, "doctors[1].drchrono"),
        ({"drchrono": "3"}, "doctors[3].drchrono"),  # there twice
        ({"timezone": "Mars/Olympus"}, "doctors[1].timezone"),
        ({"offices": "5; 6"}, "doctors[1].offices[1]"),
        ({"exam_rooms": "0"}, "doctors[1].exam_rooms[1]"),
    ],
)
def test_what_is_typed_wrong_is_a_mistake_of_that_key(values: dict[str, str], key: str) -> None:
    after = changed(THREE, with_doctor(form(THREE), 0, **values), "m")
    with pytest.raises(MappingError) as told:
        read_mapping(after, "m")
    assert f": {key}: " in str(told.value)


@pytest.mark.parametrize("hostile", ['"\n[policy]\n', "\u202ex", "]]", "1\x00", '"""', "'", "#"])
def test_a_text_can_t_leave_its_place(hostile: str) -> None:
    told = form(THREE)
    told = with_doctor(told, 0, drchrono=hostile, booking_office=hostile)
    told = replace(told, words={**told.words, "status.oncall": ((hostile, "complete"),)})
    after = changed(THREE, told, "m")
    with pytest.raises(MappingError) as mistakes:
        read_mapping(after, "m")
    assert "doctors[1].drchrono" in str(mistakes.value)
    assert hostile not in str(mistakes.value) or len(hostile) == 1


@pytest.mark.parametrize(
    "text",
    [
        "doctors = [{drchrono=1, oncall_provider=2, oncall_division=3}]\n",
        'types = {default = "skip"}\n' + ONE,
        'types.default = "skip"\n' + ONE,
    ],
)
def test_what_is_written_otherwise_is_right_or_refused(text: str) -> None:
    told = form(text)
    told = replace(told, types={"default": "online", "telehealth": ""})
    told = with_doctor(told, 0, oncall_provider="22")
    try:
        after = changed(text, told, "m")
    except FormError:
        return
    found = read_mapping(after, "m")
    assert (found.types.default, found.doctors[0].oncall_provider) == ("online", "22")


def test_the_form_has_every_policy() -> None:
    found = {one.key: one for one in choices()}
    assert set(found) == set(form("").policy)
    assert found["direction"].words == ("both", "to_oncall", "to_drchrono")
    assert found["window_days"].words == ()
    assert set(form("").words) == set(WORDS)
