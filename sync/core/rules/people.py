"""Tell whether two records are the same person, without guessing.

E-mail, first name, last name and birth date must agree. A shared family e-mail is never enough, a
changed surname is not a match, and whatever is only likely comes back as `several`: it waits for
somebody who knows the people.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Generic, TypeVar

from sync.core import texts
from sync.core.records import Attendee, Person, present
from sync.core.rules import plausible

_SUFFIXES: Final = {"jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr"} | {
    roman: roman for roman in ("ii", "iii", "iv")
}
_PARTICLES: Final = frozenset({"de", "del", "della", "den", "der", "di", "dos", "du"}) | frozenset(
    {"al", "bin", "da", "la", "le", "san", "st", "st.", "ten", "ter", "van", "von"}
)
# Letters that Unicode does not take apart into a base and an accent.
_FOLDED: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
_SILENT: Final = re.compile(r"['’‘‛`´ʼʻ′.]")
_BREAKS: Final = re.compile(r"[-‐‑‒–—−,_/]")
# Combining classes of marks that make another letter: nukta, kana's voicing, virama. "Hana" in kana
# is not "Bana".
_OWN_LETTER: Final = frozenset({0, 7, 8, 9})
# By what a participant tells who it is.
NAMES: Final = ("first_name", "last_name", "email")


def normal_email(email: str) -> str:
    """An e-mail as compared: NFKC, no case, nothing invisible. Dots and +tags are kept."""
    return unicodedata.normalize("NFKC", texts.bare(email)).strip().casefold()


def normal_name(name: str) -> str:
    """A name as compared: no case, accents, apostrophes or full stops; hyphens are spaces."""
    folded = unicodedata.normalize("NFKC", texts.bare(name)).casefold().translate(_FOLDED)
    letters = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", folded)
        if unicodedata.combining(letter) in _OWN_LETTER
    )
    return " ".join(_BREAKS.sub(" ", _SILENT.sub("", letters)).split())


def full_name(first: str, last: str) -> str:
    """Both names with one space between; either may be empty."""
    return " ".join(f"{first} {last}".split())


def split_name(name: str) -> tuple[str, str]:
    """First and last name of a `name` that came alone; a single word is a first name.

    The last word is the surname, with the particles before it and a suffix after it
    ("Ludwig van Beethoven", "John Smith Jr."); "Doe, Jane" is turned round.
    """
    before, comma, after = name.partition(",")
    if comma and after.strip() and normal_name(after) not in _SUFFIXES:
        return " ".join(after.split()), " ".join(before.split())
    words = name.replace(",", " ").split()
    cut = len(words) - 1
    if cut > 1 and normal_name(words[cut]) in _SUFFIXES:
        cut -= 1
    while cut > 1 and words[cut - 1].casefold() in _PARTICLES:
        cut -= 1
    if cut < 1:
        return " ".join(words), ""
    return " ".join(words[:cut]), " ".join(words[cut:])


def is_surely_split(name: str) -> bool:
    """Whether `split_name` can't be wrong: two words, or the surname before a comma.

    "Mary Ann Smith" and "Maria Garcia Lopez" are cut at different places.
    """
    before, comma, after = name.partition(",")
    if comma and after.strip() and normal_name(after) not in _SUFFIXES:
        return bool(before.strip())
    words = [one for one in name.replace(",", " ").split() if normal_name(one) not in _SUFFIXES]
    if len(words) < 3:
        return len(words) == 2
    return all(one.casefold() in _PARTICLES for one in words[1:-1])


# What stands for a name that nobody gave: alone, or as a whole name ("Null" is a surname, too).
_NO_NAME: Final = (
    frozenset({"n/a", "n.a.", "n.a", "undefined", "unknown", "(none)", "(unknown)", "tbd", "xxx"})
    # Titles: whose name was cut at the wrong place, or never given.
    | frozenset({"dr", "dr.", "mr", "mr.", "mrs", "mrs.", "ms.", "miss", "mister", "prof.", "mme"})
)
_NO_WHOLE_NAME: Final = frozenset(
    {"null", "none", "nil", "na", "anonymous", "noname", "no name", "guest", "user"}
    | {"client", "participant", "visitor", "iphone", "ipad", "android"}
)


def lacks(who: Person | Attendee) -> tuple[str, ...]:
    """Which of first and last name a chart could not be made with; none where both are names.

    A name has a letter, and is not an address or a word for nothing. One that was guessed out of
    a full name is asked about.
    """
    first, last = present(who.first_name, ""), present(who.last_name, "")
    email = normal_email(present(who.email, ""))
    missing = [
        field
        for field, name in (("first_name", first), ("last_name", last))
        if not is_name(name) or (email and normal_email(name) == email)
    ]
    words = {one.casefold() for one in (first, last) if one}
    echoed = bool(first and last) and _is_address(full_name(first, last), email)
    if words <= _NO_WHOLE_NAME or echoed:
        missing = ["first_name", "last_name"]
    return tuple(missing) or (("name",) if who.name_guessed else ())


def _is_address(name: str, email: str) -> bool:
    """Whether a name is nothing but the address: its mailbox twice, or all of it in pieces."""
    local, _, domain = email.partition("@")
    if not local:
        return False
    named = set(name.casefold().split())
    of_domain = {domain, domain.partition(".")[0]}
    return named == {local} or (local in named and named - {local} <= of_domain)


def is_name(text: str) -> bool:
    """Whether a text can be a part of somebody's name."""
    if not _may_be_said(text) or text.strip().casefold() in _NO_NAME:
        return False
    return any(unicodedata.category(letter)[0] == "L" for letter in text)


