"""Which app answers, and in whose threads."""

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from service.server.gunicorn_worker import _answering
from service.two_apps import TwoApps


@pytest.mark.parametrize(
    ("path", "ops"),
    [
        ("/ops", True),
        ("/ops/", True),
        ("/ops/a/../b", True),
        ("/ops/a\nb", True),
        ("/metrics", True),
        ("/healthz", True),
        ("/opsx", False),
        ("/metrics/", False),
        ("//ops", False),
        ("/webhooks/oncall/ops", False),
        ("/livez", False),
        ("", False),
    ],
)
def test_on_one_port_the_path_says_which_app_it_is(path: str, ops: bool) -> None:
    both = TwoApps(Flask("public"), Flask("ops"), on_web=True)
    assert (both.of_the_web(path) == both.ops) is ops
    apart = TwoApps(Flask("public"), Flask("ops"), on_web=False)
    assert apart.of_the_web(path) == apart.public
    assert apart.of_the_ops(path) == apart.ops


def test_pages_that_hang_hold_no_webhook_off() -> None:
    ended = threading.Event()

    def answered(start_response: Any) -> Iterable[bytes]:
        start_response("204 No Content", [])
        return []

    def public(_environ: Any, start_response: Any) -> Iterable[bytes]:
        return answered(start_response)

    def ops(_environ: Any, start_response: Any) -> Iterable[bytes]:
        ended.wait(20)
        return answered(start_response)

    async def asked() -> int:
        pools = {public: ThreadPoolExecutor(1), ops: ThreadPoolExecutor(1)}
        answer = _answering(lambda path: ops if path == "/ops" else public, pools)
        hanging = [asyncio.create_task(answer({"PATH_INFO": "/ops"}, b"")) for _ in range(9)]
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            told = await answer({"PATH_INFO": "/webhooks"}, b"")
        ended.set()
        await asyncio.gather(*hanging)
        for pool in pools.values():
            pool.shutdown()
        assert told is not None
        return told.status

    assert asyncio.run(asked()) == 204
