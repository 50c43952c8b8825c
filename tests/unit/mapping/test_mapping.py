"""The mapping's answers, and how its mistakes are told."""

from pathlib import Path

import pytest

from sync.core.records import Life, VisitType
from sync.mapping import Mapping, MappingError, UnmappedError, load, parse

EXAMPLE = Path(__file__).parents[3] / "mapping.example.toml"

TWO = """
[[doctors]]
drchrono = 5
oncall_provider = 50
oncall_division = 7
timezone = "US/Eastern"
offices = [1, 2]
booking_office = 2
exam_rooms = [3, "4"]

[[doctors]]
drchrono = "6"
oncall_provider = 60
oncall_division = 7
booking_profiles = { online = 900 }
offices = [1]

[[doctors]]
drchrono = 8
oncall_provider = 50
oncall_division = 9

[types]
default = "inperson"
telehealth = "online"
group_profiles = [300, "Group  Therapy"]
booking_profiles = { online = 100, phone = 200, inperson = 500 }

[types.profiles]
100 = "online"
900 = "online"
"Phone Call" = "phone"
"200" = "phone"
500 = "online"
"Lab draw" = "skip"

[types.exam_rooms]
"1:4" = "phone"
"4" = "online"
"""


def test_the_example_is_valid() -> None:
    mapping = load(EXAMPLE)
    assert mapping.zone("123456") == "America/New_York"
    assert mapping.policy.on_first_difference == "ask"
    assert mapping.title(VisitType.PHONE) == "Phone visit with your clinic"
    for visit_type in VisitType:
        assert mapping.booking_profile("123456", visit_type)


def test_an_empty_mapping_has_nothing_in_scope_and_careful_policies() -> None:
    mapping = Mapping.empty()
    assert mapping.visit_type("1", "1", None) is None
    assert mapping.doctor("5") is None
    policy = mapping.policy
    assert (policy.system_of_record, policy.direction, policy.new_patients) == (
        "drchrono",
        "both",
        "create",
    )
    assert (policy.on_first_difference, policy.people, policy.window_days) == ("ask", "visits", 180)
    assert not policy.demographics_back
    assert not policy.fee_bearing_writes
    assert mapping.title(VisitType.ONLINE) == "Virtual visit"


def test_doctors_and_providers() -> None:
    mapping = parse(TWO)
    assert mapping.doctor_for("50", "7") == "5"
    assert mapping.doctor_for("50", "9") == "8"
    assert mapping.doctor_for("50", "1") is None
    assert mapping.doctor_for("60", None) == "6"
    assert mapping.doctor_for("50", None) is None  # stands for two doctors
    assert mapping.doctor_for(None, "9") is None
    assert mapping.only_doctor_in("9") == "8"
    assert mapping.only_doctor_in("7") is None


def test_zones_come_from_the_file_then_from_the_api() -> None:
    mapping = parse(TWO).with_zones({"5": "UTC", "6": "US/Pacific", "8": "Nowhere/At_All"})
    assert [mapping.zone(each) for each in ("5", "6", "8", "9")] == [
        "US/Eastern",
        "US/Pacific",
        None,
        None,
    ]
    assert mapping.version == parse(TWO).version


def test_where_a_doctor_works_and_books() -> None:
    mapping = parse(TWO)
    assert [mapping.works_in("5", office) for office in ("1", "2", "3")] == [True, True, False]
    assert mapping.works_in("8", "3")
    assert not mapping.works_in("9", "1")
    assert [mapping.booking_office(each) for each in ("5", "6", "8", "9")] == ["2", "1", None, None]
    assert mapping.exam_rooms("5") == ("3", "4")
    assert mapping.exam_rooms("8") == ("1",)


@pytest.mark.parametrize(
    ("profile", "room", "telehealth", "office", "expected"),
    [
        ("100", "4", None, "1", VisitType.ONLINE),  # the profile before the room
        ("201", None, None, None, VisitType.PHONE),  # by name
        ("202", "4", True, "1", None),  # a skipped profile skips
        (None, "4", None, "1", VisitType.PHONE),  # that office's room
        (None, "4", None, "2", VisitType.ONLINE),  # any office's
        ("999", "4", None, None, VisitType.ONLINE),  # an unknown profile says nothing
        (None, "1", True, "1", VisitType.ONLINE),
        (None, "1", False, "1", VisitType.INPERSON),
        (None, None, None, None, VisitType.INPERSON),
    ],
)
def test_visit_types(
    profile: str | None,
    room: str | None,
    telehealth: bool | None,
    office: str | None,
    expected: VisitType | None,
) -> None:
    mapping = parse(TWO).with_profiles({"201": "PHONE call", "202": "Lab draw"})
    assert mapping.visit_type(profile, room, telehealth, office=office) is expected


def test_groups_by_id_and_by_name() -> None:
    mapping = parse(TWO).with_profiles({"301": "group therapy", "302": "Single"})
    assert [mapping.is_group(each) for each in ("300", "301", "302", None)] == [
        True,
        True,
        False,
        False,
    ]


