"""Call as the floor of a drain: one `requests.Session`, the same calls, and nothing else."""

import time
from collections.abc import Mapping, Sequence

import requests

from bench.clinic import Clinic
from bench.journal import Call

_SECONDS = 20.0


def headers(clinic: Clinic) -> dict[str, dict[str, str]]:
    """What the service sends with each call, by remote; with a token of its own."""
    token = clinic.control.command("drchrono", "token", {"actor": "app"})["access_token"]
    key = clinic.control.state("oncall")["credentials"]["keys"]["app"]
    usual = {
        "user-agent": "drchrono-oncall",
        "accept-encoding": "gzip",
        "accept": "application/json",
    }
    return {
        "drchrono": {**usual, "authorization": f"Bearer {token}"},
        "oncall": {**usual, "authorization": key},
    }


def replay(clinic: Clinic, calls: Sequence[Call], bodies: Mapping[tuple[str, str], str]) -> float:
    """Make the calls again, one after another; returns the seconds it took.

    `bodies`: what is written, by remote and path. Raises where one is answered otherwise than it
    was answered to the service.
    """
    told = headers(clinic)
    base = {"drchrono": clinic.control.drchrono_url, "oncall": clinic.control.oncall_url}
    with requests.Session() as session:
        session.trust_env = False
        begun = time.perf_counter()
        for call in calls:
            body = None if call.method == "GET" else bodies[call.remote, call.path].encode()
            answer = session.request(
                call.method,
                f"{base[call.remote]}{call.path}{'?' if call.query else ''}{call.query}",
                headers=told[call.remote] if body is None else _with_json(told[call.remote]),
                data=body,
                timeout=_SECONDS,
                allow_redirects=False,
            )
            if answer.status_code != call.status:
                raise RuntimeError(f"{call.method} {call.path} is answered {answer.status_code}")
        return time.perf_counter() - begun


def _with_json(told: Mapping[str, str]) -> dict[str, str]:
    return {**told, "content-type": "application/json"}
