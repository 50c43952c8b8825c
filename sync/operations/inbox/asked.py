"""Read what somebody asks the inbox for: a cause, what it is about, its age, an id."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from sync.operations.lookup import REMOTE, REMOTE_ID, UnknownError
from sync.operations.why import address, known
from sync.runtime import Sync
from sync.store.inbox.listed import ABOUT, Named, Wanted
from sync.store.tables.links import HIGHEST

OLDER: Final = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
_CAUSE: Final = re.compile(r"[a-z_]{1,40}")
_KINDS: Final = {**REMOTE, "participant": ("oncall", "participant"), "chart": REMOTE["patient"]}
_OWN: Final = ("visit", "person")
_ITEM: Final = ("item", "question")
_WORDS: Final = re.compile(r"([A-Za-z-]+)[\s:#]+(\S+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, as it was typed or chosen; "" asks for all.

    `cause` and `about` as an item has them, `older` a word of OLDER, `find` an id or an address.
    """

    cause: str = ""
    about: str = ""
    older: str = ""
    find: str = ""

    @property
    def chosen(self) -> dict[str, Any]:
        """What was chosen, for an address."""
        told = {"cause": self.cause, "about": self.about, "older": self.older, "find": self.find}
        return {name: value for name, value in told.items() if value}


def wanted(sync: Sync, asked: Asked) -> Wanted:
    """What the store is asked for. Raises UnknownError in a sentence, which repeats nothing."""
    if asked.cause and not _CAUSE.fullmatch(asked.cause):
        raise UnknownError("There is no such cause.")
    if asked.about and asked.about not in ABOUT:
        raise UnknownError(f"An item is about one of {', '.join(ABOUT)}.")
    if asked.older and asked.older not in OLDER:
        raise UnknownError(f"The age is one of {', '.join(OLDER)}.")
    until = sync.clock() - OLDER[asked.older] if asked.older else None
    named = tuple(one for _, one in _named(sync, asked.find.strip()))
    return Wanted(asked.cause, asked.about, until, named)


def tidied(sync: Sync, asked: Asked) -> Asked:
    """The same with the id alone in place of what was typed, which may then stand in an address.

    Raises UnknownError as `wanted`.
    """
    wanted(sync, asked)
    words = next((words for words, _ in _named(sync, asked.find.strip())), "")
    return replace(asked, find=words)


def _named(sync: Sync, text: str) -> tuple[tuple[str, Named], ...]:
    """What a text names, in plain words: an item, something of ours, or of either system."""
    if not text:
        return ()
    number = _number(text.removeprefix("#"))
    if text.startswith("#"):
        if number is None:
            raise UnknownError("Behind # stands the number of an item.")
        return ((text, Named(item=number)),)
    if REMOTE_ID.fullmatch(text):
        return ((text, Named(item=number, remote_id=text)),)
    found = _WORDS.fullmatch(text)
    if found is not None and REMOTE_ID.fullmatch(found[2]):
        kind = found[1].casefold()
        told = _of_kind(kind, found[2])
        if told is not None:
            return ((f"{kind} {found[2]}", told),)
    mapping = known.mapping(sync)
    link = mapping.file.text.visit_link if mapping is not None else ""
    meant = address.meant(text, sync.settings, link)
    return tuple(
        (f"{one.kind} {one.id}", Named(remote_id=one.id, kinds=(REMOTE[one.kind],)))
        for one in meant
    )


def _of_kind(kind: str, which: str) -> Named | None:
    if kind in _ITEM:
        return Named(item=_number(which) or 0)
    if kind in _OWN:
        # OnCall's visits are called so too.
        visit = kind == "visit"
        return Named(
            aggregate=_number(which) or -1,
            remote_id=which if visit else None,
            kinds=(REMOTE["oncall-appointment"],),
        )
    if kind in _KINDS:
        return Named(remote_id=which, kinds=(_KINDS[kind],))
    return None


def _number(text: str) -> int | None:
    """A number that can be a row's."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(HIGHEST)):
        return None
    return int(text) if 0 < int(text) <= HIGHEST else None