def can_be_addressed(who: Person | Attendee) -> bool:
    """Whether somebody has a name by which a visit may be offered: one part is enough."""
    parts = present(who.first_name, ""), present(who.last_name, "")
    return any(is_name(one) for one in parts) and all(_may_be_said(one) for one in parts)


def _may_be_said(part: str) -> bool:
    """Whether a part of a name is no address, not damaged, and no longer than a name can be."""
    return "@" not in part and not texts.is_damaged(part) and plausible.name(part)


@dataclass(frozen=True)
class _Traits:
    """What is compared: the whole name without suffix, so that a different split doesn't matter."""

    email: str
    name: str
    suffix: str
    birth: date | None


def _traits(who: Person | Attendee) -> _Traits:
    words = normal_name(full_name(present(who.first_name, ""), present(who.last_name, ""))).split()
    suffix = _SUFFIXES.get(words[-1], "") if len(words) > 1 else ""
    birth = present(who.birth_date, None) if isinstance(who, Person) else None
    name = " ".join(words[:-1] if suffix else words)
    return _Traits(normal_email(present(who.email, "")), name, suffix, birth)


def keys(who: Person | Attendee) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The keys by which the keyed index knows a person: (what, parts), parts normalised.

    "email" and "email_name" only with an e-mail; "email_name_birth" always, missing parts as empty
    strings: it is also what makes a new patient's creation unique. Suffixes are left out: who has
    one on one side only must be found.
    """
    own = _traits(who)
    birth = own.birth.isoformat() if own.birth else ""
    whole = ("email_name_birth", (own.email, own.name, birth))
    if not own.email:
        return (whole,)
    return ("email", (own.email,)), ("email_name", (own.email, own.name)), whole


def known_by(chart: Person) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """All keys of a chart in the index: `keys`, and what tells charts apart that share something.

    "family" (e-mail and last name) counts who share an address, "name_birth" finds charts that were
    merged.
    """
    own = _traits(chart)
    more: list[tuple[str, tuple[str, ...]]] = []
    if own.email:
        more.append(("family", (own.email, normal_name(present(chart.last_name, "")))))
    if own.name and own.birth:
        more.append(("name_birth", (own.name, own.birth.isoformat())))
    return (*keys(chart), *more)


T = TypeVar("T", bound=Person | Attendee)


@dataclass(frozen=True)
class Match(Generic[T]):
    """One (`one`), unsure (`several`, at least one), or nobody (neither). `why` names no one."""

    one: T | None = None
    several: tuple[T, ...] = ()
    why: str = ""

    @property
    def nobody(self) -> bool:
        """Whether nobody has that e-mail or that name: only then a new patient may be made."""
        return self.one is None and not self.several


def match(candidate: Person | Attendee, people: Sequence[T]) -> Match[T]:
    """Who of `people` the candidate is.

    A candidate with a birth date: e-mail, names and birth date must agree, with exactly one. One
    without (a participant): exactly one of `people` has that e-mail, and the names (suffix too)
    agree. Anybody else with that e-mail or that name makes it unsure. So the candidate is the one
    that may lack a birth date: a contact is matched among patients, not the other way round.
    """
    own = _traits(candidate)
    known = [(other, _traits(other)) for other in people]
    related = tuple(
        other
        for other, traits in known
        if (own.email and traits.email == own.email) or (own.name and traits.name == own.name)
    )
    if not related:
        return Match(why="nobody")
    if not own.email or not own.name:
        return Match(several=related, why="incomplete")
    return _certain(own, known) or Match(several=related, why="unsure")


def _certain(own: _Traits, known: list[tuple[T, _Traits]]) -> Match[T] | None:
    same_email = [(other, traits) for other, traits in known if traits.email == own.email]
    agree = [
        other
        for other, traits in same_email
        if traits.name == own.name and _births_and_suffixes(own, traits)
    ]
    if len(agree) != 1:
        return Match(several=tuple(agree), why="doubled") if agree else None
    other = agree[0]
    if own.birth is not None:
        # Somebody of that name and e-mail whose birth date is unknown may be this very person.
        unknown = [t for _, t in same_email if t.name == own.name and t.birth is None]
        return None if unknown else Match(one=other, why="all_agree")
    return Match(one=other, why="only_one_with_email") if len(same_email) == 1 else None


def _births_and_suffixes(own: _Traits, other: _Traits) -> bool:
    if own.birth is None:
        return own.suffix == other.suffix
    one_sided = not own.suffix or not other.suffix
    return own.birth == other.birth and (own.suffix == other.suffix or one_sided)
