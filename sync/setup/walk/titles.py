"""Name the steps, and the words that several of them use."""

from typing import Final

from sync.setup.walk.model import State, Step

RESTART: Final = "in the environment or in .env, then restart the processes."
TITLES: Final = {
    "keys": "Keys",
    "base": "Database, Redis and address",
    "application": "DrChrono: the application",
    "oncall_key": "OnCall: the key",
    "connect": "Connect DrChrono",
    "mapping": "Mapping",
    "processes": "Worker and beat",
    "drchrono_webhook": "DrChrono: the webhook",
    "oncall_webhook": "OnCall: the webhook",
    "dry_run": "Dry run",
    "live": "Go live",
}


def step(name: str, state: State, **told: object) -> Step:
    """A step with its title; `told` are its other fields."""
    return Step(name, TITLES[name], state, **told)  # type: ignore[arg-type]


def count(number: int, noun: str) -> str:
    """A number and its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
