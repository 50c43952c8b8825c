"""Pages framed in DrChrono: only what DrChrono signed, now, once, for this practice.

D… are facts of docs/api-facts.md.
"""

import base64
import hmac
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest
import requests
import time_machine
from click.testing import CliRunner
from sqlalchemy.exc import OperationalError

from cli import environment
from cli.main import cli
from sync.operations import audit
from sync.operations.audit import Filter
from tests.support.clinic import Clinic, wall

SECRET = "sandbox-client-secret-that-is-as-long-as-one-of-drchrono-s-own-is"
NOTE, PATIENT = "clinical-note", "patient"
SHOWN = {NOTE: "clinical_note/edit", PATIENT: "patients"}


@pytest.fixture
def framing(clinic: Clinic) -> Clinic:
    """A practice whose application has its pages framed."""
    pages = {"patient": f"{clinic.url}/iframe/patient"}
    pages["clinical_note"] = f"{clinic.url}/iframe/clinical-note"
    clinic.sandbox.control("drchrono", "frames", pages)
    clinic.sync.drchrono.frame(clinic.sync.task_ticket(), shown=True)
    return clinic


def address(clinic: Clinic, page: str, remote_id: str) -> str:
    """Where DrChrono's page has the frame's content come from."""
    clinic.advance_all(1)  # what is signed twice in a second is signed alike (D73)
    html = requests.get(f"{clinic.sandbox.drchrono_url}/{SHOWN[page]}/{remote_id}", timeout=5).text
    (source,) = re.findall(r'src="([^"]+)"', html)
    return source.replace("&amp;", "&")


def claimed(token: str) -> dict[str, Any]:
    """What a token says, by whichever clock."""
    return jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_iat": False})


def get(url: str, **more: Any) -> requests.Response:
    return requests.get(url, timeout=20, **more)


def signed(clinic: Clinic, remote_id: str, **changes: Any) -> str:
    """A page's address signed anew, with some claims changed (None: left out)."""
    pairs = dict(parse_qsl(urlsplit(address(clinic, PATIENT, remote_id)).query))
    claims = claimed(pairs["jwt"])
    claims = {name: one for name, one in {**claims, **changes}.items() if one is not None}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    return f"{clinic.url}/iframe/patient?{urlencode({**claims, 'jwt': token})}"


def test_a_visit_that_is_there_costs_no_call(framing: Clinic) -> None:
    appointment, visit = framing.linked()
    framing.forget()
    answer = get(address(framing, NOTE, appointment))
    assert answer.status_code == 200
    assert "This visit is in OnCall." in answer.text
    assert framing.calls("drchrono") + framing.calls("oncall") == []
    assert f"/{visit}" in answer.text or "Open it" not in answer.text
    patient = get(address(framing, PATIENT, str(framing.patient)))
    assert patient.text.count("is in OnCall.") == 2


def test_a_visit_that_is_not_there_says_why(framing: Clinic) -> None:
    patient = framing.new_patient(first_name="Nora", last_name="Nomail", email="")
    appointment = framing.book(patient=patient)
    framing.settle()
    page = get(address(framing, NOTE, appointment)).text
    assert "This visit is not in OnCall." in page
    assert "e-mail" in page
    assert "Nomail" not in page


def test_times_are_those_of_the_doctors_clock(framing: Clinic) -> None:
    appointment, _ = framing.linked(scheduled_time=wall(days=3))
    page = get(address(framing, NOTE, appointment)).text
    assert re.search(rf"[A-Z][a-z]{{2}} {wall(days=3)[:16].replace('T', ' ')} E[DS]T", page)


FAILED = [(OperationalError("x", {}, Exception("Vera")), 503), (ValueError("Vera"), 500)]


