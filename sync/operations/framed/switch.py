"""Have DrChrono show our pages, or no longer."""

from sync.runtime import Sync
from sync.store.lanes import Lane
from sync.store.trail import deeds
from sync.store.trail.deeds import Deed


def switch(sync: Sync, *, shown: bool) -> None:
    """Ask DrChrono for it; it acts for the doctor whose account is connected.

    Raises Refused where DrChrono has not approved the pages, and the other RemoteErrors of a call.
    """
    sync.drchrono.frame(sync.task_ticket(Lane.LIVE), shown=shown)
    with sync.store.write() as conn:
        deeds.note(conn, Deed("iframe_enable" if shown else "iframe_disable"), sync.clock())
