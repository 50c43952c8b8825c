"""Say what a comparison came to in staff's words."""

from collections import Counter

from sync.core.causes import titles
from sync.core.causes.waits import sentence
from sync.operations.diff.causes import CAUSES, TROUBLES, UNDECIDED, WHY
from sync.operations.diff.model import Found, Report, Standing, Trouble


def title(cause: str) -> str:
    """A cause as a heading."""
    return CAUSES[cause].title


def why_said(one: Found) -> str:
    """What is known of a difference, in a few words."""
    word, _, more = one.why.partition(":")
    if word == "asked":
        return f"{titles.title(more)} (item {one.item})"
    if word == "waits":
        return sentence(more, "").rstrip(".")
    said = WHY.get(word, "")
    stands = {
        Standing.DIFFERENT: "differs",
        Standing.ON_ITS_WAY: "on its way",
        Standing.MEANT: "meant so",
        Standing.EXPLAINED: "",
    }[one.standing]
    return ": ".join(part for part in (stands, said) if part)


def why_not(trouble: Trouble) -> str:
    """Why something could not be told."""
    said = TROUBLES.get(trouble.code, trouble.code)
    until = f" until {trouble.until:%Y-%m-%d %H:%M} UTC" if trouble.until else ""
    if trouble.of in {"everything", "the database"}:
        return f"{said}{until}"
    return f"{trouble.of} could not be read whole ({said}{until})"


def undecided_said(why: str) -> str:
    """Why one visit or person could not be compared."""
    return UNDECIDED.get(why, why)


def in_one_line(report: Report) -> str:
    """The whole in one sentence: counts, and what they are of."""
    stands = Counter(one.standing for one in report.found)
    of = report.compared
    held = f"{of.get('visits', 0)} linked visits and {of.get('people', 0)} people were compared"
    if report.troubles:
        head = "Could not tell"
    elif report.different:
        head = f"Different: {len(report.different)}"
    else:
        head = "Could not tell" if report.undecided else "The same"
    more = [
        (stands[Standing.EXPLAINED], "of them explained"),
        (stands[Standing.ON_ITS_WAY], "on their way"),
        (stands[Standing.MEANT], "meant so"),
        (len(report.undecided), "not compared"),
    ]
    rest = [f"{count} {words}" for count, words in more if count]
    return f"{head}. {'; '.join([held, *rest])}."
