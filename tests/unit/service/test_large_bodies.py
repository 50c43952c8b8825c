"""A body that is too long for memory: taken where the app says so, held where nobody reads it."""

import asyncio
import io
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bodies.held import IN_MEMORY, TAKES
from service.bodies.sealed import SealedFile
from service.server.connection import Connection, Front, Limits
from service.server.wsgi_call import call

LINE = b"Nora Lindqvist;nora@mail.example\r\n"
LONG = LINE * (3 * IN_MEMORY // len(LINE))


@given(
    st.lists(st.binary(max_size=70)),
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 90)), max_size=6),
)
def test_a_sealed_file_reads_as_any_other(
    written: list[bytes], read: list[tuple[int, int]]
) -> None:
    plain, sealed = io.BytesIO(), SealedFile()
    for piece in written:
        plain.write(piece)
        assert sealed.write(piece) == len(piece)
    assert len(sealed) == sealed.tell() == plain.tell()
    for at, size in read:
        place = min(at, len(sealed))
        plain.seek(place)
        assert sealed.seek(at) == place
        assert sealed.read(size) == plain.read(size)
    sealed.seek(-min(5, len(sealed)), os.SEEK_END)
    assert sealed.read() == plain.getvalue()[-5:]
    sealed.close()


def test_on_the_disk_it_is_not_to_be_read() -> None:
    sealed, other = SealedFile(), SealedFile()
    kept = []
    for one in (sealed, other):
        one.write(LONG)
        os.lseek(one._file.fileno(), 0, os.SEEK_SET)
        kept.append(os.read(one._file.fileno(), len(LONG)))
    assert len(kept[0]) == len(LONG)
    assert b"Nora" not in kept[0]
    assert kept[0] != kept[1]  # each has a key of its own
    sealed.close()
    with pytest.raises(ValueError, match="closed"):
        sealed.read(1)


class Caller(asyncio.Protocol):
    """The other end of a connection, without a socket."""

    def __init__(self) -> None:
        self.said = bytearray()

    def write(self, data: bytes) -> None:
        self.said += data

    async def drain(self) -> None:
        pass

    def close(self) -> None:
        pass

    def write_eof(self) -> None:
        pass

    def get_extra_info(self, _name: str) -> None:
        return None


def asked(app: Any, request: bytes) -> bytes:
    """What a caller gets for a request."""

    async def answered(environ: dict[str, Any], body: Any) -> Any:
        return call(app, environ, body)

    async def serve() -> bytes:
        reader, caller = asyncio.StreamReader(), Caller()
        reader.feed_data(request)
        reader.feed_eof()
        front = Front(answered, lambda _reason: None, Limits())
        await Connection(front, reader, caller).serve()  # type: ignore[arg-type]
        return bytes(caller.said)

    return asyncio.run(serve())


def head(length: int) -> bytes:
    return f"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.mark.parametrize("widened", [True, False])
def test_as_much_is_read_as_the_app_takes(widened: bool) -> None:
    seen: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if widened:
            environ[TAKES].bytes = len(LONG) + 1
        body = environ["wsgi.input"]
        seen.append((type(body), body.read()))
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    assert asked(app, head(len(LONG)) + LONG).endswith(b"ok")
    [(kind, body)] = seen
    if widened:
        assert (kind, body == LONG) == (SealedFile, True)
    else:
        assert IN_MEMORY < len(body) < IN_MEMORY + 2 * 65536


def test_a_request_after_it_takes_no_more_than_usual() -> None:
    seen: list[int] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if not seen:
            environ[TAKES].bytes = len(LONG) + 1
        seen.append(len(environ["wsgi.input"].read()))
        start_response("204 No Content", [])
        return []

    asked(app, 2 * (head(len(LONG)) + LONG))
    assert seen[0] == len(LONG)
    assert IN_MEMORY < seen[1] < len(LONG)


def test_a_long_answer_is_sent_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[SealedFile] = []

    class Noted(SealedFile):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr("service.bodies.held.SealedFile", Noted)

    def app(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", str(len(LONG)))])
        return (LONG[at : at + 999] for at in range(0, len(LONG), 999))

    answer = asked(app, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.partition(b"\r\n\r\n")[2] == LONG
    assert [one.closed for one in made] == [True]
