"""Read the one e-mail address that a text surely names; leave any other text as it is.

People write addresses as `mailto:`, `Name <a@b>`, in quotes or with a stop behind; two addresses,
spaces inside or a forgotten @ are no address. Offices type invented ones where the patient gave
none (helpdesk articles on placeholder e-mail): these count as none.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from email_validator import EmailNotValidError, validate_email

from sync.core.texts import bare

# What is invented, whichever domain stands behind it, and the usual invented whole ones. Reserved
# names of RFC 2606 (example.com) are not among them: they are what tests and demonstrations use.
# They are compared with the mailbox as it was typed and without what people vary it by: dots,
# hyphens, digits behind ("no.email2@").
USUAL: Final = (
    *("noemail*@*", "nomail@*", "nomailaddress@*", "noaddress*@*", "noemailprovided@*"),
    *("donthave*@*", "dontuse*@*", "doesnothave*@*", "doesnthave*@*", "doesnotuse*@*"),
    *("hasno*mail@*", "hasnone@*", "withoutemail@*", "needemail@*", "emailneeded@*"),
    *("none@*", "nonegiven@*", "noneprovided@*", "noneonfile@*", "nothing@*"),
    *("notprovided*@*", "notgiven@*", "notavailable@*", "notapplicable@*", "notonfile@*"),
    *(
        "notknown@*",
        "unknown@*",
        "unknownemail@*",
        "emailunknown@*",
        "unavailable@*",
        "null@null.*",
    ),
    *("emailnot*@*", "emaildeclined@*", "emailrefused@*"),
    *("declined*@*", "declines@*", "decline@*", "patientdecline*@*", "ptdecline*@*"),
    *("refused*@*", "refuses@*", "refuse@*", "patientrefuse*@*", "ptrefuse*@*"),
    *("tbd@tbd.*", "tba@tba.*", "noone@no*"),
    *("placeholder@*", "noreply@*", "donotreply@*", "donotemail@*", "donotsend@*", "donotuse*@*"),
    *("fakeemail@*", "bogus@*", "dummy@*", "asdf@*", "asdfasdf@*", "qwerty@*", "na@gmail.*"),
    # In French and Spanish, which offices of both countries type.
    *("aucun@*", "aucunemail@*", "aucuncourriel@*", "pasde*mail@*", "pasdecourriel@*"),
    *("sanscourriel@*", "sansemail@*", "ninguno@*", "notiene*@*", "sincorreo*@*", "sinemail@*"),
    *("*@noemail.*", "*@no-email.*", "*@nomail.*", "*@none.com", "*@none.none", "*@none.org"),
    *("*@noaddress.*", "*@fakeemail.*", "*@fake.com", "*@invalid.*", "*.invalid", "*@unknown.*"),
    *("*@nowhere.*", "*@notprovided.*", "*@notavailable.*", "*@declined.*", "*@refused.*"),
    *("*@donotuse.*", "*@placeholder.*", "*@test.com", "na@na.*", "n/a@*", "n.a@*", "na@none.*"),
    *("no@no.*", "no@email.*", "no@mail.com", "no@gmail.com", "na@email.*", "not@email.*"),
    *("email@email.*", "mail@mail.com", "test@test.*", "test@email.*", "test@gmail.com"),
    *("patient@patient.*", "patient@email.*", "a@a.*", "aa@aa.*", "aaa@aaa.*", "aaaa@aaaa.*"),
    *("a@b.*", "a@b.c", "x@y.*", "x@x.com", "xx@xx.*", "xxx@xxx.*", "xyz@xyz.*", "abc@abc.*"),
    *("abc@xyz.*", "abc@123.*", "123@123.*", "123@abc.*", "1@1.*", "111@111.*", "fake@fake.*"),
    *("fake@email.*", "name@email.*", "someone@somewhere.*", "nobody@nobody.*", "nope@nope.*"),
    *("none", "none*given", "n/a", "n.a.", "na", "no", "nil", "null", "no email*", "no e-mail*"),
    *("noemail", "unknown", "declined*", "patient declined", "pt declined", "refused*"),
    *("patient refused", "not provided", "not on file", "not available", "not given", "tbd"),
    *("doesn't have *", "does not have *", "aucun", "ninguno", "no tiene", "@", "-", "--", "---"),
    *("_", ".", "?", "??", "x", "xx", "xxx", "0", "00", "000"),
)
_VARIED: Final = re.compile(r"[._+-]|(?<=[^0-9._+-])[._+-]*[0-9]+$")
_MAILTO: Final = re.compile(r"(?i)(?:mailto:|e-?mail:)\s*")
_NAMED: Final = re.compile(r"([^<>]*)<\s*([^<>]*?)\s*>")
_LINKED: Final = re.compile(r"\[([^\[\]]*)\]\(([^()]*)\)")
_PAIRS: Final = ('""', "''", "“”", "‘’", "«»", "``", "<>", "()", "[]", "{}")
_ENDS: Final = ".,;:"
_BETWEEN: Final = re.compile(r"(?:\s[/|&]\s|[;,\s])+")


@dataclass(frozen=True)
class Table:
    """The addresses that are nobody's, and how many families may share one.

    `placeholders` are patterns with `*` for anything; with `usual` those of USUAL count too.
    `shared` are addresses that may stand in any number of charts. `families` is the most last names
    that share another one; 0: any number.
    """

    placeholders: tuple[str, ...] = ()
    usual: bool = True
    shared: frozenset[str] = frozenset()
    families: int = 5

    @classmethod
    def of(
        cls, placeholders: Iterable[str], shared: Iterable[str], *, usual: bool, families: int
    ) -> "Table":
        """The table with the clinic's own patterns, beside the usual ones or in their place."""
        own = tuple(one.casefold() for one in placeholders)
        kept = frozenset(one.casefold() for one in shared)
        return cls(own, usual, kept, families)

    def mailbox(self, text: str) -> str:
        """The address in a text, "" for none or a placeholder; what is not sure, as it stands."""
        found = form(text)
        return "" if self.is_placeholder(found) else found

    def is_placeholder(self, address: str) -> bool:
        """Whether an address stands where the patient gave none."""
        if not address or address in self.shared:
            return False
        own = any(fnmatchcase(address, pattern) for pattern in self.placeholders)
        return own or (self.usual and is_usual_placeholder(address))

    def is_crowd(self, address: str, charts: int, families: int) -> bool:
        """Whether more people share an address than one household has.

        Families are last names. Many charts of a few names (parents and children who are called
        differently) are a household up to twice the number.
        """
        if not self.families or address in self.shared:
            return False
        return families > self.families or (charts > 2 * self.families and families > 2)


