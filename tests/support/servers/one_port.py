"""Ask both doors of a web process at one address, as a test's client or server."""

from werkzeug.test import Client

from service.app import create_app
from service.doors import Doors
from service.ops_app import create_ops_app
from service.two_apps import TwoApps


def both(doors: Doors) -> TwoApps:
    """Both apps behind one address; the operations pages show what they show at OPS_PORT."""
    return TwoApps(create_app(doors), create_ops_app(doors), on_web=True)


def client(doors: Doors) -> Client:
    """A client of both."""
    return Client(both(doors))
