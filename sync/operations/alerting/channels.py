"""Send a notice by e-mail, by a signed webhook, or by whatever Apprise knows.

Each of them is configured by us and sent to nobody else; texts come from `problems` alone.
"""

import importlib
import json
import smtplib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import requests
from standardwebhooks import Webhook

from sync.config import Settings

SECONDS: Final = 10.0


class NotToldError(Exception):
    """A channel took no notice; the text is ours and names no address."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: which problem, that it began, lasts or ended, since when, and what to do."""

    id: int
    name: str
    notice: str
    sentence: str
    press: str
    began_at: datetime
    installation: str

    @property
    def subject(self) -> str:
        """One line."""
        word = {"began": "Problem", "reminder": "Still a problem", "ended": "Over"}[self.notice]
        return f"[drchrono-oncall] {word}: {self.name.replace('_', ' ')}"

    @property
    def text(self) -> str:
        """The whole of it as plain text."""
        since = f"Since {self.began_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC."
        if self.notice == "ended":
            return f"It is over: {self.sentence}\n\n{since}\n"
        return f"{self.sentence}\n\n{self.press}\n\n{since}\n"

    @property
    def event(self) -> dict[str, str]:
        """The same for machines."""
        return {
            "type": f"alert.{self.notice}",
            "name": self.name,
            "sentence": self.sentence,
            "press": self.press,
            "began_at": self.began_at.astimezone(UTC).isoformat(),
            "installation": self.installation,
        }


Send = Callable[[Settings, Notice], None]


def configured(settings: Settings) -> tuple[str, ...]:
    """The channels that the settings name."""
    named = {
        "email": bool(settings.alert_email and settings.smtp_url.get_secret_value()),
        "webhook": bool(settings.alert_webhook.get_secret_value()),
        "apprise": bool(settings.alert_apprise.get_secret_value()),
    }
    return tuple(name for name, there in named.items() if there)


def send(settings: Settings, channel: str, notice: Notice) -> None:
    """Tell it by one channel. Raises NotToldError."""
    _SENDING[channel](settings, notice)


def _email(settings: Settings, notice: Notice) -> None:
    parts = urlsplit(settings.smtp_url.get_secret_value())
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    message = EmailMessage()
    message["Subject"] = notice.subject
    message["From"] = asked.get("from", f"drchrono-oncall@{parts.hostname}")
    message["To"] = settings.alert_email
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.text)
    tls = parts.scheme == "smtps"
    opened = smtplib.SMTP_SSL if tls else smtplib.SMTP
    try:
        with opened(
            parts.hostname or "", parts.port or (465 if tls else 587), timeout=SECONDS
        ) as smtp:
            if not tls and asked.get("starttls", "yes") != "no":
                smtp.starttls()
            if parts.username:
                smtp.login(unquote(parts.username), unquote(parts.password or ""))
            smtp.send_message(message)
    except (OSError, smtplib.SMTPException) as failure:
        raise NotToldError(f"e-mail ({type(failure).__name__})") from None


def _webhook(settings: Settings, notice: Notice) -> None:
    """Sign it as Standard Webhooks has it: id, time and body under the shared secret."""
    body = json.dumps(notice.event, separators=(",", ":"))
    at = datetime.now(UTC)
    name = f"alert-{notice.id}-{notice.notice}"
    signed = Webhook(settings.alert_webhook_secret.get_secret_value()).sign(name, at, body)
    headers: Mapping[str, str] = {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signed,
    }
    try:
        answer = requests.post(
            settings.alert_webhook.get_secret_value(),
            data=body,
            headers=headers,
            timeout=SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException as failure:
        raise NotToldError(f"webhook ({type(failure).__name__})") from None
    if not 200 <= answer.status_code < 300:
        raise NotToldError(f"webhook ({answer.status_code})")


def _apprise(settings: Settings, notice: Notice) -> None:
    try:
        library = importlib.import_module("apprise")
    except ImportError:
        raise NotToldError("apprise (install the extra: alerts)") from None
    told = library.Apprise()
    for address in settings.alert_apprise.get_secret_value().split(","):
        told.add(address.strip())
    if not told.notify(title=notice.subject, body=notice.text):
        raise NotToldError("apprise (not all were told)")


_SENDING: Final[Mapping[str, Send]] = {"email": _email, "webhook": _webhook, "apprise": _apprise}
