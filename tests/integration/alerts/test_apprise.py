"""Tell an alert through Apprise itself: to a server of ours that takes its JSON notices."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from sync.operations.alerting import tell
from tests.integration.alerts import test_alerts
from tests.support.clinic import Clinic

post = test_alerts.post
# The library is still imported with what Python 3.13 takes away.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def receiving(clinic: Clinic, *addresses: str) -> None:
    told = ", ".join(one.replace("http://", "json://") for one in addresses)
    test_alerts.setting(clinic, "alert_apprise", SecretStr(told))


def notices(post: Any) -> list[tuple[str, str]]:
    bodies = [json.loads(body) for _, body in post.got]
    return [(one["title"], one["message"].splitlines()[0]) for one in bodies]


def test_apprise_tells_of_a_beginning_and_an_end(clinic: Clinic, post: Any) -> None:
    receiving(clinic, post.address)
    test_alerts.goes_wrong(clinic)
    test_alerts.minute(clinic)
    test_alerts.is_right_again(clinic)
    test_alerts.minute(clinic)
    (began, sentence), (ended, over) = notices(post)
    assert began == "[drchrono-oncall] Problem: clock off"
    assert sentence
    assert ended == "[drchrono-oncall] Over: clock off"
    assert over.startswith("It is over")


def test_what_apprise_could_not_tell_is_told_a_minute_later(clinic: Clinic, post: Any) -> None:
    receiving(clinic, post.address)
    post.status = 500
    test_alerts.goes_wrong(clinic)
    test_alerts.minute(clinic)
    ((one, _),) = tell.listed(clinic.sync)
    assert one.channels == ("apprise",)
    post.status = 200
    test_alerts.minute(clinic)
    ((one, _),) = tell.listed(clinic.sync)
    assert one.channels == ()


@pytest.mark.parametrize("address", ["nonsense://x", "no address", ""])
def test_an_address_that_apprise_does_not_know_is_not_told(clinic: Clinic, address: str) -> None:
    test_alerts.setting(clinic, "alert_apprise", SecretStr(address or " "))
    assert tell.try_out(clinic.sync) == [("apprise", "apprise (not all were told)")]


def test_each_address_is_told(clinic: Clinic, post: Any) -> None:
    receiving(clinic, post.address, post.address + "/second")
    assert tell.try_out(clinic.sync) == [("apprise", "")]
    assert [title for title, _ in notices(post)] == ["[drchrono-oncall] Problem: test"] * 2
