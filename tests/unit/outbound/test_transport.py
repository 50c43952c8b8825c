"""Each way a server can fail to answer, against a real one, and which of the two errors it is."""

import gzip
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sync.core.errors import NoAnswer, NotSent
from sync.outbound import connections, transport
from sync.outbound.call import Outgoing
from sync.outbound.transport import Transport
from tests.support.servers.usual import SHORT, answers, get, silent


def test_a_request_goes_out_as_given_and_its_answer_is_read_whole(serve):
    def handler(peer):
        peer.read_request()
        peer.answer(b'{"id": 1}', "201 Created", "Content-Type: application/json", "X-One: Two")

    server = serve(handler)
    body = b'{"name":"Zo\xc3\xab"}'
    request = Outgoing("POST", server.url + "/api/x?a=%2B", {"x-h": "v"}, {"q": "a b@c"}, body)
    incoming = Transport().send(request)

    assert (incoming.status, incoming.content) == (201, b'{"id": 1}')
    assert incoming.headers["x-one"] == "Two"
    assert incoming.content_type == "application/json"
    assert incoming.seconds > 0
    [sent] = server.requests
    head, _, sent_body = sent.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/x?a=%2B&q=a+b%40c HTTP/1.1\r\n")
    assert b"\r\nx-h: v" in head
    assert sent_body == body


def drip_headers(peer):
    peer.read_request()
    peer.sock.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    peer.drip()


def drip_sized_body(peer):
    peer.read_request()
    peer.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    peer.drip()


def drip_chunks(peer):
    peer.read_request()
    peer.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    peer.drip(b"1\r\nx\r\n")


def drip_body_without_length(peer):
    peer.read_request()
    peer.sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    peer.drip()


def drip_continues(peer):
    peer.read_request()
    peer.drip(b"HTTP/1.1 100 Continue\r\n\r\n")


ENDLESS = [
    drip_headers,
    drip_sized_body,
    drip_chunks,
    drip_body_without_length,
    drip_continues,
    silent,
]


@pytest.mark.parametrize("handler", ENDLESS)
def test_an_answer_that_does_not_end_ends_at_the_deadline(serve, handler):
    server = serve(handler)
    with pytest.raises(NoAnswer) as caught:
        Transport(deadline_seconds=SHORT).send(get(server.url))
    assert caught.value.code == "deadline"


def test_the_deadline_holds_in_threads_and_leaves_others_alone(serve):
    dripping, healthy = serve(drip_headers), serve(answers(b"1", b"2", b"3"))
    sender = Transport(deadline_seconds=SHORT)
    with ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(sender.send, get(dripping.url)) for _ in range(3)]
        fast = pool.submit(sender.send, get(healthy.url))
        assert fast.result().content == b"1"
        assert [type(each.exception()) for each in slow] == [NoAnswer] * 3
    # The kept connection survived the deadlines of the others.
    assert sender.send(get(healthy.url)).content == b"2"
    assert healthy.connections == 1


def test_a_deadline_in_mid_send_of_a_body_is_no_answer(serve):
    server = serve(lambda peer: peer.stop.wait(60))
    big = Outgoing("POST", server.url, {}, body=b"x" * 30_000_000)
    with pytest.raises(NoAnswer) as caught:
        Transport(deadline_seconds=3 * SHORT, connect_seconds=SHORT).send(big)
    assert caught.value.code == "deadline"


def close_after_request(peer):
    peer.read_request()


def truncate(peer):
    peer.read_request()
    peer.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")


def not_gzip(peer):
    peer.read_request()
    peer.answer(b"plain", "200 OK", "Content-Encoding: gzip")


def not_http(peer):
    peer.read_request()
    peer.sock.sendall(b"SSH-2.0-OpenSSH\r\n")


@pytest.mark.parametrize("handler", [close_after_request, truncate, not_gzip, not_http])
def test_a_broken_answer_is_no_answer(serve, handler):
    server = serve(handler)
    with pytest.raises(NoAnswer) as caught:
        Transport().send(get(server.url))
    assert caught.value.code == "answer"
    assert len(server.requests) == 1


def test_a_refused_connection_is_not_sent():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotSent) as caught:
        Transport().send(get(f"http://127.0.0.1:{port}/"))
    assert caught.value.code == "connect"


