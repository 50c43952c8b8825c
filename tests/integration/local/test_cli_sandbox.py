"""Use the real sandbox over HTTP as `run` does, and make the mapping of its clinic."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from cli.output import TroubleError
from cli.world.ports import FREE, HOST
from cli.world.sandbox_control import SandboxControl
from cli.world.seed_mapping import decided
from cli.world.supervisor import Process, Supervisor
from cli.world.what_to_try import what_to_try
from sync import mapping
from sync.core.records import VisitType
from sync.setup.mapping_edit.gathered import Practice


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxControl]:
    """A sandbox with the seeded clinic."""
    ports = FREE.chosen()
    found = SandboxControl(f"http://{HOST}:{ports.drchrono}", f"http://{HOST}:{ports.oncall}")
    argv = (
        *(sys.executable, "-m", "sandbox", "--drchrono-port", str(ports.drchrono)),
        *("--oncall-port", str(ports.oncall)),
    )
    process = Process("sandbox", argv, dict(os.environ), ready=found.is_up)
    with Supervisor([process], log_dir=tmp_path_factory.mktemp("log")):
        yield found
    found.close()


@pytest.fixture(scope="module")
def practice(control: SandboxControl) -> Practice:
    """The clinic's set-up as both APIs tell it to staff."""

    def results(url: str, authorization: str) -> list[dict[str, object]]:
        answer = requests.get(url, headers={"Authorization": authorization}, timeout=10).json()
        assert answer["next"] is None
        rows: list[dict[str, object]] = answer["results"]
        return rows

    staff, other = control.staff_token("drchrono"), control.staff_token("oncall")
    api = f"{control.drchrono_url}/api"
    oncall = control.oncall_url
    contact = results(f"{oncall}/contacts/", other)[0]["url"]
    number = str(contact).rstrip("/").rpartition("/")[2]
    one = requests.get(
        f"{oncall}/contacts/{number}/", headers={"Authorization": other}, timeout=10
    ).json()
    return Practice(
        results(f"{api}/doctors", staff),
        results(f"{api}/offices", staff),
        results(f"{api}/appointment_profiles", staff),
        results(f"{oncall}/providers/", other),
        one["custom_field_names"],
    )


def test_the_seed_needs_decisions_and_gets_them(practice: Practice) -> None:
    suggested = practice.suggestion()
    assert "# decide:" in suggested
    text = decided(suggested, practice)
    assert "decide:" not in text.split("\n", 1)[1]
    found = mapping.parse(text)
    assert [(d.drchrono, d.booking_office, d.exam_rooms) for d in found.doctors] == [
        ("201", "301", ("1", "2", "3")),
        ("202", "301", ("1", "2", "3")),
        ("203", "302", ("1", "2")),
    ]
    providers = {entry.oncall_provider for entry in found.doctors}
    assert providers == {
        str(row["url"]).rstrip("/").rpartition("/")[2] for row in practice.providers
    }
    assert found.file.markers.contact_field in practice.contact_fields
    for doctor in ("201", "202", "203"):
        profile = found.booking_profile(doctor, VisitType.ONLINE)
        assert profile is not None
        assert found.visit_type(profile, None, None) is VisitType.ONLINE
        phone = found.booking_profile(doctor, VisitType.PHONE)
        assert phone is not None
        assert found.visit_type(phone, None, None) is VisitType.PHONE


def test_a_webhook_that_fails_the_handshake_is_told(control: SandboxControl) -> None:
    # The sandbox itself is no callback of ours: it answers 404.
    callback = f"{control.oncall_url}/nothing"
    with pytest.raises(TroubleError, match="drchrono did not accept the webhook"):
        control.register_webhook("drchrono", {"callback_url": callback, "secret_token": "s"})


def test_a_refused_control_call_is_told(control: SandboxControl) -> None:
    with pytest.raises(TroubleError, match="The sandbox refuses time"):
        control.command("oncall", "time", {"nonsense": 1})


def test_allow_needs_the_page_with_the_button(control: SandboxControl) -> None:
    with pytest.raises(TroubleError, match="no Allow button"):
        control.allow(f"{control.drchrono_url}/o/authorize/?client_id=unknown")


def test_what_to_try_can_be_pasted(control: SandboxControl, tmp_path: Path) -> None:
    state = control.state("drchrono")
    text = what_to_try(
        state,
        service="http://127.0.0.1:8000",
        ops="http://127.0.0.1:8001/ops",
        drchrono=control.drchrono_url,
        oncall=control.oncall_url,
        staff=control.staff_token("drchrono"),
        command="drchrono-oncall --env var/world.env",
        log=tmp_path,
    )
    # The pasted PATCH, made by hand: the visit exists, is free to move, and staff may move it.
    url = next(word for word in text.split() if "/api/appointments/" in word)
    moved = text.split('"scheduled_time": "')[1].partition('"')[0]
    token = text.split("Authorization: ")[1].partition("'")[0]
    answer = requests.patch(
        url, json={"scheduled_time": moved}, headers={"Authorization": token}, timeout=10
    )
    assert answer.status_code == 204
