"""List the pages, in the order of the menu.

A page is a module with `TITLE` (its word in the menu), `NAME` (its blueprint's) and `blueprint`,
whose view `show` is what the menu leads to. What needs a role says so by `acting.needs`.
"""

from types import ModuleType
from typing import Final

from service.ops.pages import (
    alerts,
    bringing,
    compared,
    home,
    mapping,
    pauses,
    records,
    setup,
    waiting,
)

PAGES: Final[tuple[ModuleType, ...]] = (
    *(home, waiting, records, bringing, compared),
    *(mapping, alerts, pauses, setup),
)
