"""A person's browser without a window: forms with their token, cookies kept."""

import re
from html import unescape
from typing import Any

import pyotp
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sync.operations import operators
from sync.operations.operators import Role
from sync.runtime import Sync

PASSWORD = "a long enough password"


class Person:
    """One operator and their browser."""

    def __init__(self, sync: Sync, browser: FlaskClient, name: str, role: Role) -> None:
        self.sync = sync
        self.browser = browser
        self.name = name
        made = operators.add(sync, name, role, PASSWORD)
        self._codes = pyotp.parse_uri(made.address)

    def code(self, late: int = 0) -> str:
        """What their telephone shows, or showed `late` steps from now."""
        step = int(self.sync.clock().timestamp()) // 30 + late
        return str(self._codes.generate_otp(step))

    def sign_in(self, **typed: str) -> TestResponse:
        """Fill in the form as it is served, with what is right unless told."""
        form = {"name": self.name, "password": PASSWORD, "code": self.code()}
        return post(self.browser, "/ops/sign-in", **(form | typed))


def token(browser: FlaskClient, page: str = "/ops/sign-in") -> str:
    """The word against forged forms that a page holds."""
    text = browser.get(page, follow_redirects=True).get_data(as_text=True)
    (word, *_more) = re.findall(r'name="csrf_token" value="([^"]+)"', text)
    return unescape(word)


def post(
    browser: FlaskClient, address: str, page: str = "/ops/sign-in", **form: Any
) -> TestResponse:
    """Send a form of a page."""
    return browser.post(address, data={"csrf_token": token(browser, page), **form})


def cookie(answer: TestResponse) -> str:
    """The session's cookie that an answer sets, with its flags; "" for none."""
    told = answer.headers.getlist("Set-Cookie")
    return next((one for one in told if one.startswith(("ops=", "__Host-ops="))), "")
