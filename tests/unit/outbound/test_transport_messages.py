"""How a request is written, and what is made of an answer's headers, packing and end."""

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sync.core.errors import NoAnswer, NotSent
from sync.outbound.call import Outgoing
from sync.outbound.transport import Transport
from tests.support.servers.usual import SHORT, answers, get, silent


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("/api/x?who=Zoë Ä&b=%2B", b"GET /api/x?who=Zo%C3%AB%20%C3%84&b=%2B HTTP/1.1"),
        ("?a=1#part", b"GET /?a=1 HTTP/1.1"),
        ("/a%20b/(1)~", b"GET /a%20b/(1)~ HTTP/1.1"),
    ],
)
def test_an_address_is_asked_for_as_it_may_be_written(serve, asked, line):
    server = serve(answers(b"1"))
    Transport().send(get(server.url + asked))
    assert server.requests[0].partition(b"\r\n")[0] == line


def test_a_header_that_breaks_out_of_its_line_is_not_sent(serve):
    server = serve(answers(b"1"))
    with pytest.raises(NotSent):
        Transport().send(Outgoing("GET", server.url, {"x-one": "1\r\nx-two: 2"}))
    assert server.connections == 0


def test_a_header_that_comes_twice_is_one_list(serve):
    def handler(peer):
        peer.read_request()
        peer.answer(b"1", "200 OK", "X-One: a", "x-one: b")

    assert Transport().send(get(serve(handler).url)).headers["x-one"] == "a, b"


def in_two_members(body):
    return gzip.compress(body[:3]) + gzip.compress(body[3:])


@pytest.mark.parametrize("pack", [gzip.compress, in_two_members])
def test_a_packed_answer_is_unpacked(serve, pack):
    def handler(peer):
        peer.read_request()
        peer.answer(pack(b'{"a": 1}'), "200 OK", "Content-Encoding: gzip")

    assert Transport().send(get(serve(handler).url)).content == b'{"a": 1}'


def test_an_answer_that_ends_its_connection_keeps_none(serve):
    def handler(peer):
        peer.read_request()
        peer.answer(b"1", "200 OK", "Connection: close")
        peer.sock.recv(1)

    server = serve(handler)
    sender = Transport()
    assert [sender.send(get(server.url)).content for _ in range(2)] == [b"1", b"1"]
    assert server.connections == 2


def test_a_deadline_that_comes_sooner_than_others_is_kept(serve):
    waiting, dripping = serve(silent), serve(silent)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(Transport(deadline_seconds=4 * SHORT).send, get(waiting.url))
        with pytest.raises(NoAnswer):
            Transport(deadline_seconds=SHORT).send(get(dripping.url))
        assert not late.done()
        assert late.exception().code == "deadline"


def test_one_thread_watches_every_request(serve):
    server = serve(answers(*[b"1"] * 9))
    sender = Transport()
    for _ in range(9):
        sender.send(get(server.url))
    assert [one.name for one in threading.enumerate()].count("deadlines") == 1
