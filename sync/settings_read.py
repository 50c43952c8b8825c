"""Read the settings from the environment and `.env`, and say what is wrong with them.

No text repeats a value.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr, ValidationError

from sync import settings_rules as rules
from sync.config import RULES, SECRETS, Settings, listed
from sync.env_file import EnvFile, cleaned, misshapen, misspelt, read_env_file
from sync.hosting import lost_with_the_disk, place_problem, sqlite_file

ENV_FILE: Final = Path(".env")

# Without these no process works.
REQUIRED: Final = {
    "digest_keys": f"a long random word; keep it with your backups: {rules.RANDOM}",
    "encryption_keys": f"a Fernet key; keep it with your backups: {rules.NEW_FERNET}",
}


def missing_settings(settings: Settings) -> str | None:
    """The message about settings that nothing works without, or None."""
    lines = [
        f"  {name.upper()}: {what}"
        for name, what in REQUIRED.items()
        if not plain(settings, name).strip(", ")
    ]
    if not lines:
        return None
    return "\n".join(["Some settings are missing. Set them in the environment or in .env:", *lines])


class WrongSettingsError(ValueError):
    """Settings that can't be used: `problems` by name. No text repeats a value."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        """Name each with what is wrong and what to do."""
        self.problems = dict(sorted(problems.items()))
        lines = [f"  {name}: {what}" for name, what in self.problems.items()]
        super().__init__(
            "\n".join(["Some settings are wrong (.env.example lists each one):", *lines])
        )


@dataclass(frozen=True, slots=True)
class Read:
    """What the readers gave: values by field name, and what is wrong by setting or file."""

    values: dict[str, str]
    problems: dict[str, str]


def read_settings(environ: Mapping[str, str], env_file: Path | None = ENV_FILE) -> Read:
    """Every setting of ours that is not empty: the environment's, else the file's."""
    said: dict[str, str] = {}
    problems: dict[str, str] = {}
    found: EnvFile | None = None
    if env_file is not None:
        try:
            found = read_env_file(env_file)
        except FileNotFoundError:
            pass
        else:
            said = _ours(found.values)
            problems = dict(found.problems)
    said |= _ours(environ)
    for field, value in said.items():
        wrong = misshapen(field.upper(), value)
        if wrong is not None:
            problems[field.upper()] = wrong
    named = {*environ, *(found.values if found is not None else ())}
    return Read(said, misspelt(named, said, Settings.model_fields) | problems)


def _ours(names: Mapping[str, str]) -> dict[str, str]:
    """Of all variables those that are settings of ours and say something, cleaned."""
    told = {name.lower(): cleaned(value) for name, value in names.items()}
    return {name: value for name, value in told.items() if value and name in Settings.model_fields}


def given(values: Mapping[str, str]) -> Settings:
    """Settings of these values by field name, whatever the environment says; nothing is judged."""
    told: dict[str, Any] = dict(values)
    return Settings(**told)


def _mistyped(error: ValidationError) -> dict[str, str]:
    """What pydantic found, by setting, in words that never repeat a value."""
    found = {}
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in item["loc"]).upper()
        # The text of a validator could repeat the value; pydantic's own of these kinds never does.
        told = item["msg"].replace("Input should be", "write")
        told = _PLAINLY.get(item["type"], told)
        found[name] = "can't be used" if item["type"] == "value_error" else told
    if "" in found:
        found = dict.fromkeys(_TIMES, "CALL_DEADLINE_SECONDS must be less than LEASE_SECONDS")
    return found


_PLAINLY: Final = {
    "bool_parsing": "write yes or no",
    "int_parsing": "write a whole number, in digits alone",
    "float_parsing": "write a number, with a point before its fraction",
}
_TIMES: Final = ("CALL_DEADLINE_SECONDS", "LEASE_SECONDS")


def judge(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with values of the right type, by the setting's name. Opens no file."""
    found = {}
    for field, rule in RULES.items():
        value = plain(settings, field)
        wrong = rule(value) if value else None
        if wrong is not None:
            found[field.upper()] = wrong
    if settings.oidc_issuer and not settings.oidc_client_id:
        found["OIDC_CLIENT_ID"] = "is missing: OIDC_ISSUER is set, and it is our name there"
    if settings.ops_port == settings.port:
        found["OPS_PORT"] = "is the same as PORT: choose another, or 0 for none"
    entries = {name.upper(): listed(SecretStr(plain(settings, name))) for name in SECRETS}
    found = rules.repeated(entries) | found
    if "DATABASE_URL" not in found:
        file = sqlite_file(settings.database_url)
        wrong = place_problem(file) if file is not None else None
        if wrong is not None:
            found["DATABASE_URL"] = wrong
    if not settings.persistent_disk:
        lost = lost_with_the_disk(
            environ, database_url=settings.database_url, redis_url=settings.redis_url
        )
        found = lost | found
    return found


def plain(settings: Settings, field: str) -> str:
    """A setting's own text, of a secret one too."""
    value = getattr(settings, field)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def settings_anyway() -> tuple[Settings, dict[str, str]]:
    """The settings of this process, without those that can't be used, and what is wrong by name."""
    read = read_settings(os.environ)
    problems = dict(read.problems)
    values = {name: value for name, value in read.values.items() if name.upper() not in problems}
    while True:
        try:
            settings = given(values)
            break
        except ValidationError as error:
            told = _mistyped(error)
            problems |= told
            values = {name: value for name, value in values.items() if name.upper() not in told}
    return settings, judge(settings, os.environ) | problems


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The settings of this process, all of them judged.

    Raises WrongSettingsError, which names every one that can't be used.
    """
    settings, problems = settings_anyway()
    if problems:
        raise WrongSettingsError(problems)
    return settings
