"""What a large practice's first matching costs: it grows with the visits, not with their square."""

from pathlib import Path

from sqlalchemy import event

from sync.engine import catchup
from tests.integration.clinic import open_clinic
from tests.sandbox_client import REMOTES, Sandbox


def test_the_first_matching_asks_about_no_pair_that_is_not_alike(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """One doctor's forty visits, all known on both sides, are 1600 pairs."""
    for remote in REMOTES:
        sandbox.control(remote, "reset", {"doctors": 1})
    sandbox.behaviours("drchrono", burst_limit=None)
    url = f"sqlite:///{tmp_path / 'sync.db'}"
    with open_clinic(sandbox, url, tmp_path) as clinic:
        asked: list[str] = []

        def note(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
            if "FROM decision" in statement:
                asked.append(statement)

        event.listen(clinic.sync.store.engine, "before_cursor_execute", note)
        catchup.run_now(clinic.sync, "matching")
        event.remove(clinic.sync.store.engine, "before_cursor_execute", note)
        # Whether a person told the two apart: once for each patient's contact, and for each visit
        # when groups are looked for, when it is found, and when nobody else is to claim it.
        assert len(asked) <= 40 + 3 * 40
        assert clinic.attention() == []
        assert len(clinic.due()) >= 40
