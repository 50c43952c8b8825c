"""What a store of a test writes the audit with."""

from sync.core.actor import Actor
from sync.digests import Digests
from sync.store.trail.deeds import Chain

CHAIN = Chain(
    Digests([b"a-digest-key-for-tests-of-32-bytes!"]), Actor("service", "tests@here:1", "worker")
)
