"""Every setting, read from the environment once.

Addresses and secrets come from the environment alone; the mapping and the policies of a clinic are
in the mapping file (`sync.mapping`). `.env.example` lists each name with its meaning.
"""

from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Mode(StrEnum):
    """Whether writes go out: `shadow` plans and counts, `live` writes, `paused` does not run."""

    SHADOW = "shadow"
    LIVE = "live"
    PAUSED = "paused"


class GoLive(StrEnum):
    """Who accepts what the first matching found: `ask` an operator, `auto` the matching itself."""

    ASK = "ask"
    AUTO = "auto"


def _listed(value: SecretStr) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.get_secret_value().split(",") if part.strip())


class Settings(BaseSettings):
    """The environment, typed. Times are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    public_url: str = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: int = 8000
    database_url: str = "sqlite:///var/sync.db"
    redis_url: str = ""
    redis_tls_verify: bool = True
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
    drchrono_hourly_limit: int = Field(default=500, ge=1)
    drchrono_burst_limit: int = Field(default=10, ge=1)

    oncall_base_url: str = "https://api.oncallhealth.ca"
    oncall_origins: str = ""
    oncall_key: SecretStr = SecretStr("")
    oncall_key_prefix: str = ""
    oncall_webhook_tokens: SecretStr = SecretStr("")

    encryption_keys: SecretStr = SecretStr("")
    digest_keys: SecretStr = SecretStr("")

    settle_seconds: float = Field(default=1.0, ge=0)
    longest_wait_seconds: float = Field(default=10.0, ge=0)
    group_settle_seconds: float = Field(default=30.0, ge=0)
    imminent_hours: float = 2.0
    lease_seconds: float = 45.0
    call_deadline_seconds: float = 20.0
    apart_seconds: float = 60.0
    grace_seconds: float = 600.0
    late_seconds: float = 5.0
    writes_per_visit_day: int = 10
    budget_reserve: float = Field(default=0.10, ge=0, lt=1)
    catchup_minutes: float = 10.0
    window_days: int = 180
    occurrence_days: int = 60
    brake_count: int = 10
    brake_share: float = 0.05
    web_threads: int = 8
    web_head_seconds: float = Field(default=10.0, gt=0)
    web_body_seconds: float = Field(default=10.0, gt=0)
    stop_seconds: int = Field(default=10, ge=1)
    # The budget and the writes of a visit and day are counted from what is kept.
    keep_days: int = Field(default=30, ge=1)

    @field_validator("database_url")
    @classmethod
    def _dialects(cls, url: str) -> str:
        # Hosting platforms hand out postgres://, which SQLAlchemy 2 refuses.
        for short in ("postgres://", "postgresql://"):
            if url.startswith(short):
                return "postgresql+psycopg://" + url.removeprefix(short)
        return url

    @model_validator(mode="after")
    def _deadline_within_lease(self) -> Self:
        if self.call_deadline_seconds >= self.lease_seconds:
            raise ValueError("CALL_DEADLINE_SECONDS must be less than LEASE_SECONDS")
        return self

    @field_validator("public_url", "drchrono_base_url", "oncall_base_url")
    @classmethod
    def _no_trailing_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The active DrChrono webhook secrets; the first answers the handshake."""
        return _listed(self.drchrono_webhook_secrets)

    @property
    def webhook_tokens(self) -> tuple[str, ...]:
        """The tokens OnCall may present, in the path or as Basic password."""
        return _listed(self.oncall_webhook_tokens)

    @property
    def fernet_keys(self) -> tuple[str, ...]:
        """Keys that seal OAuth tokens; the first seals, all open."""
        return _listed(self.encryption_keys)

    @property
    def digest_key_list(self) -> tuple[bytes, ...]:
        """Keys of the digests; the first is current."""
        return tuple(key.encode() for key in _listed(self.digest_keys))

    @property
    def drchrono_other_origins(self) -> tuple[str, ...]:
        """Further origins of DrChrono that its redirects and page links may name."""
        return tuple(one.strip() for one in self.drchrono_origins.split(",") if one.strip())

    @property
    def oncall_other_origins(self) -> tuple[str, ...]:
        """Further origins of OnCall that its page links may name."""
        return tuple(one.strip() for one in self.oncall_origins.split(",") if one.strip())

    @property
    def apart(self) -> timedelta:
        """How far two looks must be from each other for both to count."""
        return timedelta(seconds=self.apart_seconds)

    @property
    def imminent(self) -> timedelta:
        """How near a visit must be for its changes not to wait."""
        return timedelta(hours=self.imminent_hours)


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """The settings of this process; raises pydantic's ValidationError when a value is unusable."""
    return Settings()
