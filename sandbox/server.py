"""Serve keep-alive HTTP/1.1, with lines that break and bytes that drip."""

from __future__ import annotations

import threading
import time
from io import BytesIO
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from sandbox.answers import Outcome


class Front(Protocol):
    """What answers the requests of one port."""

    def outcome(self, request: Request) -> Outcome:
        """Answer one request, or break its line."""


class LineHandler(WSGIRequestHandler):
    """Werkzeug's handler, but with keep-alive and with lines that can break.

    Werkzeug's own always closes the connection. Here the body is read whole before anything is
    answered, so the next request starts where it should.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    front: ClassVar[Front]

    def run_wsgi(self) -> None:
        """Read one request, answer it, or break the line."""
        request = self._read()
        outcome = self.front.outcome(request)
        if outcome.response is None:
            self.close_connection = True
            return
        head, body = self._bytes_of(outcome.response, request)
        try:
            if outcome.drip:
                self._drip(head, body, outcome)
            else:
                self.wfile.write(head + body)
                self.wfile.flush()
        except OSError:
            # The caller gave up: that is its right, and no error of ours.
            self.close_connection = True

    def _read(self) -> Request:
        environ = self.make_environ()
        if "HTTP_TRANSFER_ENCODING" in environ:
            body = environ["wsgi.input"].read()
            del environ["HTTP_TRANSFER_ENCODING"]
        else:
            body = self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = BytesIO(body)
        return Request(environ)

    def _bytes_of(self, response: Response, request: Request) -> tuple[bytes, bytes]:
        headers = response.get_wsgi_headers(request.environ)
        lines = [f"HTTP/1.1 {response.status}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        bodiless = request.method == "HEAD" or response.status_code == 204
        return head, b"" if bodiless else response.get_data()

    def _drip(self, head: bytes, body: bytes, outcome: Outcome) -> None:
        slow = head + body if outcome.drip_head else body
        if not outcome.drip_head:
            self.wfile.write(head)
        for byte in slow:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(outcome.drip)

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Silent: the call journal tells more."""


def serve(front: Front, host: str, port: int) -> BaseWSGIServer:
    """Listen on `host` and `port` (0: any free one) and answer in threads.

    The server is already accepting when this returns; `shutdown()` stops it.
    """
    handler = type("Handler", (LineHandler,), {"front": front})
    # LineHandler never calls the WSGI application; make_server only wants to hold one.
    unused = cast("WSGIApplication", Response())
    server = make_server(host, port, unused, threaded=True, request_handler=handler)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, name=f"port-{server.port}"
    )
    thread.daemon = True
    thread.start()
    return server
