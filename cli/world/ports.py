"""Choose the TCP ports of a world, and say which option to use when one is taken."""

import socket
from contextlib import ExitStack
from dataclasses import dataclass

from cli.output import TroubleError

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """The TCP ports of a world; 0 is any free one, until `chosen`."""

    web: int = 8000
    drchrono: int = 8101
    oncall: int = 8102
    ops: int = 8001

    def chosen(self) -> "Ports":
        """The same with free ports in the place of zeros.

        Raises TroubleError that names the option of a port that is taken.
        """
        wanted = (
            (self.web, "--port"),
            (self.drchrono, "--drchrono-port"),
            (self.oncall, "--oncall-port"),
            (self.ops, "--ops-port"),
        )
        with ExitStack() as held:
            # All are held until the last is chosen, so that no two are the same.
            return Ports(*(_bound(held, port, option) for port, option in wanted))


DEFAULT = Ports()
FREE = Ports(0, 0, 0, 0)


def _bound(held: ExitStack, port: int, option: str) -> int:
    listening = held.enter_context(socket.socket())
    # A port whose last connections still linger is free, as it is for the servers.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        raise TroubleError(
            f"Port {port} is taken or not allowed ({error.strerror}): choose another with {option}."
        ) from None
    return int(listening.getsockname()[1])