@pytest.mark.parametrize(("error", "status"), FAILED, ids=["database", "ours"])
def test_what_fails_is_told_in_words(
    framing: Clinic, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(*_given: object) -> None:
        raise error

    appointment, _ = framing.linked()
    url = address(framing, NOTE, appointment)
    monkeypatch.setattr("sync.operations.framed.shown.shown", fail)
    monkeypatch.setattr("sync.setup.connect.is_good", fail)
    for answer in (get(url), get(f"{framing.url}/oauth/drchrono/start?ticket=x")):
        assert (answer.status_code, answer.headers["Cache-Control"]) == (status, "no-store")
        assert "<h1>" in answer.text
        assert "Vera" not in answer.text
        assert "style-src 'nonce-" in answer.headers["Content-Security-Policy"]


def test_drchrono_alone_may_frame_it_and_nothing_is_loaded(framing: Clinic) -> None:
    appointment, _ = framing.linked()
    answer = get(address(framing, NOTE, appointment))
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["frame-ancestors"] == framing.sandbox.drchrono_url
    assert policy["default-src"] == "'none'"
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_look_again_raises_the_visit_and_is_told(framing: Clinic) -> None:
    appointment, _ = framing.linked()
    page = get(address(framing, NOTE, appointment)).text
    (token,) = re.findall(r'name="token" value="([^"]+)"', page)
    said = requests.post(f"{framing.url}/iframe/{NOTE}", {"token": token}, timeout=20)
    assert (said.status_code, "looked at now" in said.text) == (200, True)
    assert len(framing.due()) == 1
    row = list(audit.every(framing.sync, Filter()))[-1]
    assert (row.action, row.kind, row.door) == ("resync", "staff", "iframe")
    assert row.subjects == f"appointment:{appointment}"
    other = requests.post(f"{framing.url}/iframe/{PATIENT}", {"token": token}, timeout=20)
    assert other.status_code == 403


def test_a_form_is_good_for_ten_minutes(framing: Clinic) -> None:
    appointment, _ = framing.linked()
    page = get(address(framing, NOTE, appointment)).text
    (token,) = re.findall(r'name="token" value="([^"]+)"', page)
    with time_machine.travel(framing.now().timestamp() + 601, tick=True):
        late = requests.post(f"{framing.url}/iframe/{NOTE}", {"token": token}, timeout=20)
    assert late.status_code == 403
    forged = requests.post(
        f"{framing.url}/iframe/{NOTE}", {"token": token[:-3] + "abc"}, timeout=20
    )
    assert forged.status_code == 403


def test_a_replay_is_refused_however_its_signature_is_written(framing: Clinic) -> None:
    appointment, _ = framing.linked()
    url = address(framing, NOTE, appointment)
    assert get(url).status_code == 200
    assert get(url).status_code == 403
    assert get(url + "%3D").status_code == 403
    assert get(url + ".").status_code == 403


def test_a_look_ahead_spends_nothing(framing: Clinic) -> None:
    appointment, _ = framing.linked()
    url = address(framing, NOTE, appointment)
    assert requests.head(url, timeout=5).status_code == 403
    assert get(url, headers={"Sec-Purpose": "prefetch"}).status_code == 403
    assert get(url).status_code == 200


@pytest.mark.parametrize("swapped", ["patient_id", "doctor_id", "user_id", "practice_id", "iat"])
def test_each_parameter_must_be_its_signed_value(framing: Clinic, swapped: str) -> None:
    url = address(framing, PATIENT, str(framing.patient))
    pairs = dict(parse_qsl(urlsplit(url).query))
    changed = {**pairs, swapped: str(int(pairs[swapped]) + 1)}
    assert get(f"{framing.url}/iframe/patient?{urlencode(changed)}").status_code == 403
    added = urlencode({**pairs, "appointment_id": "1"})
    assert get(f"{framing.url}/iframe/patient?{added}").status_code == 403
    assert get(f"{url}&{swapped}={pairs[swapped]}").status_code == 403
    assert get(url).status_code == 200  # none of them spent it


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": None},
        {"iat": True},
        {"iat": "soon"},
        {"iat": 1e300},
        {"patient_id": None},
        {"patient_id": True},
        {"patient_id": "1 OR 1"},
        {"doctor_id": 999_999},
        {"doctor_id": None},
        {"practice_id": 999_999},
    ],
)
def test_what_is_signed_must_be_whole_and_ours(framing: Clinic, changes: dict[str, Any]) -> None:
    assert get(signed(framing, str(framing.patient), **changes)).status_code == 403


@pytest.mark.parametrize("seconds", [-61, 62])
def test_it_is_fresh(framing: Clinic, seconds: int) -> None:
    at = int(framing.now().timestamp())
    assert get(signed(framing, str(framing.patient), iat=at + seconds)).status_code == 403
    assert get(signed(framing, str(framing.patient), iat=at)).status_code == 200


def test_without_a_user_and_a_practice_it_is_good(framing: Clinic) -> None:
    """Neither is always there (D72)."""
    url = signed(framing, str(framing.patient), user_id=None, practice_id=None)
    assert get(url).status_code == 200


def test_the_algorithm_is_ours_to_say(framing: Clinic) -> None:
    pairs = dict(parse_qsl(urlsplit(address(framing, PATIENT, str(framing.patient))).query))
    claims = claimed(pairs.pop("jwt"))
    for token in (
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, SECRET, algorithm="HS512"),
        jwt.encode(claims, "x" * 64, algorithm="HS256"),
        "",
        "a.b.c",
        "a" * 10_000,
    ):
        query = urlencode({**pairs, "jwt": token})
        assert get(f"{framing.url}/iframe/patient?{query}").status_code == 403


def test_no_secret_admits_nobody(framing: Clinic) -> None:
    """An empty key would sign whatever anybody likes."""
    pairs = dict(parse_qsl(urlsplit(address(framing, PATIENT, str(framing.patient))).query))
    claims = claimed(pairs.pop("jwt"))
    empty = type(framing.settings.drchrono_client_secret)("")
    object.__setattr__(framing.sync.settings, "drchrono_client_secret", empty)
    head, body, _ = jwt.encode(claims, SECRET, algorithm="HS256").split(".")
    made = hmac.new(b"", f"{head}.{body}".encode(), "sha256").digest()
    token = f"{head}.{body}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"
    query = urlencode({**pairs, "jwt": token})
    assert get(f"{framing.url}/iframe/patient?{query}").status_code == 403


def test_a_patient_nobody_heard_of_is_no_error(framing: Clinic) -> None:
    stranger = framing.new_patient(first_name="Una", last_name="Heard", email="una@mail.example")
    page = get(address(framing, PATIENT, str(stranger)))
    assert page.status_code == 200
    assert "is not in OnCall" in page.text


def test_the_command_goes_through_the_redirect(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "settings", lambda: clinic.settings)
    clinic.forget()
    done = CliRunner().invoke(cli, ["iframe", "enable"])
    assert done.exit_code == 0, done.output
    assert clinic.calls("drchrono") == [
        "POST /api/iframe_integration",
        "POST /api/iframe_integration/ID",
    ]
    clinic.sandbox.behaviours("drchrono", iframe="waiting")
    refused = CliRunner().invoke(cli, ["iframe", "enable"])
    assert refused.exit_code == 1
    assert "has not approved" in refused.stderr
    clinic.sandbox.behaviours("drchrono", iframe="approved")
    assert CliRunner().invoke(cli, ["iframe", "disable"]).exit_code == 0
    actions = [row.action for row in audit.every(clinic.sync, Filter())][-2:]
    assert actions == ["iframe_enable", "iframe_disable"]
