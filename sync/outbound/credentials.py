"""Give each call the authorisation of its system."""

from collections.abc import Mapping
from typing import Protocol


class AccessTokens(Protocol):
    """Who has DrChrono's access token: `sync.drchrono.keeper.TokenKeeper`."""

    def access_token(self) -> str:
        """Give a token to use now; may make a call. Raises a RemoteError when there is none."""


class Credentials:
    """The credentials of both systems.

    `oncall_key` is sent verbatim, after `oncall_prefix` ("" or, for example, "Token "):
    docs/api-facts.md, O2.
    """

    def __init__(self, drchrono: AccessTokens, oncall_key: str, oncall_prefix: str = "") -> None:
        self._drchrono = drchrono
        self._oncall = oncall_prefix + oncall_key

    def headers(self, system: str) -> Mapping[str, str]:
        """Give the headers for a call of "drchrono" or "oncall".

        Ask outside of any transaction: DrChrono's token may be renewed by a call first. Raises
        AuthFailed when there is no token, or what its renewal raised.
        """
        if system == "drchrono":
            return {"authorization": f"Bearer {self._drchrono.access_token()}"}
        return {"authorization": self._oncall}
