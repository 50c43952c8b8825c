"""What is read as a request, by RFC 9112, however its bytes are cut; all else is refused."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.server.connection import _head_of
from service.server.incoming import Head, Incoming, Mark, NoRequestError, Part
from service.server.wsgi_call import AppAnswer

MOST = 1000
TOLD = (
    b"POST /webhooks/oncall?a=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345"
    b"POST /second HTTP/1.1\r\nHost: y\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: said too late\r\n\r\n"
    b"GET /third HTTP/1.1\r\nHost: z\r\nConnection: close\r\n\r\n"
)


def read(*pieces: bytes) -> list[Part]:
    """Every part; a body's pieces put together."""
    incoming = Incoming(MOST)
    parts: list[Part] = []
    for piece in pieces:
        incoming.feed(piece)
        while (part := incoming.next()) is not None:
            if isinstance(part, bytes) and parts and isinstance(parts[-1], bytes):
                parts[-1] += part
            else:
                parts.append(part)
    return parts


def refusal(*pieces: bytes) -> int:
    with pytest.raises(NoRequestError) as refused:
        read(*pieces)
    return refused.value.status


@given(st.sets(st.integers(1, len(TOLD) - 1)))
def test_the_same_is_read_wherever_it_is_cut(cuts: set[int]) -> None:
    ends = [0, *sorted(cuts), len(TOLD)]
    pieces = [TOLD[a:b] for a, b in pairwise(ends)]
    host_x, host_y, host_z = ([("host", name)] for name in "xyz")
    assert read(*pieces) == [
        Head("POST", "/webhooks/oncall?a=1", "1.1", [*host_x, ("content-length", "5")], stays=True),
        b"12345",
        Mark.END,
        Head("POST", "/second", "1.1", [*host_y, ("transfer-encoding", "chunked")], stays=True),
        b"abcde",
        Mark.END,
        Head("GET", "/third", "1.1", [*host_z, ("connection", "close")], stays=False),
        Mark.END,
    ]


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",  # RFC 9112, 3.2: no Host
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n",
        b"GET /\r\n\r\n",  # HTTP/0.9
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",  # 5.1: no space before the colon
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",  # 5.2: line folding
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        # 6.1 and 6.3: how long a body is, is said once and in one way
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3x\r\nabc\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    ],
)
def test_what_a_proxy_may_read_otherwise_is_refused(head: bytes) -> None:
    assert refusal(head) == 400
    assert refusal(*(head[n : n + 1] for n in range(len(head)))) == 400


def test_nothing_is_read_after_what_is_no_request() -> None:
    incoming = Incoming(MOST)
    incoming.feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nplanted\r\n\r\n")
    assert isinstance(incoming.next(), Head)
    assert incoming.next() is Mark.END
    for _ in range(2):
        with pytest.raises(NoRequestError):
            incoming.next()
        incoming.feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


LARGE = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * MOST


@pytest.mark.parametrize(
    "pieces",
    [
        (LARGE + b"\r\n\r\n",),
        tuple(LARGE[n : n + 10] for n in range(0, len(LARGE), 10)),  # and it never ends
        (b"GET /" + b"a" * MOST + b" HTTP/1.1\r\nHost: x\r\n\r\n",),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 200,),
    ],
)
def test_a_head_is_at_most_so_large(pieces: tuple[bytes, ...]) -> None:
    assert refusal(*pieces) == 431


def test_so_is_what_follows_a_body() -> None:
    body = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    assert refusal(body + b"X: y\r\n" * 200) == 431


def test_a_head_is_as_large_as_it_is_however_it_comes() -> None:
    """What came before it in the same piece is none of it, and nothing is counted twice."""
    body = b"b" * (3 * MOST)
    before = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    head = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (MOST - 100) + b"\r\n\r\n"
    assert len(read(before + head[:50], *(head[n : n + 7] for n in range(50, len(head), 7)))) == 5


@pytest.mark.parametrize(
    ("head", "stays"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", False),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", False),
    ],
)
def test_who_may_send_another_request(head: bytes, stays: bool) -> None:
    first, second = read(head + b"what follows an upgrade" * ("x:1" in str(head)))
    assert isinstance(first, Head)
    assert (first.stays, second) == (stays, Mark.END)


@given(st.binary(max_size=200))
def test_anything_is_parts_or_a_refusal(data: bytes) -> None:
    for pieces in ((data,), (TOLD[:60], data), (TOLD, data)):
        with suppress(NoRequestError):
            read(*pieces)


def test_an_answer_s_header_is_one_line() -> None:
    for value in ("a\r\nSet-Cookie: b", "a\nb", "a\rb"):
        with pytest.raises(ValueError, match="several lines"):
            _head_of(AppAnswer(200, [("X", value)], b""), head_only=False, kept=True)


def test_an_answer_says_its_own_length() -> None:
    told = AppAnswer(200, [("Content-Length", "7"), ("Transfer-Encoding", "chunked")], b"abc")
    said = _head_of(told, head_only=False, kept=True).lower()
    assert b"content-length: 3\r\n" in said
    assert b"transfer-encoding" not in said
    assert b"content-length: 7\r\n" in _head_of(told, head_only=True, kept=True).lower()
    assert b"content-length" not in _head_of(AppAnswer(204, [], b""), head_only=False, kept=True)
