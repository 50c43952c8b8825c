"""Read what the inbox is filtered by: of an address, or of a form that goes on with it."""

from typing import Final

from flask import request

from sync.operations.inbox.asked import Asked

LONGEST: Final = 400


def asked_for() -> Asked:
    """What was asked for, as it was typed or chosen."""
    told = (request.values.get(name, "")[:LONGEST] for name in Asked.__slots__)
    return Asked(*told)
