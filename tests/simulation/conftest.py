"""The sandbox of the simulation: one process, a new world for each example."""

from collections.abc import Iterator

import pytest

from tests.support.sandbox_client import Sandbox


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    """Both remotes, one process for all examples of this worker."""
    with Sandbox(seed="empty") as sandbox:
        yield sandbox
