"""Read every setting in one place, and judge it there before anything begins.

Addresses and secrets come from the environment, or from `.env` in the working directory; the
mapping and the policies of a clinic are in the mapping file (`sync.mapping`). `.env.example` lists
each name with its meaning. A new setting is one line in `Settings`, and one in `RULES` where its
values are narrower than its type.
"""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from sync import settings_alerts as of_alerts
from sync import settings_rules as rules
from sync.settings_stores import database_problem, redis_address, redis_problem, with_driver


class Mode(StrEnum):
    """Whether writes go out: `shadow` plans and counts, `live` writes, `paused` does not run."""

    SHADOW = "shadow"
    LIVE = "live"
    PAUSED = "paused"


class GoLive(StrEnum):
    """Who accepts what the first matching found: `ask` an operator, `auto` the matching itself."""

    ASK = "ask"
    AUTO = "auto"


def listed(value: SecretStr) -> tuple[str, ...]:
    """The entries of a setting that holds several, separated by commas."""
    return tuple(part.strip() for part in value.get_secret_value().split(",") if part.strip())


class Settings(BaseSettings):
    """The environment, typed. Times are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(extra="ignore")

    public_url: str = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    ops_host: str = "127.0.0.1"
    ops_port: int = Field(default=8001, ge=0, le=65535)
    ops_on_web: bool = False
    ops_url: str = ""
    ops_hosts: str = ""
    ops_token: SecretStr = SecretStr("")
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_role_claim: str = "roles"
    oidc_viewer: str = "viewer"
    oidc_operator: str = "operator"
    oidc_admin: str = "admin"
    database_url: str = "sqlite:///var/sync.db"
    redis_url: str = ""
    redis_tls_verify: bool = True
    persistent_disk: bool = False
    mapping_file: Path = Path("mapping.toml")
    sync_mode: Mode = Mode.SHADOW
    go_live: GoLive = GoLive.ASK
    log_level: str = "INFO"

    drchrono_base_url: str = "https://app.drchrono.com"
    drchrono_origins: str = ""
    drchrono_client_id: str = ""
    drchrono_client_secret: SecretStr = SecretStr("")
    drchrono_scopes: str = ""
    drchrono_webhook_secrets: SecretStr = SecretStr("")
    drchrono_hourly_limit: int = Field(default=500, ge=1, le=10_000_000)
    drchrono_burst_limit: int = Field(default=10, ge=1, le=10_000_000)

    oncall_base_url: str = "https://api.oncallhealth.ca"
    oncall_origins: str = ""
    oncall_key: SecretStr = SecretStr("")
    oncall_key_prefix: str = ""
    oncall_webhook_tokens: SecretStr = SecretStr("")

    encryption_keys: SecretStr = SecretStr("")
    digest_keys: SecretStr = SecretStr("")

    settle_seconds: float = Field(default=1.0, ge=0, le=3600)
    longest_wait_seconds: float = Field(default=10.0, ge=0, le=3600)
    group_settle_seconds: float = Field(default=30.0, ge=0, le=3600)
    imminent_hours: float = Field(default=2.0, ge=0, le=10_000)
    lease_seconds: float = Field(default=45.0, gt=0, le=3600)
    call_deadline_seconds: float = Field(default=20.0, gt=0, le=3600)
    apart_seconds: float = Field(default=60.0, ge=0, le=86_400)
    grace_seconds: float = Field(default=600.0, ge=0, le=604_800)
    late_seconds: float = Field(default=5.0, ge=0, le=3600)
    writes_per_visit_day: int = Field(default=10, ge=1, le=1_000_000)
    budget_reserve: float = Field(default=0.10, ge=0, lt=1)
    unknown_ids_share: float = Field(default=0.15, gt=0, le=0.5)
    catchup_minutes: float = Field(default=10.0, gt=0, le=100_000)
    window_days: int = Field(default=180, ge=1, le=3650)
    occurrence_days: int = Field(default=60, ge=0, le=3650)
    brake_count: int = Field(default=10, ge=0, le=1_000_000)
    brake_share: float = Field(default=0.05, ge=0, le=1)
    web_concurrency: int = Field(default=1, ge=1, le=64)
    web_threads: int = Field(default=16, ge=1, le=1000)
    worker_threads: int = Field(default=12, ge=1, le=64)
    web_head_seconds: float = Field(default=10.0, gt=0, le=600)
    web_body_seconds: float = Field(default=10.0, gt=0, le=600)
    stop_seconds: float = Field(default=10.0, gt=0, le=600)
    # The budget and the writes of a visit and day are counted from what is kept.
    keep_days: int = Field(default=30, ge=1, le=36_500)
    audit_sink: str = ""
    audit_years: float = Field(default=6.0, ge=1, le=100)

    alert_email: str = ""
    smtp_url: SecretStr = SecretStr("")
    alert_webhook: SecretStr = SecretStr("")
    alert_webhook_secret: SecretStr = SecretStr("")
    alert_apprise: SecretStr = SecretStr("")
    heartbeat_url: SecretStr = SecretStr("")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource,
        **more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is handed over: `read_settings` is the one reader of files and environment."""
        del settings_cls, others, more
        return (init_settings,)

    @field_validator("database_url")
    @classmethod
    def _driver(cls, url: str) -> str:
        return with_driver(url)

    @field_validator("oncall_key_prefix")
    @classmethod
    def _set_apart(cls, prefix: str) -> str:
        # A file can't keep a blank at the end of a line: a word is set apart from the key by one.
        bare = prefix.strip()
        return f"{bare} " if bare[-1:].isalnum() else bare

    @field_validator("public_url", "ops_url", "drchrono_base_url", "oncall_base_url")
    @classmethod
    def _plain_origin(cls, url: str) -> str:
        # Scheme and host mean the same in capitals, and so does a colon without a port.
        origin = url.rstrip("/")
        return origin.lower().rstrip(":") if rules.address(origin) is None else origin

    @field_validator("sync_mode", "go_live", mode="before")
    @classmethod
    def _in_small_letters(cls, word: object) -> object:
        return word.lower() if isinstance(word, str) else word

    @field_validator("log_level")
    @classmethod
    def _level(cls, word: str) -> str:
        return "WARNING" if word.upper() == "WARN" else word

    @model_validator(mode="after")
    def _deadline_within_lease(self) -> Self:
        if self.call_deadline_seconds >= self.lease_seconds:
            raise ValueError("CALL_DEADLINE_SECONDS must be less than LEASE_SECONDS")
        return self

    @model_validator(mode="after")
    def _ports_apart(self) -> Self:
        # A platform chooses PORT by chance: the default of the other gives way.
        if self.ops_port == self.port and "ops_port" not in self.model_fields_set:
            self.ops_port = self.port + 1
        return self

    @model_validator(mode="after")
    def _alerts_go_somewhere(self) -> Self:
        if self.alert_email and not self.smtp_url.get_secret_value():
            raise ValueError("ALERT_EMAIL needs SMTP_URL")
        if (
            self.alert_webhook.get_secret_value()
            and not self.alert_webhook_secret.get_secret_value()
        ):
            raise ValueError("ALERT_WEBHOOK needs ALERT_WEBHOOK_SECRET")
        return self

    @model_validator(mode="after")
    def _one_redis_address(self) -> Self:
        if self.redis_url and redis_problem(self.redis_url) is None:
            self.redis_url = redis_address(self.redis_url, verify=self.redis_tls_verify)
        return self

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The active DrChrono webhook secrets; the first answers the handshake."""
        return listed(self.drchrono_webhook_secrets)

    @property
    def webhook_tokens(self) -> tuple[str, ...]:
        """The tokens OnCall may present, in the path or as Basic password."""
        return listed(self.oncall_webhook_tokens)

    @property
    def fernet_keys(self) -> tuple[str, ...]:
        """Keys that seal OAuth tokens; the first seals, all open."""
        return listed(self.encryption_keys)

    @property
    def digest_key_list(self) -> tuple[bytes, ...]:
        """Keys of the digests; the first is current."""
        return tuple(key.encode() for key in listed(self.digest_keys))

    @property
    def drchrono_other_origins(self) -> tuple[str, ...]:
        """Further origins of DrChrono that its redirects and page links may name."""
        return tuple(one.strip() for one in self.drchrono_origins.split(",") if one.strip())

    @property
    def oncall_other_origins(self) -> tuple[str, ...]:
        """Further origins of OnCall that its page links may name."""
        return tuple(one.strip() for one in self.oncall_origins.split(",") if one.strip())

    @property
    def ops_address(self) -> str:
        """Where people open the operations pages, without a slash at the end."""
        if self.ops_url:
            return self.ops_url
        if self.ops_on_web:
            return self.public_url
        everywhere = self.ops_host in {"0.0.0.0", "::"}  # noqa: S104 - nothing is bound here
        host = "127.0.0.1" if everywhere else self.ops_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.ops_port}"

    @property
    def ops_names(self) -> tuple[str, ...]:
        """Further names of hosts under which the operations port may be asked."""
        return tuple(one.strip().lower() for one in self.ops_hosts.split(",") if one.strip())

    @property
    def apart(self) -> timedelta:
        """How far two looks must be from each other for both to count."""
        return timedelta(seconds=self.apart_seconds)

    @property
    def imminent(self) -> timedelta:
        """How near a visit must be for its changes not to wait."""
        return timedelta(hours=self.imminent_hours)


# What a setting may hold beyond its type, by where it is used. An empty one is not judged.
RULES: Final[dict[str, rules.Rule]] = {
    "public_url": rules.address,
    "host": rules.listen_host,
    "ops_host": rules.listen_host,
    "ops_url": rules.address,
    "ops_hosts": rules.each(rules.host_name),
    "ops_token": rules.webhook_secret,
    "oidc_issuer": rules.issuer,
    "oidc_client_id": rules.word,
    "oidc_client_secret": rules.word,
    **dict.fromkeys(("oidc_role_claim", "oidc_viewer", "oidc_operator", "oidc_admin"), rules.name),
    "drchrono_base_url": rules.address,
    "oncall_base_url": rules.address,
    "drchrono_origins": rules.each(rules.address),
    "oncall_origins": rules.each(rules.address),
    "mapping_file": rules.file,
    "audit_sink": rules.file,
    "alert_email": of_alerts.mailboxes,
    "smtp_url": of_alerts.smtp,
    "alert_webhook": of_alerts.page,
    "alert_webhook_secret": of_alerts.signing_secret,
    "alert_apprise": rules.each(of_alerts.apprise),
    "heartbeat_url": of_alerts.page,
    "database_url": database_problem,
    "redis_url": redis_problem,
    "log_level": rules.choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    "drchrono_client_id": rules.word,
    "drchrono_client_secret": rules.word,
    "drchrono_scopes": rules.words,
    "drchrono_webhook_secrets": rules.each(rules.webhook_secret),
    "oncall_key": rules.in_header,
    "oncall_key_prefix": rules.prefix,
    "oncall_webhook_tokens": rules.each(rules.path_token),
    "encryption_keys": rules.each(rules.fernet_key),
    "digest_keys": rules.each(rules.digest_key, later=rules.old_digest_key),
}
# No two of these may hold the same value.
SECRETS: Final = (
    *("drchrono_client_secret", "drchrono_webhook_secrets", "oncall_key"),
    *("oncall_webhook_tokens", "encryption_keys", "digest_keys", "ops_token"),
    "oidc_client_secret",
)
