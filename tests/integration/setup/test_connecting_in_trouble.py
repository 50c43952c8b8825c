"""Connecting while something answers oddly: refused in words, and no pair is left that lives."""

from typing import Any

import pytest

from sync.core.errors import Transient
from sync.run.evidence import accounts
from sync.setup import connect
from tests.support import forged
from tests.support.clinic import Clinic

DOCTORS: dict[str, Any] = {"path": "^/api/doctors"}
JUNK = {"results": [{"id": None, "practice_group": {"a": 1}}, {}]}
PAIR = {"match": {"path": "^/o/token/"}, "do": "html", "body": "<!DOCTYPE html>", "times": None}


def living(clinic: Clinic) -> int:
    """How many pairs of the application are not ended."""
    tokens = clinic.sandbox.state("drchrono")["credentials"]["tokens"]
    return sum(1 for one in tokens if one["actor"] == "app" and not one["revoked"])


@pytest.mark.parametrize("remote", ["drchrono", "oncall"])
def test_a_list_of_nobody_is_no_answer(clinic: Clinic, remote: str) -> None:
    """It is no proof of a wrong account either, so nothing is stopped for it."""
    clinic.wire.answers = False
    before, pairs = clinic.sync.keeper.access_token(), living(clinic)
    path = DOCTORS if remote == "drchrono" else {"path": "^/providers/"}
    odd = {"match": path, "do": "status", "status": 200, "body": JUNK, "times": None}
    clinic.sandbox.faults(remote, odd)
    with pytest.raises(connect.ConnectError, match="did not answer as expected"):
        clinic.authorise()
    assert (clinic.sync.keeper.access_token(), living(clinic)) == (before, pairs)
    with pytest.raises(Transient):
        accounts.prove(clinic.sync, remote)
    assert clinic.attention() == []


def test_a_pair_that_could_not_be_ended_is_ended_later(clinic: Clinic) -> None:
    before, pairs = clinic.sync.keeper.access_token(), living(clinic)
    clinic.sandbox.behaviours("drchrono", login="stranger")
    page = {"match": {"path": "^/o/revoke_token/"}, "do": "html", "body": "<!DOCTYPE html>"}
    clinic.sandbox.faults("drchrono", {**page, "times": 2})
    with pytest.raises(connect.ConnectError, match="another practice"):
        clinic.authorise()
    assert living(clinic) == pairs + 1
    for _ in range(2):
        clinic.advance(3600)
        clinic.beat("prune")
    assert living(clinic) == pairs
    assert clinic.sync.keeper.access_token() == before
    clinic.forget()
    clinic.advance(3600)
    clinic.beat("prune")
    assert clinic.calls("drchrono") == []


@pytest.mark.parametrize("status", [200, 502, 503])
def test_a_renewal_answered_by_a_page_is_made_again(clinic: Clinic, status: int) -> None:
    """Nobody is called to reconnect for it: whether it was spent, the next try tells."""
    appointment, _ = clinic.linked()
    clinic.sandbox.faults("drchrono", {**PAIR, "status": status})
    clinic.advance(25 * 3600)
    clinic.edit(appointment, duration=50)
    clinic.settle(hours=0.1)
    clinic.beat("token")
    assert clinic.attention() == []
    assert clinic.sync.keeper.status().state == "good"
    version = clinic.sync.keeper.version()
    clinic.sandbox.faults("drchrono", clear=True)
    clinic.sync.keeper.access_token()
    assert clinic.sync.keeper.version() > version


def test_denials_of_oncall_s_share_a_proof_of_the_account(clinic: Clinic) -> None:
    clinic.advance(60)
    clinic.forget()
    for number in range(7001, 7006):
        assert forged.oncall(clinic, number * 1000) == 204
    clinic.pump()
    asked = clinic.calls("oncall")
    assert asked.count("GET /appointments/ID/") == 5
    assert asked.count("GET /providers/") == 1
