"""Hold what cells say in the words of health records' exports, and what each means. Pure data.

Each is in the form of `core.rules.people.normal_name`: no case, no accents, hyphens are spaces.
"""

from __future__ import annotations

from typing import Final

from sync.core.records import VisitType


def listed(text: str) -> tuple[str, ...]:
    """The words of a text that parts them by commas."""
    return tuple(one.strip() for one in text.split(",") if one.strip())


# What people write into a cell that has nothing to say. As typed, in small letters.
NOTHING: Final = frozenset(
    ("", *listed("-, --, —, ., n/a, n.a., na, none, nil, null, unknown, (none), tbd, #n/a, nan"))
) | frozenset(listed("not provided, not on file, not available, undefined, aucun, aucune"))

SEXES: Final = {
    **dict.fromkeys(listed("m, male, man, boy, masculin, homme, masculine"), "male"),
    **dict.fromkeys(listed("f, female, woman, girl, feminin, femme, feminine"), "female"),
    **dict.fromkeys(listed("o, other, x, non binary, nonbinary, nb, autre, diverse"), "other"),
    **dict.fromkeys(listed("transgender, trans, intersex, i, another"), "other"),
    **dict.fromkeys(listed("u, unk, unknown, asku, undisclosed, not specified, unspecified"), ""),
    **dict.fromkeys(listed("declined, prefer not to say, declined to specify, inconnu"), ""),
    **dict.fromkeys(listed("undifferentiated, un, decline to answer, not disclosed"), ""),
}

TYPES: Final = {
    **dict.fromkeys(
        listed(
            "online, video, virtual, telehealth, telemedicine, video visit, video call, web, "
            "zoom, virtual visit, telehealth visit, video consult, remote, video appointment, "
            "televisit, virtual appointment, telehealth video, virtual care, online visit, e "
            "visit, en ligne, online appointment, virtuel"
        ),
        VisitType.ONLINE,
    ),
    **dict.fromkeys(
        listed(
            "phone, telephone, phone call, audio, phone visit, telephone visit, call, audio "
            "only, phone appointment, phone consult, telehealth phone, par telephone"
        ),
        VisitType.PHONE,
    ),
    **dict.fromkeys(
        listed(
            "in person, inperson, office, office visit, in office, clinic, in clinic, face to "
            "face, f2f, on site, onsite, in person visit, clinic visit, walk in, in person "
            "appointment, en personne"
        ),
        VisitType.INPERSON,
    ),
}

# Statuses of other health records, beside those of both systems: what is over or will not be, and
# what is to come. A word that is neither is asked about: its visit may be a cancelled one.
OVER: Final = frozenset(
    listed(
        "cancelled, canceled, no show, noshow, no showed, completed, complete, checked out, "
        "error, deleted, rescheduled, left without being seen, missed, did not attend, dna, "
        "void, voided, closed, finished, attended, seen, billed, declined, done, fulfilled, "
        "past, annule, absent, termine, entered in error, x, late cancel, late cancellation, "
        "discharged, rejected, inactive, expired"
    )
)
TO_COME: Final = frozenset(
    listed(
        "scheduled, booked, confirmed, not confirmed, unconfirmed, pending, active, new, open, "
        "tentative, reserved, planned, proposed, arrived, checked in, waiting, checked in "
        "online, in room, in session, upcoming, future, accepted, approved, reminder sent, "
        "reminded, left message, confirme, planifie, prevu, a venir, todo, requested, "
        "rebooked, in progress"
    )
)

# What stands before or after a provider's name and is no part of it.
TITLES: Final = frozenset(
    listed(
        "dr, dre, doctor, prof, md, do, np, rn, rmt, pt, ot, pa, pac, phd, psyd, dds, dmd, od, "
        "dc, nd, lcsw, lmft, lpc, msw, rsw, rd, rp, mrcp, frcpc, ccfp, facp, fnp, mph, mbbs, "
        "bsc, msc, ma, ms, aprn, arnp, dnp, mr, mrs, miss"
    )
)

# A header with one of these words is about somebody else, or about another matter.
OTHERS: Final = frozenset(
    listed(
        "guarantor, emergency, responsible, party, insured, subscriber, insurance, spouse, "
        "partner, parent, guardian, mother, father, mothers, fathers, kin, relative, "
        "caregiver, proxy, referring, referred, referral, employer, pharmacy, pcp, contact, "
        "maiden, previous, former, alternate, alt, secondary, other, nickname, alias, "
        "preferred, middle, prefix, suffix, title, salutation, created, updated, modified, "
        "deleted, registration, registered, entered, billing, bill, copay, payer, assistant, "
        "nurse, supervising, booked, cancelled, canceled, rescheduled, urgence, payeur, "
        "tuteur, mere, pere"
    )
)
