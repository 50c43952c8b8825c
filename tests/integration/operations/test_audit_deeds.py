"""Each deed leaves its row of the audit: writes to a remote, what people press, and looks."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import delete

from cli import environment
from cli.main import cli
from sync.operations import attention, audit
from sync.operations.audit import Filter, Row
from sync.operations.hand import by_hand, keep, pair, resolve
from sync.store import attention as opening
from sync.store.schema import audit as table
from sync.store.tables import links
from tests.support.clinic import Clinic, wall
from tests.support.templates import on_both

USER = f"uid {os.getuid()}"


def told(clinic: Clinic, **asked: str) -> list[Row]:
    return list(audit.every(clinic.sync, Filter(**asked)))  # type: ignore[arg-type]


def since(clinic: Clinic, before: int) -> list[Row]:
    return [row for row in told(clinic) if row.seq > before]


def last(clinic: Clinic) -> int:
    return max((row.seq for row in told(clinic)), default=0)


@on_both
def test_each_write_has_one_row_and_no_read_has_one(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    before = last(clinic)
    clinic.edit(appointment, scheduled_time=wall(days=9))
    clinic.change_visit(visit, duration=40)
    clinic.settle()
    writes = since(clinic, before)
    assert {row.action for row in writes} == {"write"}
    assert len(writes) == len(clinic.writes())
    moved = next(row for row in writes if f"oncall-appointment:{visit}" in row.subjects)
    assert (moved.kind, moved.door, moved.fields) == ("service", "worker", "starts")
    assert audit.verify(clinic.sync).sound


def test_a_write_that_is_refused_says_so(clinic: Clinic) -> None:
    appointment, _visit = clinic.linked()
    before = last(clinic)
    patch = {"match": {"method": "PATCH", "path": "^/appointments/"}, "do": "status", "status": 400}
    clinic.sandbox.faults("oncall", patch)
    clinic.edit(appointment, scheduled_time=wall(days=9))
    clinic.pump()
    sent, failed = since(clinic, before)
    assert (sent.action, failed.action, failed.outcome) == ("write", "write_failed", "refused 400")
    assert failed.subjects == sent.subjects.split()[-1]


def test_connecting_is_told(clinic: Clinic) -> None:
    actions = [row.action for row in told(clinic)]
    assert actions.count("connect") == 1
    assert "go_live" in actions or clinic.settings.go_live.value == "auto"
    clinic.sync.keeper.disconnect()
    assert told(clinic)[-1].action == "disconnect"


def asked(clinic: Clinic) -> int:
    """A question that can be answered in every way."""
    with clinic.sync.store.write() as conn:
        key = clinic_key(clinic)
        opening.open_item(conn, key, "keeps_failing", now=clinic.now())
    return attention.attention_list(clinic.sync)[-1].id


def clinic_key(clinic: Clinic) -> int:
    with clinic.sync.store.read() as conn:
        return int(conn.exec_driver_sql("SELECT max(aggregate) FROM visit").scalar_one())


def kept(clinic: Clinic, appointment: str) -> None:
    """The sides differ, as nothing was heard of the edit."""
    clinic.sandbox.faults("drchrono", webhooks={"mode": "drop"})
    clinic.edit(appointment, duration=55)
    keep.keep(clinic.sync, "drchrono", "appointment", appointment)


DEEDS: dict[str, Callable[[Clinic, str, str], object]] = {
    "resync": lambda clinic, here, _: attention.resync(clinic.sync, "appointment", here),
    "retry": lambda clinic, *_: attention.attention_retry(clinic.sync, asked(clinic)),
    "drop": lambda clinic, *_: attention.attention_drop(clinic.sync, asked(clinic)),
    "unlink": lambda clinic, here, _: by_hand.unlink(clinic.sync, "appointment", here),
    "exclude": lambda clinic, *_: by_hand.exclude(clinic.sync, str(clinic.patient)),
    "include": lambda clinic, *_: by_hand.exclude(clinic.sync, str(clinic.patient), undo=True),
    "keep": lambda clinic, here, _: kept(clinic, here),
}


@pytest.mark.parametrize("action", DEEDS)
def test_what_a_person_presses_is_told_once(clinic: Clinic, action: str) -> None:
    appointment, visit = clinic.linked()
    before = last(clinic)
    DEEDS[action](clinic, appointment, visit)
    (row,) = [row for row in since(clinic, before) if row.action != "write"]
    assert row.action == action
    assert audit.verify(clinic.sync).sound


def test_pairing_by_hand_is_told(clinic: Clinic) -> None:
    appointment, visit = clinic.linked()
    by_hand.unlink(clinic.sync, "appointment", appointment)
    pair.pair(clinic.sync, "visit", appointment, visit)
    row = told(clinic, action="pair")[-1]
    assert row.subjects == f"appointment:{appointment} visit:{visit}"


@pytest.mark.parametrize("answer", ["the visit", "none"])
def test_an_answer_that_pairs_is_one_deed(clinic: Clinic, answer: str) -> None:
    appointment, visit = clinic.linked()
    by_hand.unlink(clinic.sync, "appointment", appointment)
    with clinic.sync.store.write() as conn:
        row = links.find(conn, "drchrono", "appointment", appointment)
        assert row is not None
        key = row.aggregate
        opening.open_item(conn, key, "visit_unsure", now=clinic.now(), candidates=[visit])
    item = attention.attention_list(clinic.sync)[-1].id
    before = last(clinic)
    chosen = visit if answer == "the visit" else "none"
    resolve.resolve(clinic.sync, item, chosen)
    (row_of,) = since(clinic, before)
    assert (row_of.action, row_of.outcome) == ("resolve", "visit_unsure")
    both = f" appointment:{appointment} visit:{visit}" if answer == "the visit" else ""
    assert row_of.subjects == f"item:{item} chosen:{chosen}{both}"


def test_no_row_no_show(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates are read live only after the look was written down."""
    clinic.linked()
    with clinic.sync.store.write() as conn:
        key = clinic_key(clinic)
        opening.open_item(
            conn, key, "new_patient", now=clinic.now(), candidates=[str(clinic.patient)]
        )
    item = attention.attention_list(clinic.sync)[-1].id
    clinic.forget()
    resolve.question(clinic.sync, item)
    assert told(clinic)[-1].subjects == f"item:{item} patient:{clinic.patient}"
    assert clinic.calls("drchrono") == ["GET /api/patients/ID"]
    clinic.forget()
    monkeypatch.setattr("sync.operations.hand.resolve.deeds.note", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        resolve.question(clinic.sync, item)
    assert clinic.calls("drchrono") + clinic.calls("oncall") == []


def test_the_end_is_told_outside_and_a_cut_is_found(clinic: Clinic, tmp_path: Path) -> None:
    sink = tmp_path / "audit-ends"
    object.__setattr__(clinic.sync.settings, "audit_sink", str(sink))
    clinic.linked()
    clinic.beat("audit")
    end = json.loads(sink.read_text())
    assert end["seq"] == last(clinic)
    assert sink.stat().st_mode & 0o077 == 0
    assert audit.verify(clinic.sync).heads == 1
    with clinic.sync.store.write() as conn:
        conn.execute(delete(table).where(table.c.seq == end["seq"]))
    assert audit.verify(clinic.sync).findings == [(end["seq"], "removed")]
    sink.write_text("not ours\n")
    with pytest.raises(audit.SinkError, match="line 1"):
        audit.verify(clinic.sync)


def test_the_commands(clinic: Clinic, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    appointment, _visit = clinic.linked()
    monkeypatch.setattr(environment, "settings", lambda: clinic.settings)
    runner = CliRunner()
    runner.invoke(cli, ["resync", "appointment", appointment])
    listed = runner.invoke(cli, ["audit", "ls", "--subject", appointment, "--json"])
    first = json.loads(listed.stdout)[0]
    assert (first["action"], first["kind"], first["actor"]) == ("resync", "user", USER)
    assert "resync" in runner.invoke(cli, ["audit", "ls"]).stdout
    proved = runner.invoke(cli, ["audit", "verify"])
    assert (proved.exit_code, "Nothing was changed" in proved.stdout) == (0, True)
    out = tmp_path / "audit.csv"
    assert runner.invoke(cli, ["audit", "export", str(out)]).exit_code == 0
    assert len(out.read_text().splitlines()) == 1 + len(told(clinic))
    with clinic.sync.store.write() as conn:
        conn.execute(delete(table).where(table.c.seq == 2))
    cut = runner.invoke(cli, ["audit", "verify", "--json"])
    assert cut.exit_code == 1
    assert json.loads(cut.stdout)["findings"] == [{"seq": 2, "what": "removed"}]