USUAL_TABLE: Final = Table()
AS_TYPED: Final = Table(usual=False, families=0)


@lru_cache(maxsize=4096)
def is_usual_placeholder(address: str) -> bool:
    """Whether the address is one of those that offices type where the patient gave none."""
    local, at, domain = address.partition("@")
    spellings = {address, f"{_VARIED.sub('', local)}{at}{domain}" if at else address}
    return any(fnmatchcase(one, pattern) for one in spellings for pattern in USUAL)


def form(text: str) -> str:
    """The address in its one form, lower case; a text that is not surely one, without its edges."""
    return read(text) or bare(bare(text).lower())


def is_sure(text: str) -> bool:
    """Whether the text is one address and nothing else."""
    return _valid(text) == text != ""


# One person's address is read again and again in a run; the parser takes longer than all else here.
@lru_cache(maxsize=256)
def read(text: str) -> str | None:
    """The one address that a text surely names, lower case; None where somebody must be asked."""
    found = _parts(unicodedata.normalize("NFKC", bare(text)))
    named = {_valid(_peeled(one)) for one in found}
    return named.pop() if len(named) == 1 else None


def _parts(text: str) -> list[str]:
    """The pieces of a text of which each must be the same address."""
    text = _peeled(text)
    named = _NAMED.fullmatch(text) or _LINKED.fullmatch(text)
    if named is not None:
        # A name may be anything but another address.
        name, address = named[1].strip(), named[2]
        return [address, *([name] if "@" in name else [])]
    pieces = [one for one in _BETWEEN.split(text) if one]
    return pieces if len(pieces) > 1 and all("@" in one for one in pieces) else [text]


def _peeled(text: str) -> str:
    """A text without what stands around an address."""
    while True:
        inner = text.strip().rstrip(_ENDS).strip()
        if inner[:1] + inner[-1:] in _PAIRS and len(inner) > 1:
            inner = inner[1:-1]
        prefix = _MAILTO.match(inner)
        if prefix is not None:
            inner = inner[prefix.end() :].partition("?")[0]
        if inner == text:
            return text
        text = inner


@lru_cache(maxsize=256)
def _valid(text: str) -> str | None:
    text = text.replace("’", "'")  # what an office program makes of an apostrophe
    if "@" not in text or "." not in (domain := text.rpartition("@")[2]):
        return None
    if domain.rpartition(".")[2].isdigit():  # an IP address, which no mail server is asked by
        return None
    if not all(one.isascii() or one.isalnum() or unicodedata.combining(one) for one in text):
        return None
    try:
        # Only a mail could show whether the mailbox exists. `.test` is allowed for tests.
        validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return None
    return text.lower()
