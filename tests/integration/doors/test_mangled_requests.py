"""No request, however it is mangled, is a failure of ours: it is taken, or it is refused."""

import json
import random
import socket
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

import pytest

from tests.integration.doors.test_gunicorn import SIGNED, Web
from tests.integration.doors.test_slow_callers import OPS_TOKEN, started
from tests.support.forged import appointment

TOKEN = "token-one-of-the-tests"
BASIC = "Basic b25jYWxsOnRva2VuLW9uZS1vZi10aGUtdGVzdHM="  # oncall:token-one-of-the-tests
HINT = json.dumps(
    {"event": "appointment_updated", "url": "https://api.oncallhealth.com/appointments/1"}
)
SHOWN = json.dumps({"receiver": {"id": 7}, "object": appointment(91)})
EVENT = "".join(f"{name}: {value}\r\n" for name, value in SIGNED.items())
USUAL = "Cookie: session=a.b.c; x=y\r\nX-Forwarded-For: 10.0.0.1\r\nUser-Agent: x\r\n"
FORM = f"{USUAL}Content-Type: application/x-www-form-urlencoded\r\n"
REQUESTS = {
    "hint by password": ("POST /webhooks/oncall", f"Authorization: {BASIC}\r\n", HINT),
    "hint by path": (f"POST /webhooks/oncall/{TOKEN}", USUAL, HINT),
    "webhook": ("POST /webhooks/drchrono", f"{EVENT}X-drchrono-delivery: 5\r\n", SHOWN),
    "handshake": ("GET /webhooks/drchrono?msg=a%20word&x=1", USUAL, ""),
    "callback": ("GET /oauth/callback?code=abc&state=def", USUAL, ""),
    "consent": ("POST /oauth/confirm", FORM, "csrf_token=a.b.c&state=def"),
    "page in the chart": ("GET /iframe/patient?iframe=on&jwt=a.b.c&patient_id=7", USUAL, ""),
    "health": ("GET /readyz", "Accept: text/html;q=0.1, */*\r\nRange: bytes=0-1\r\n", ""),
    "metrics": ("GET /metrics", f"Authorization: Bearer {OPS_TOKEN}\r\n", ""),
    "sign-in": (
        "POST /ops/sign-in",
        f"{FORM}Sec-Fetch-Site: same-origin\r\n",
        "csrf_token=a.b.c&name=jo&password=word&code=123456",
    ),
    "page of the operators": ("GET /ops/waiting?page=2&cause=auth", USUAL, ""),
}
EXPECTED = {
    "callback": "4",
    "consent": "4",
    "page in the chart": "4",
    "sign-in": "4",
    "page of the operators": "3",
}
MANGLED = 250  # of each
ODD = b"\r\n \t:;,=%&?/\\\"'{}[]\x00\x7f\x80\xe9\xff09-+."


class Both(Web):
    """With the operators' pages on the same port."""

    EXTRA: ClassVar[dict[str, str]] = {"OPS_ON_WEB": "1", "OPS_TOKEN": OPS_TOKEN}


@pytest.fixture(scope="module")
def web(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    place = tmp_path_factory.mktemp("mangled")
    yield from started(Both, redis_server, place / "mangled.db", place)


def whole(line: str, headers: str, body: str) -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{line} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n{body}".encode()


def mangled(request: bytes, chance: random.Random) -> bytes:
    """A few bytes of it changed, left out, put in or said twice."""
    out = bytearray(request)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(out))
        what = chance.randrange(4)
        if what == 0:
            out[at] = chance.choice(ODD)
        elif what == 1:
            del out[at : at + chance.randint(1, 4)]
        elif what == 2:
            out[at:at] = bytes([chance.choice(ODD)]) * chance.randint(1, 3)
        else:
            out[at:at] = out[at : at + chance.randint(1, 40)]
    return bytes(out)


def status(web: Web, request: bytes) -> str:
    """The first digit of the answer; "" where it is closed without one."""
    with socket.create_connection(("127.0.0.1", web.port), 10) as one:
        one.sendall(request)
        one.shutdown(socket.SHUT_WR)
        try:
            return one.recv(65536)[9:10].decode()
        except ConnectionError:
            return ""


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_mangled_request_is_taken_or_refused(web: Web, kind: str) -> None:
    request = whole(*REQUESTS[kind])
    told = status(web, request)
    assert told == EXPECTED.get(kind, "2")
    chance = random.Random(f"{kind} 1")  # noqa: S311 - the same each time
    asked = [mangled(request, chance) for _ in range(MANGLED)]
    answers = Counter((status(web, one), one) for one in asked)
    assert [one for digit, one in answers if digit == "5"] == []
    assert any(digit == told for digit, _ in answers)


@pytest.mark.parametrize(
    "host", ["loca..lhost", "localhost..", "a" * 70 + ".example", "\xe9", "[::1"]
)
@pytest.mark.parametrize("kind", ["page of the operators", "sign-in", "callback", "metrics"])
def test_a_host_that_can_t_be_one_is_refused(web: Web, kind: str, host: str) -> None:
    request = whole(*REQUESTS[kind]).replace(b"localhost", host.encode("latin-1"))
    assert status(web, request) == "4"
