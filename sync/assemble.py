"""Put the parts of one process together: built once, passed to every function."""

import gc
import os
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sync.config import Mode, Settings
from sync.core.actor import LONGEST_NAME, Actor, Door
from sync.digests import Digests
from sync.drchrono.client import DrChrono
from sync.drchrono.keeper import TokenKeeper, with_fresh_token
from sync.drchrono.oauth import Application
from sync.oncall.client import OnCall
from sync.outbound import brake
from sync.outbound.budget import Limit
from sync.outbound.credentials import Credentials
from sync.outbound.gate import Gate, Rules, Ticket
from sync.outbound.optional import Optional
from sync.outbound.transport import Transport
from sync.run.evidence import accounts
from sync.runtime import Sync
from sync.setup.belonging import Belonging
from sync.store.clock import DatabaseClock
from sync.store.database import Store
from sync.store.lanes import Lane
from sync.store.tickets import Tickets
from sync.store.tokens import SealedTokens
from sync.store.trail.deeds import Chain


def owner_name(role: str) -> str:
    """Name this process in leases and heartbeats: role, host and process id."""
    return f"{role}@{socket.gethostname()[:40]}:{os.getpid()}"


def itself(owner: str) -> Actor:
    """Who a process acts for when nobody comes in by a door: itself, or a terminal's user."""
    role = owner.partition("@")[0]
    if role == "cli":
        return Actor("user", f"uid {os.getuid()}", "terminal")
    door: Door = "beat" if role == "beat" else "web" if role == "web" else "worker"
    return Actor("service", owner[:LONGEST_NAME], door)


def build(
    settings: Settings,
    *,
    owner: str,
    clock: Callable[[], datetime] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Sync:
    """Put the parts together; opens no connection yet. `pause` waits out seconds within a task.

    Without a `clock` it is the database's.

    Raises ValueError when a key is missing or weak.
    """
    clock = clock or DatabaseClock()
    digests = Digests(settings.digest_key_list)
    store = Store(settings.database_url, chain=Chain(digests, itself(owner)))
    wire = Transport(deadline_seconds=settings.call_deadline_seconds)
    limits = {
        "drchrono": Limit(
            settings.drchrono_hourly_limit,
            settings.drchrono_burst_limit,
            settings.budget_reserve,
        ),
        "oncall": Limit(),
    }
    others = {
        "drchrono": settings.drchrono_other_origins,
        "oncall": settings.oncall_other_origins,
    }
    application = Application(
        settings.drchrono_client_id,
        settings.drchrono_client_secret.get_secret_value(),
        f"{settings.public_url}/oauth/drchrono/callback",
    )
    tokens = SealedTokens(
        store,
        settings.fernet_keys,
        clock,
        deployment=settings.public_url,
        live=settings.sync_mode is Mode.LIVE,
    )
    keeper = TokenKeeper(
        tokens,
        lambda call: gate.send(call, Ticket(Lane.LIVE, imminent=True)),
        application,
        clock,
        owner,
    )
    credentials = Credentials(
        keeper, settings.oncall_key.get_secret_value(), settings.oncall_key_prefix
    )
    gate = Gate(
        store,
        wire,
        credentials,
        Rules(
            bases={"drchrono": settings.drchrono_base_url, "oncall": settings.oncall_base_url},
            limits=limits,
            brake=brake.BrakeRule(settings.brake_count, settings.brake_share),
            lease_seconds=settings.lease_seconds,
            longest=timedelta(seconds=settings.call_deadline_seconds),
            writes_per_day=settings.writes_per_visit_day,
            writing=settings.sync_mode is Mode.LIVE,
            key_id=digests.key_id,
            other_origins=others,
        ),
        clock=clock,
    )
    answered = Optional(with_fresh_token(gate, keeper), store, digests, clock)
    sender = accounts.with_proof(answered, lambda: made)
    made: Sync = Sync(
        settings=settings,
        store=store,
        digests=digests,
        gate=gate,
        drchrono=DrChrono(sender, settings.drchrono_base_url, others["drchrono"]),
        oncall=OnCall(sender, settings.oncall_base_url, others["oncall"]),
        keeper=keeper,
        application=application,
        limits=limits,
        owner=owner,
        clock=clock,
        pause=pause,
        wire=wire,
        tokens=tokens,
        tickets=Tickets(settings.fernet_keys, clock),
        credentials=credentials,
        fit=Belonging(),
    )
    return made


def set_aside() -> None:
    """Have the collector look no more at what this process holds by now, for good.

    A full collection looks at every object and lets no thread run meanwhile: 60 to 100 ms for all
    that a process has loaded when it begins, in the midst of what it answers or carries.
    """
    gc.collect()
    gc.freeze()
