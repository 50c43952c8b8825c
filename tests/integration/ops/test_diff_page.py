"""/ops/diff: what differs, by cause, in pages; who may compare again; what is taken along."""

import csv
from io import StringIO

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from sync.operations import status
from sync.operations.diff import keeping, nightly, showing
from sync.operations.diff.model import Found, Report, Standing, Trouble, What
from sync.runtime import Sync
from sync.store.schema import audit
from sync.store.service import ticks
from tests.support.ops.browser import Person, post

MANY = tuple(Found(What.VISIT, "missing_in_oncall", str(70400 + n)) for n in range(60))
ONE = Found(What.VISIT, "fields_differ", "70301", "5601", ("starts", "minutes"))
ASKED = Found(What.PERSON, "contact_differs", "88123", "313001", ("email",))


def kept(sync: Sync, *found: Found, **more: object) -> None:
    now = sync.clock()
    keeping.kept(sync, Report(now, now, found, **more))  # type: ignore[arg-type]


def text(person: Person, address: str) -> str:
    return person.browser.get(address).get_data(as_text=True)


def test_before_any_comparison_it_says_what_to_do(victor: Person) -> None:
    victor.sign_in()
    assert "Nothing was compared yet" in text(victor, "/ops/diff")
    assert "not told yet" in text(victor, "/ops")


def test_by_cause_and_in_pages(victor: Person, sync: Sync) -> None:
    victor.sign_in()
    kept(sync, *MANY, ONE, ASKED.explained(Standing.EXPLAINED, "asked:patient_unsure", item=1))
    page = text(victor, "/ops/diff?cause=missing_in_oncall")
    assert page.count("/ops/timeline/appointment/704") == showing.PAGE
    assert "70301" not in page
    following = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    rest = text(victor, following)
    assert rest.count("/ops/timeline/appointment/704") == 10
    assert 'rel="next"' not in rest
    every = text(victor, "/ops/diff?after=60")
    assert "/ops/timeline/appointment/70301" in every
    assert "/ops/waiting/1" in every
    assert "starts, minutes" in every


def test_the_figure_on_the_first_screen_in_status_and_in_the_metrics(
    victor: Person, sync: Sync
) -> None:
    victor.sign_in()
    kept(sync, *MANY, ONE)
    home = text(victor, "/ops/now")
    assert '<span id="different">61</span>' in home
    assert "60 in one only" in home
    figure = status.overview(sync).compared
    assert figure is not None
    assert (figure.different, figure.unlinked, figure.could_not_tell) == (61, 60, False)
    assert _metrics(victor) == {
        ("sync_diff_could_not_tell", ""): 0,
        ("sync_differences", "unlinked"): 60,
        ("sync_differences", "other"): 1,
    }
    assert status.overview(sync).as_dict()["compared"]["told_at"].endswith("Z")


def test_what_could_not_be_told_keeps_the_last_figure(victor: Person, sync: Sync) -> None:
    victor.sign_in()
    kept(sync, ONE)
    kept(sync, troubles=(Trouble("OnCall visits", "edge_502"),))
    assert 'id="could-not-tell"' in text(victor, "/ops/diff")
    assert "OnCall visits: edge_502." in text(victor, "/ops/diff")
    assert "the last one could not tell" in text(victor, "/ops/now")
    figure = status.overview(sync).compared
    assert figure is not None
    assert (figure.different, figure.could_not_tell) == (1, True)
    assert _metrics(victor)["sync_diff_could_not_tell", ""] == 1


def _metrics(person: Person) -> dict[tuple[str, str], float]:
    told = {}
    for family in text_string_to_metric_families(text(person, "/metrics")):
        for one in family.samples:
            if one.name.startswith("sync_diff") and "age" not in one.name:
                told[one.name, one.labels.get("sort", "")] = one.value
    return told


def test_an_operator_has_it_compared_again_and_a_viewer_may_not(
    victor: Person, ruth: Person, sync: Sync
) -> None:
    victor.sign_in()
    assert post(victor.browser, "/ops/diff", page="/ops/diff").status_code == 403
    with sync.store.read() as conn:
        assert not nightly.is_asked(conn)
    post(victor.browser, "/ops/sign-out", page="/ops")
    ruth.sign_in()
    page = text(ruth, "/ops/diff")
    assert "calls to DrChrono" in page
    with sync.store.write() as conn:
        ticks.take(conn, "diff", sync.clock(), sync.clock() + nightly.EVERY)
    assert post(ruth.browser, "/ops/diff", page="/ops/diff").status_code == 303
    with sync.store.read() as conn:
        assert nightly.is_asked(conn)
        assert ticks.due(conn)["diff"] <= sync.clock()
        assert "compare" in list(conn.execute(select(audit.c.action)).scalars())
    assert 'id="asked"' in text(ruth, "/ops/diff")


def test_the_csv_is_ids_and_an_audited_deed(victor: Person, sync: Sync) -> None:
    victor.sign_in()
    kept(sync, *MANY, ONE)
    answer = post(victor.browser, "/ops/diff/download", page="/ops/diff", cause="fields_differ")
    assert answer.mimetype == "text/csv"
    (row,) = csv.DictReader(StringIO(answer.get_data(as_text=True)))
    assert (row["drchrono"], row["oncall"], row["fields"]) == ("70301", "5601", "starts minutes")
    whole = post(victor.browser, "/ops/diff/download", page="/ops/diff", cause="")
    assert whole.get_data(as_text=True).count("\r\n") == 62
    with sync.store.read() as conn:
        deeds = list(conn.execute(select(audit.c.action)).scalars())
    assert deeds.count("download") == 2


@pytest.mark.parametrize("asked", ["cause=none-such", "cause=<b>", "after=x", "after=-1"])
def test_what_can_t_be_meant_shows_all(victor: Person, sync: Sync, asked: str) -> None:
    victor.sign_in()
    kept(sync, ONE)
    answer = victor.browser.get(f"/ops/diff?{asked}")
    assert answer.status_code == 200
    assert "70301" in answer.get_data(as_text=True)
    assert "<b>" not in answer.get_data(as_text=True)
