"""Play the vendors' people for `run`: call the sandbox's control API, press Allow.

The sandbox is never imported: what it offers is asked over HTTP, as for a real vendor.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from cli.output import TroubleError
from cli.world.forms import forms

SECONDS = 15
_BUTTONS = 6


class SandboxControl:
    """Both remotes of a running sandbox, by their base URLs."""

    def __init__(self, drchrono_url: str, oncall_url: str) -> None:
        self.drchrono_url = drchrono_url
        self.oncall_url = oncall_url
        self._people: dict[tuple[str, str], str] = {}
        self._http = requests.Session()
        self._http.trust_env = False

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def is_up(self) -> bool:
        """Whether both remotes answer."""
        try:
            self.state("drchrono")
            self.state("oncall")
        except (requests.RequestException, TroubleError):
            return False
        return True

    def state(self, remote: str) -> dict[str, Any]:
        """Everything a remote holds: objects, credentials, settings."""
        state: dict[str, Any] = self._get(remote, "state")
        return state

    def calls(self, remote: str, since: int = 0) -> list[dict[str, Any]]:
        """The calls of our application with a number above `since`."""
        calls: list[dict[str, Any]] = self._get(remote, f"calls?actor=app&since={since}")
        return calls

    def mails(self) -> list[dict[str, Any]]:
        """Every mail a patient would have got from OnCall."""
        mails: list[dict[str, Any]] = self._get("oncall", "mails")
        return mails

    def is_idle(self, remote: str, seconds: float = 0.0) -> bool:
        """Whether no webhook is on its way, or none is any more within `seconds`."""
        return bool(self._get(remote, f"wait?webhooks_idle=1&timeout={seconds}")["idle"])

    def staff_token(self, remote: str) -> str:
        """The value of the Authorization header of a member of staff."""
        return self._token(remote, "staff")

    def send(
        self, remote: str, actor: str, method: str, path: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What staff or a patient do on the vendor's own pages, as a call with their token.

        Returns the answer's object, {} where there is none. Raises TroubleError when it is refused.
        """
        if (remote, actor) not in self._people:
            self._people[remote, actor] = self._token(remote, actor)
        headers = {"Authorization": self._people[remote, actor]}
        base = self.drchrono_url if remote == "drchrono" else self.oncall_url
        answer = self._http.request(
            method, f"{base}{path}", json=dict(body), headers=headers, timeout=SECONDS
        )
        if not answer.ok:
            raise TroubleError(f"{remote} refuses the edit: {answer.text[:200]}")
        result: dict[str, Any] = answer.json() if answer.content else {}
        return result

    def register_webhook(self, remote: str, registration: Mapping[str, Any]) -> None:
        """Register a callback as the vendor's page does, with its handshake.

        Raises TroubleError when the remote does not accept it.
        """
        answer = self.command(remote, "webhook", registration)
        if not answer.get("verified", False):
            raise TroubleError(f"{remote} did not accept the webhook: {answer.get('detail', '')}")

    def allow(self, start_address: str) -> None:
        """Press the first button of each page from our own start on, as the account's owner does.

        DrChrono's Allow is one of them. Raises TroubleError for a page that refuses, and where no
        button was shown at all.
        """
        with requests.Session() as browser:
            browser.trust_env = False
            page = browser.get(start_address, timeout=SECONDS)
            for pressed in range(_BUTTONS):
                found = forms(page.text)
                if not page.ok or not (found or pressed):
                    raise TroubleError(
                        f"Connecting shows no Allow button, nor one to go on: "
                        f"{urlsplit(page.url).path} answers {page.status_code}."
                    )
                if not found:
                    return
                target = urljoin(page.url, found[0].action or page.url)
                page = browser.post(target, data=found[0].fields, timeout=SECONDS)
        raise TroubleError("Connecting has more pages than it should have.")

    def command(self, remote: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """One POST of the control API. Raises TroubleError when it is refused."""
        answer = self._http.post(self._url(remote, name), json=dict(body), timeout=SECONDS)
        if not answer.ok:
            raise TroubleError(f"The sandbox refuses {name}: {answer.text[:200]}")
        result: dict[str, Any] = answer.json()
        return result

    def _token(self, remote: str, actor: str) -> str:
        issued = self.command(remote, "token", {"actor": actor})
        if "access_token" in issued:
            return f"Bearer {issued['access_token']}"
        return str(issued["key"])

    def _get(self, remote: str, name: str) -> Any:
        answer = self._http.get(self._url(remote, name), timeout=SECONDS)
        if not answer.ok:
            raise TroubleError(f"The sandbox refuses {name}: {answer.text[:200]}")
        return answer.json()

    def _url(self, remote: str, name: str) -> str:
        base = self.drchrono_url if remote == "drchrono" else self.oncall_url
        return f"{base}/_sandbox/{name}"
