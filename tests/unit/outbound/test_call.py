"""Put a call on the wire, and read its answer back."""

import pytest

from sync.core.answers.verdict import Kind, Verdict
from sync.outbound.call import Answer, Call, Incoming, outgoing, read_json
from sync.outbound.credentials import Credentials

AUTHORIZATION = {"authorization": "Bearer t"}


def test_a_json_call_is_utf_8_under_the_base_with_authorisation():
    call = Call("drchrono", "PATCH", "appointment", "/api/appointments/1", json={"reason": "é"})
    request = outgoing(call, "https://app.drchrono.com/", AUTHORIZATION)
    assert request.method == "PATCH"
    assert request.url == "https://app.drchrono.com/api/appointments/1"
    assert request.body == b'{"reason":"\\u00e9"}'
    assert request.headers == {
        "accept": "application/json",
        "authorization": "Bearer t",
        "content-type": "application/json",
    }


@pytest.mark.parametrize("endpoint", ["token", "revoke_token"])
def test_a_token_call_is_a_form_without_authorisation(endpoint):
    call = Call("drchrono", "POST", endpoint, "/o/token/", form={"code": "a&b", "x": "1"})
    request = outgoing(call, "https://drchrono.com", AUTHORIZATION)
    assert request.body == b"code=a%26b&x=1"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers


def test_an_empty_object_is_a_body_and_none_is_not():
    assert outgoing(Call("oncall", "PATCH", "x", "/x/", json={}), "http://a", {}).body == b"{}"
    bare = outgoing(Call("oncall", "GET", "x", "/x/"), "http://a", {})
    assert bare.body is None
    assert "content-type" not in bare.headers


@pytest.mark.parametrize(
    ("content_type", "content", "expected"),
    [
        ("application/json", b'{"a": [1]}', {"a": [1]}),
        ("Application/JSON; charset=utf-8", b"[]", []),
        ("application/problem+json", b'{"a":1}', {"a": 1}),
        ("text/html", b'{"a": 1}', None),
        ("", b'{"a": 1}', None),
        ("application/json", b"", None),
        ("application/json", b"{", None),
        ("application/json", b"\xff\xfe\xff", None),
        ("application/json", b"[" * 200_000, None),
    ],
)
def test_json_is_read_only_where_it_is_said_to_be(content_type, content, expected):
    assert read_json(Incoming(200, {"content-type": content_type}, content, 0.1)) == expected


def test_nothing_personal_shows_in_a_repr():
    mail = "jane@example.org"
    call = Call(
        "oncall", "GET", "contacts", f"/contacts/?email={mail}", {"email": mail}, json={"e": mail}
    )
    request = outgoing(call, "https://a", AUTHORIZATION)
    incoming = Incoming(200, {"x": mail}, mail.encode(), 0.1)
    answer = Answer(200, {"e": mail}, {"x": mail}, "a/b", 1, Verdict(Kind.OK, "ok"))
    shown = repr((call, request, incoming, answer))
    assert "jane" not in shown
    assert "Bearer" not in shown


class Tokens:
    def access_token(self):
        return "abc"


def test_each_system_gets_its_own_credentials():
    plain = Credentials(Tokens(), "k-1")
    assert plain.headers("drchrono") == {"authorization": "Bearer abc"}
    assert plain.headers("oncall") == {"authorization": "k-1"}
    assert Credentials(Tokens(), "k-1", "Token ").headers("oncall") == {
        "authorization": "Token k-1"
    }
