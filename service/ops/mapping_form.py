"""Read the mapping's form as it was typed, and make the proof that a text was previewed."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Final

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.datastructures import MultiDict

from sync.core.texts import plain
from sync.setup.mapping_edit import form
from sync.setup.mapping_edit.candidate import Candidate
from sync.setup.mapping_edit.form import Filled, Row

_MOST: Final = 1000  # rows of one table
_HOUR: Final = 3600
_SALT: Final = "mapping preview"
_KEYS: Final = (*form.ONES, *form.LISTS)
_COUNTED: Final = "counted"
_UNCOUNTED: Final = "uncounted"
Typed = MultiDict[str, str]


def typed(told: Typed) -> Filled:
    """The form as it was typed, whatever stands in it."""
    return Filled(
        doctors=tuple(_doctors(told)),
        types={key: told.get(f"types-{key}", "") for key in ("default", "telehealth")},
        words={name: tuple(_words(told, name)) for name in form.WORDS},
        policy={one.key: told.get(f"policy-{one.key}", "") for one in form.choices()},
    )


def _doctors(told: Typed) -> Iterator[Row]:
    for number in range(_count(told, "doctors")):
        at = f"doctors-{number}"
        values = {key: plain(told.get(f"{at}-{key}", "")) for key in _KEYS}
        was = told.get(f"{at}-was", "")
        if was or any(values.values()):
            yield Row(was, values, remove=f"{at}-remove" in told)


def _words(told: Typed, name: str) -> Iterator[tuple[str, str]]:
    for number in range(_count(told, name)):
        key = plain(told.get(f"{name}-{number}-key", ""))
        if key:
            yield key, told.get(f"{name}-{number}-word", "")


def _count(told: Typed, name: str) -> int:
    try:
        return min(int(told.get(f"{name}-count", "0")), _MOST)
    except ValueError:
        return 0


def with_added(filled: Filled, pairs: list[str]) -> Filled:
    """The form with a row for each pair that was ticked: doctor, provider and division."""
    there = {row.values.get("drchrono") for row in filled.doctors}
    rows = []
    for pair in pairs:
        doctor, _, rest = pair.partition(":")
        provider, _, division = rest.partition(":")
        if doctor not in there:
            there.add(doctor)
            told = {"drchrono": doctor, "oncall_provider": provider, "oncall_division": division}
            rows.append(Row("", told))
    return replace(filled, doctors=(*filled.doctors, *rows))


# --- what was previewed ---------------------------------------------------------------------------


def proof(found: Candidate, name: str) -> str:
    """The word that accepting asks for: this text, against this file, was shown to this person.

    And whether what it touches was counted, or had to be left unknown.
    """
    counted = _COUNTED if found.touches is not None else _UNCOUNTED
    return str(_signer().dumps(_seen(found.digest, found.base, name, counted)))


def is_proof(told: Typed, name: str) -> bool:
    """Whether a form's text was shown to them within the last hour, as they accept it."""
    try:
        seen = _signer().loads(told.get("proof", ""), max_age=_HOUR)
    except BadData:
        return False
    counts = (_COUNTED, _UNCOUNTED) if "anyway" in told else (_COUNTED,)
    digest, base = told.get("digest", ""), told.get("base", "")
    return any(seen == _seen(digest, base, name, one) for one in counts)


def _seen(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()


def _signer() -> URLSafeTimedSerializer:
    keys = [*current_app.config.get("SECRET_KEY_FALLBACKS", []), current_app.secret_key]
    return URLSafeTimedSerializer(keys, salt=_SALT)  # the last signs, all verify
