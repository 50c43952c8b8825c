"""Say how the steps on our own side stand: keys, application, connection, mapping, processes."""

from typing import Final
from urllib.parse import urlsplit

from sync.drchrono.keeper import ConnectionState
from sync.settings_rules import NEW_FERNET, RANDOM, is_loopback
from sync.setup.walk.known import Known
from sync.setup.walk.model import Enter, State, Step, Tick
from sync.setup.walk.titles import RESTART, count, step

_CALLBACK: Final = "/oauth/drchrono/callback"
_SCOPES: Final = (
    "user:read calendar:read calendar:write patients:read patients:write "
    "clinical:read clinical:write settings:read settings:write"
)


def keys(known: Known) -> Step:
    """Both keys are set."""
    del known
    return step("keys", State.DONE, found="ENCRYPTION_KEYS and DIGEST_KEYS are set. Back them up.")


def making_keys(known: Known) -> tuple[Enter, ...]:
    """How both keys are made."""
    del known
    return (Enter("Make ENCRYPTION_KEYS by", NEW_FERNET), Enter("Make DIGEST_KEYS by", RANDOM))


def base(known: Known) -> Step:
    """What the service stands on, and the address under which others find it."""
    if not known.base:
        return step("base", State.WAITS, missing="The database was not asked yet.")
    bad = next((one for one in known.base if not one.ok), None)
    if bad is not None:
        wording = f"{bad.name[:1].upper()}{bad.name[1:]}: {bad.detail}."
        return step("base", State.WRONG, missing=wording, do=bad.fix)
    if _is_here(known.settings.public_url) and not _is_here(known.settings.drchrono_base_url):
        return step(
            "base",
            State.TODO,
            missing="PUBLIC_URL is this machine itself: DrChrono and OnCall can't reach it.",
            do=f"Write the https address of the proxy as PUBLIC_URL {RESTART}",
        )
    detail = known.base[0].detail
    found = f"The database ({detail}) and Redis answer; others find us at"
    return step("base", State.DONE, found=f"{found} {known.settings.public_url}")


def _is_here(address: str) -> bool:
    return is_loopback(urlsplit(address).hostname or "")


def application(known: Known) -> Step:
    """Nothing tells whether it is right but connecting; it says what is entered there."""
    return step(
        "application",
        State.DONE,
        found="The application’s id and secret are set. These two are entered there:",
        enter=in_application(known),
    )


def in_application(known: Known) -> tuple[Enter, ...]:
    """What is entered in DrChrono's application."""
    url = known.settings.public_url
    return (Enter("Redirect URI", url + _CALLBACK), Enter("Scopes", _SCOPES))


def oncall_key(known: Known) -> Step:
    """Whether OnCall took the key, when it was tried."""
    tried = known.oncall_key
    if tried is None:
        missing = "ONCALL_KEY is set and was not tried yet."
        return step(
            "oncall_key",
            State.TODO,
            missing=missing,
            do="Try it; that costs one call.",
            press=("try_oncall_key",),
        )
    if not tried.right:
        do = "Look at ONCALL_KEY, ONCALL_KEY_PREFIX and ONCALL_BASE_URL, then try again."
        return step(
            "oncall_key",
            State.WRONG,
            missing=f"OnCall: {tried.detail}.",
            do=do,
            press=("try_oncall_key",),
        )
    return step(
        "oncall_key",
        State.DONE,
        found="OnCall takes the key.",
        ticks=(Tick("Tried", tried.at),) if tried.at else (),
        press=("try_oncall_key",),
    )


def connect(known: Known) -> Step:
    """How the connection to DrChrono stands."""
    token = known.token
    told = {"command": "connect", "press": ("connect",)}
    if known.wrong_accounts:
        name = " and ".join(
            {"drchrono": "DrChrono", "oncall": "OnCall"}[one] for one in known.wrong_accounts
        )
        missing = f"The account of {name} is not the one that this installation belongs to."
        do = "Connect as a user of the practice; put the former ONCALL_KEY back if it was changed."
        return step("connect", State.WRONG, missing=missing, do=do, **told)
    if token is None or token.detail == str(ConnectionState.NONE):
        do = "Make an address, and open it as a DrChrono user who may grant access."
        return step(
            "connect", State.TODO, missing="No DrChrono account is connected.", do=do, **told
        )
    if not token.ok:
        missing = f"DrChrono’s permission: {token.detail}."
        return step("connect", State.WRONG, missing=missing, do=token.fix, **told)
    if known.practice is None:
        missing = "The two accounts are not tied to this installation."
        return step("connect", State.WRONG, missing=missing, do="Connect again.", **told)
    seen = len(known.doctors.seen)
    found = f"Practice group {known.practice} is connected, with the rights that are needed."
    found += f" It shows {count(seen, 'doctor')}." if seen else ""
    return step("connect", State.DONE, found=found, **told)


def mapping(known: Known) -> Step:
    """Whether the file can be used, and how many doctors it maps."""
    doctors, file = known.doctors, known.settings.mapping_file.name
    if doctors.trouble:
        return step(
            "mapping",
            State.WRONG,
            missing=doctors.trouble,
            command="mapping check",
            do="Correct the lines named; the file is read anew by itself.",
        )
    if not doctors.mapped:
        do = f"Have a first {file} written, and decide each of its lines that says decide:"
        return step(
            "mapping",
            State.TODO,
            missing=f"{file} maps no doctor yet.",
            do=do,
            command=f"mapping suggest --output {file}",
        )
    left = len(doctors.seen - doctors.mapped)
    found = f"{count(len(doctors.mapped), 'doctor')} mapped"
    found += f"; {left} of DrChrono’s not, and left alone." if left else "."
    return step("mapping", State.DONE, found=found, command="mapping check")


def processes(known: Known) -> Step:
    """Whether worker and beat were heard of."""
    away = [role for role in ("worker", "beat") if role not in known.roles]
    if not away:
        return step("processes", State.DONE, found="Both were heard of within the last minute.")
    missing = f"Within the last minute nothing was heard of {' and '.join(away)}."
    do = " and ".join(f"drchrono-oncall {role}" for role in away)
    return step("processes", State.TODO, missing=missing, do=f"Start {do}, beside web.")