def test_booking_profiles_must_mean_the_type_they_are_booked_for() -> None:
    mapping = parse(TWO)
    assert mapping.booking_profile("5", VisitType.ONLINE) == "100"
    assert mapping.booking_profile("6", VisitType.ONLINE) == "900"
    with pytest.raises(UnmappedError, match="500 as inperson"):
        mapping.booking_profile("5", VisitType.INPERSON)
    with pytest.raises(UnmappedError, match=r"types\.booking_profiles\.online"):
        Mapping.empty().booking_profile("5", VisitType.ONLINE)


def test_status_words() -> None:
    table = parse(
        '[status.drchrono]\n"Left early" = "complete"\n[status.written]\ncancelled = "Off"'
    ).statuses
    assert table.drchrono["left early"] is Life.COMPLETE
    assert table.drchrono["no show"] is Life.NO_SHOW
    assert (table.written[Life.CANCELLED], table.written[Life.DELETED]) == ("Off", "Off")


def test_directions() -> None:
    one_way = parse('[policy]\ndirection = "to_oncall"')
    assert (one_way.may_write_oncall, one_way.may_write_drchrono) == (True, False)
    other = parse('[policy]\ndirection = "to_drchrono"')
    assert (other.may_write_oncall, other.may_write_drchrono) == (False, True)


def test_the_link() -> None:
    mapping = parse('[text]\nvisit_link = "https://oncall.example/v/{oncall_id}"')
    assert mapping.visit_link("17") == "https://oncall.example/v/17"
    assert Mapping.empty().visit_link("17") == ""


def test_the_version_follows_what_is_said_not_how() -> None:
    assert parse("# a comment").version == Mapping.empty().version
    assert parse('[types]\ndefault = "phone"').version != Mapping.empty().version


MISTAKES = [
    ("[types]\ndefault = 'video'", "line 2: types.default"),
    ("\n[policy]\nnew_patient = 'ask'", "line 3: policy.new_patient: no such key"),
    ("[[doctors]]\ndrchrono = 5", "line 1: doctors[1].oncall_provider: is missing"),
    (TWO.replace("oncall_provider = 60", 'oncall_provider = "Dr Roe"'), "line 13: doctors[2]"),
    (TWO.replace("oncall_provider = 60", "oncall_provider = 50"), "another doctor has this"),
    (TWO.replace('drchrono = "6"', "drchrono = 5"), "line 12: doctors[2].drchrono: this doctor"),
    (TWO.replace("booking_office = 2", "booking_office = 9"), "line 2: doctors[1]: booking_office"),
    (TWO.replace("US/Eastern", "Roe/Town"), "line 6: doctors[1].timezone: write a time zone"),
    (TWO.replace('exam_rooms = [3, "4"]', "exam_rooms = [0]"), "doctors[1].exam_rooms[1]: not of"),
    ('[status.written]\ncancelled = ""', "line 2: status.written.cancelled"),
    ('[text]\ntitle = " "', "line 2: text.title"),
    (f'[text]\ntitle = "{"a" * 101}"', "line 2: text.title"),
    ('[types.exam_rooms]\n"a:4" = "online"', "line 2: types.exam_rooms.a:4: not of the right"),
    ('[types.profiles]\n"Video visit" = "vid"', "line 2: types.profiles.Video visit"),
    ('[text]\ntitle = "{reason}"', "line 2: text.title: only {type} may be used"),
    ('[text]\ntitle = "{type.__class__}"', "line 2: text.title: only {type} may be used"),
    ('[text]\ntitle = "{type!r}"', "line 2: text.title: only {type} may be used"),
    ('[text]\ntitle = "{type:>9999}"', "line 2: text.title: only {type} may be used"),
    ('[text]\ntitle = "a { b"', "line 2: text.title: a brace stands alone"),
    ('[text]\nvisit_link = "http://roe.example"', "line 2: text.visit_link"),
    ('[text]\nvisit_link = "https://a.example/#x"', "line 2: text.visit_link: write it without"),
    ("[policy]\nfee_bearing_writes = 'perhaps'", "line 2: policy.fee_bearing_writes: write true"),
    ("[policy]\nwindow_days = 400", "line 2: policy.window_days"),
    ("policy.direction = 'sideways'", "line 1: policy.direction"),
    ("types = { default = 'video' }", "line 1: types.default"),
    ('[status.drchrono]\n"Gone" = "deleted"', "line 2: status.drchrono.Gone"),
    ("doctors = 5", "line 1: doctors: write a list"),
    ("[types\n", "not TOML"),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES)
def test_mistakes_name_line_and_key_and_repeat_no_value(text: str, told: str) -> None:
    with pytest.raises(MappingError) as error:
        parse(text, "m.toml")
    assert told in str(error.value)
    assert str(error.value).startswith("m.toml")
    assert not any(word in str(error.value) for word in ("Roe", "roe.example", "sideways"))


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(MappingError) as error:
        parse('[types]\ndefault = "x"\n[policy]\npeople = "y"')
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        "mapping.toml line 2",
        "mapping.toml line 4",
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="is not there"):
        load(tmp_path / "none.toml")
