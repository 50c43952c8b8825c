"""Forward a port to one server or another, as a DNS name that is moved.

Open connections stay where they are, as they do when a DNS name is moved after a failover.
"""

import selectors
import socket
import threading
from collections.abc import Callable

Connect = Callable[[], socket.socket]


class Forwarder:
    """Forwards each new connection to where it leads by then.

    `said` changes what the server says, a piece at a time.
    """

    def __init__(self, to: Connect, said: Callable[[bytes], bytes] = lambda piece: piece) -> None:
        self.to = to
        self._said = said
        self.opened = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                here, _address = self._listener.accept()
            except OSError:
                return
            try:
                there = self.to()
            except OSError:
                here.close()
                continue
            self.opened += 1
            threading.Thread(target=self._both_ways, args=(here, there), daemon=True).start()

    def _both_ways(self, here: socket.socket, there: socket.socket) -> None:
        with here, there, selectors.DefaultSelector() as ready:
            ready.register(here, selectors.EVENT_READ, there)
            ready.register(there, selectors.EVENT_READ, here)
            while True:
                for key, _events in ready.select():
                    try:
                        data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                        if not data:
                            return
                        key.data.sendall(data if key.data is there else self._said(data))
                    except OSError:
                        return

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()


def unix(path: str) -> Connect:
    """Connect to a Unix socket."""

    def connect() -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(path)
        except OSError:
            made.close()
            raise
        return made

    return connect
