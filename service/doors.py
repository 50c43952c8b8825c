"""Give each door its parts, and read a request's body and secrets."""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import Request
from prometheus_client import CollectorRegistry, Counter

from sync.runtime import Sync
from sync.setup.told import Noted
from workers.bell import Bell

LARGEST = 1024 * 1024  # bytes of a webhook's body


@dataclass(frozen=True, slots=True)
class Doors:
    """The engine, the bell, and this process's count of refusals: they are stored nowhere else."""

    sync: Sync
    bell: Bell
    missed: Callable[[], None]
    registry: CollectorRegistry
    refused: Counter
    noted: Noted

    @classmethod
    def of(cls, sync: Sync, bell: Bell, missed: Callable[[], None] = lambda: None) -> "Doors":
        """The doors of one process, with a metrics registry of their own; closes nothing.

        `missed` is called, and must return at once, when a webhook could not be taken.
        """
        registry = CollectorRegistry()
        refused = Counter(
            "sync_refused_requests",
            "Calls that were refused before anything was stored",
            ["source", "reason"],
            registry=registry,
        )
        return cls(sync, bell, missed, registry, refused, Noted(sync))

    def refuse(self, source: str, reason: str) -> None:
        """Count a refusal; both words come from our own code, never from a request."""
        self.refused.labels(source, reason).inc()


def one_of(given: bytes, secrets: Iterable[str]) -> bool:
    """Whether `given` is one of the secrets; takes the same time whichever it is."""
    matches = [hmac.compare_digest(given, secret.encode()) for secret in secrets]
    return any(matches)


def read_body(request: Request) -> bytes | None:
    """The whole body, at most 1 MiB; None when it is larger, chunked or not.

    What says that it is larger is not read at all. Else one byte more than the limit is asked for:
    a chunked body has no length to go by.
    """
    if (request.content_length or 0) > LARGEST:
        return None
    body = b""
    while len(body) <= LARGEST and (piece := request.stream.read(LARGEST + 1 - len(body))):
        body += piece
    return body if len(body) <= LARGEST else None
