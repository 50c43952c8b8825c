"""Take ids out of what staff paste; nothing but an id comes out, and nothing is fetched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.config import Settings
from sync.operations.lookup import REMOTE_ID, UnknownError
from sync.operations.why.address import Meant, meant

SETTINGS = Settings(  # type: ignore[call-arg]
    _env_file=None,
    drchrono_base_url="http://127.0.0.1:8101",
    oncall_base_url="http://127.0.0.1:8102",
    drchrono_origins="https://records.example",
)
LINK = "https://visits.example/open/{oncall_id}/now"
APPOINTMENT, VISIT, PATIENT = (
    ("appointment", "70211"),
    ("oncall-appointment", "5001"),
    ("patient", "881"),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # Documented: the APIs' own addresses, webhook bodies, the pages with an iframe
        ("https://app.drchrono.com/api/appointments/70211", APPOINTMENT),
        ("https://drchrono.com/api/appointments/70211?verbose=true", APPOINTMENT),
        ("https://app.drchrono.com/api/patients/881/", PATIENT),
        ("https://app.drchrono.com/patients/881", PATIENT),
        ("https://app.drchrono.com/patients/881?appointment_id=70211", APPOINTMENT),
        (
            "https://app.drchrono.com/clinical_note/edit/9?patient_id=881&appointment_id=70211",
            APPOINTMENT,
        ),
        ("https://api.oncallhealth.ca/appointments/5001/", VISIT),
        ("https://api.oncallhealth.us/appointments/5001/", VISIT),
        ("https://api.oncallhealth.com/appointments/5001", VISIT),
        # As people and browsers write them
        ("  HTTPS://App.DrChrono.com/api/appointments/70211  ", APPOINTMENT),
        ("app.drchrono.com/api/appointments/70211", APPOINTMENT),
        ("https://clinic.drchrono.com/appointments/70211/", APPOINTMENT),
        ("https://app.oncallhealth.ca/#/appointments/5001?tab=notes", VISIT),
        ("https://clinic.oncallhealth.ca/visits/5001", VISIT),
        # What is configured, and the address that the mapping file names for staff
        ("http://127.0.0.1:8101/api/appointments/70211", APPOINTMENT),
        ("http://127.0.0.1:8102/appointments/5001/", VISIT),
        ("https://records.example/api/patients/881", PATIENT),
        ("https://visits.example/open/5001/now", VISIT),
        ("https://visits.example/open/5001/now#m.3.1.1.70211", VISIT),
        # In words
        ("appointment 70211", APPOINTMENT),
        ("Appointment #70211", APPOINTMENT),
        ("oncall-appointment 5001", VISIT),
        ("visit: 5001", VISIT),
        ("patient 881", PATIENT),
        ("appointment 20261201_55", ("appointment", "20261201_55")),
    ],
)
def test_what_is_meant(text: str, found: tuple[str, str]) -> None:
    (only,) = meant(text, SETTINGS, LINK)
    assert (only.kind, only.id) == found


def test_an_id_alone_can_be_of_either() -> None:
    assert meant(" 70211 ", SETTINGS) == (
        Meant("appointment", "70211"),
        Meant("oncall-appointment", "70211"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "hello",
        "Vera Lindqvist",
        "1984-05-06",
        "patient 1984-05-06",
        "212-555-0147",
        "x" * 3000,
        "https://example.com/api/appointments/70211",
        "https://drchrono.com.evil.example/api/appointments/70211",
        "https://evil-drchrono.com/api/appointments/70211",
        "https://oncallhealth.ca.evil.example/appointments/5001",
        "https://evil.example/?next=https://app.drchrono.com/api/appointments/70211",
        "https://app.drchrono.com@evil.example/api/appointments/70211",
        "javascript:alert(1)//app.drchrono.com/api/appointments/70211",
        "file:///api/appointments/70211",
        "https://app.drchrono.com/",
        "https://app.drchrono.com/api/doctors/201",
        "https://app.drchrono.com/clinical_note/edit/9",
        "https://app.drchrono.com/api/appointments/../../etc/passwd",
        "https://app.drchrono.com/api/appointments/70211'--",
        "https://api.oncallhealth.ca/contacts/313001/",
        "https://[::1/appointments/5001",
        "http://127.0.0.1:9999/appointments/5001/",
        "appointment x'--",
    ],
)
def test_what_is_neither_an_id_nor_an_address_of_theirs(text: str) -> None:
    with pytest.raises(UnknownError, match=r"^[A-Z].*\.$"):
        meant(text, SETTINGS, LINK)


@given(st.text(max_size=80), st.sampled_from(["", "https://app.drchrono.com/api/appointments/"]))
def test_only_ids_come_out_and_a_refusal_repeats_nothing(text: str, before: str) -> None:
    found: tuple[Meant, ...] = ()
    refusal = ""
    try:
        found = meant(before + text, SETTINGS, LINK)
    except UnknownError as refused:
        refusal = str(refused)
    assert bool(found) != bool(refusal)
    assert len(refusal) < 80
    assert all(REMOTE_ID.fullmatch(one.id) for one in found)