def test_an_unknown_host_is_not_sent(monkeypatch):
    def unknown(*_args, **_kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(connections.socket, "getaddrinfo", unknown)
    with pytest.raises(NotSent) as caught:
        Transport().send(get("http://clinic.example/"))
    assert caught.value.code == "dns"


def test_a_resolver_that_hangs_is_not_sent_and_ends_at_the_deadline(monkeypatch):
    release = threading.Event()

    def hang(*_args, **_kwargs):
        release.wait(60)
        return []

    monkeypatch.setattr(connections.socket, "getaddrinfo", hang)
    with pytest.raises(NotSent):
        Transport(deadline_seconds=SHORT).send(get("http://clinic.example/"))
    assert not release.is_set()
    release.set()


def test_a_host_that_swallows_connections_is_not_sent():
    # With its queue full, Linux drops further connection requests without a word.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        filling = []
        for _ in range(4):
            sock = socket.socket()
            sock.settimeout(0)
            sock.connect_ex(address)
            filling.append(sock)
        with pytest.raises(NotSent) as caught:
            Transport(connect_seconds=SHORT).send(get(f"http://127.0.0.1:{address[1]}/"))
        for sock in filling:
            sock.close()
    assert caught.value.code == "connect"


def test_a_url_that_is_none_is_not_sent():
    with pytest.raises(NotSent) as caught:
        Transport().send(get("http://"))
    assert caught.value.code == "prepare"


def test_a_redirect_is_handed_back_and_not_followed(serve):
    def handler(peer):
        peer.read_request()
        peer.answer(b"moved", "302 Found", "Location: /elsewhere")
        peer.sock.recv(1)

    server = serve(handler)
    incoming = Transport().send(Outgoing("PATCH", server.url, {}, body=b"{}"))
    assert (incoming.status, incoming.headers["location"]) == (302, "/elsewhere")
    assert len(server.requests) == 1


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_over_the_cap_is_not_kept(serve, packed):
    def handler(peer):
        peer.read_request()
        body = b"0" * 3_000_000
        if packed:
            peer.answer(gzip.compress(body), "200 OK", "Content-Encoding: gzip")
        else:
            peer.answer(body)

    server = serve(handler)
    with pytest.raises(NoAnswer) as caught:
        Transport(max_bytes=1_000_000).send(get(server.url))
    assert caught.value.code == "too_large"


def test_a_packed_answer_is_unpacked(serve):
    def handler(peer):
        peer.read_request()
        peer.answer(gzip.compress(b'{"a": 1}'), "200 OK", "Content-Encoding: gzip")

    assert Transport().send(get(serve(handler).url)).content == b'{"a": 1}'


def test_connections_are_kept(serve):
    server = serve(answers(b"1", b"2"))
    sender = Transport()
    assert [sender.send(get(server.url)).content for _ in range(2)] == [b"1", b"2"]
    assert server.connections == 1


def test_a_kept_connection_that_dies_under_a_request_is_no_answer_and_no_retry(serve):
    def handler(peer):
        peer.read_request()
        peer.answer(b"1")
        peer.read_request()

    server = serve(handler)
    sender = Transport()
    sender.send(get(server.url))
    with pytest.raises(NoAnswer):
        sender.send(Outgoing("POST", server.url, {}, body=b"{}"))
    assert len(server.requests) == 2


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced(serve):
    closed = threading.Event()

    def handler(peer):
        peer.read_request()
        peer.answer(b"1")
        peer.sock.shutdown(socket.SHUT_RDWR)
        closed.set()

    server = serve(handler)
    sender = Transport()
    sender.send(get(server.url))
    assert closed.wait(30)
    assert sender.send(get(server.url)).content == b"1"
    assert server.connections == 2


def test_a_connection_that_was_idle_for_long_is_not_used_again(serve, monkeypatch):
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.0)
    server = serve(answers(b"1", b"2"))
    sender = Transport()
    assert [sender.send(get(server.url)).content for _ in range(2)] == [b"1", b"1"]
    assert server.connections == 2


def test_a_forked_process_uses_connections_of_its_own(serve, monkeypatch):
    server = serve(answers(b"1", b"2"))
    sender = Transport()
    sender.send(get(server.url))
    monkeypatch.setattr(transport.os, "getpid", lambda: -1)
    assert sender.send(get(server.url)).content == b"1"
    assert server.connections == 2


def test_nothing_of_the_environment_and_no_cookie_is_used(serve, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    def handler(peer):
        for _ in range(2):
            peer.read_request()
            peer.answer(b"{}", "200 OK", "Set-Cookie: session=abc")

    server = serve(handler)
    sender = Transport()
    for _ in range(2):
        sender.send(get(server.url))
    assert not any(b"cookie" in sent.lower() for sent in server.requests)


def test_an_error_holds_nothing_of_the_address(serve):
    server = serve(close_after_request)
    request = get(server.url + "/?email=jane", query={"email": "jane@example.org"})
    with pytest.raises(NoAnswer) as caught:
        Transport().send(request)
    assert caught.value.args == ("answer",)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "jane" not in repr(request)
