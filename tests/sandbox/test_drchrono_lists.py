"""DrChrono's lists: filters, pages, series and the bulk lists."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.test_drchrono_appointments import NEW, book

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller
    from tests.support.sandbox_client import Sandbox

ALL = "/api/appointments?since=2000-01-01"


def walk(dc: Caller, path: str) -> list[list[Any]]:
    pages = []
    address: str | None = path
    while address:
        answer = dc("GET", address)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        pages.append(body.get("results", body.get("data")))
        address = body["next"]
    return pages


def ids(rows: list[Any]) -> list[str]:
    return [row["id"] for row in rows]


@pytest.mark.parametrize("paging", ["cursor", "page"])
@pytest.mark.parametrize("envelope", ["results", "data"])
def test_pages_of_20_by_absolute_next_links(
    sandbox: Sandbox, dc: Caller, paging: str, envelope: str
) -> None:
    sandbox.behaviours("drchrono", paging=paging, envelope=envelope)
    first = dc("GET", ALL).json()
    assert set(first) == {"previous", "next", envelope}
    assert first["previous"] is None
    assert first["next"].startswith(f"{sandbox.drchrono_url}/api/appointments?since=2000-01-01")
    assert f"{paging}=" in first["next"]
    pages = walk(dc, ALL)
    assert [len(page) for page in pages] == [20, 20, 20]
    rows = [row for page in pages for row in page]
    assert [row["scheduled_time"] for row in rows] == sorted(row["scheduled_time"] for row in rows)
    assert len(set(ids(rows))) == 60


def test_verbose_pages_hold_25_and_show_more_keys(dc: Caller) -> None:
    pages = walk(dc, f"{ALL}&verbose=true")
    assert [len(page) for page in pages] == [25, 25, 10]
    more = {
        *("clinical_note", "custom_fields", "custom_vitals", "extended_updated_at"),
        *("reminders", "status_transitions", "vitals"),
    }
    assert set(pages[0][0]) - set(walk(dc, ALL)[0][0]) == more


def test_page_size_can_be_lowered_but_not_raised(dc: Caller) -> None:
    assert len(dc("GET", f"{ALL}&page_size=7").json()["results"]) == 7
    assert len(dc("GET", f"{ALL}&page_size=250").json()["results"]) == 20


def test_previous_leads_back(dc: Caller) -> None:
    first = dc("GET", ALL).json()
    second = dc("GET", first["next"]).json()
    assert ids(dc("GET", second["previous"]).json()["results"]) == ids(first["results"])


def test_a_cursor_survives_a_write_between_two_pages(dc: Caller) -> None:
    first = dc("GET", ALL).json()
    dc("DELETE", f"/api/appointments/{first['results'][0]['id']}")
    rest = [row for page in walk(dc, first["next"]) for row in page]
    assert len(set(ids(first["results"])) | set(ids(rest))) == 60


def test_a_time_filter_is_required(dc: Caller) -> None:
    assert dc("GET", "/api/appointments?doctor=201").status_code == 400


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("date=2031-06-01", 1),
        ("date_range=2031-06-01/2031-06-02", 2),
        ("occurred_since=2031-06-02", 1),
        ("date_range=2031-06-01/2031-06-02&doctor=202", 1),
        ("date_range=2031-06-01/2031-06-02&patient=7001", 1),
        ("date_range=2031-06-01/2031-06-02&office=302", 0),
        ("date=2031-06-01&status=Cancelled", 1),
        ("date=2031-06-01&status=Confirmed", 0),
    ],
)
def test_filters_choose(dc: Caller, query: str, count: int) -> None:
    book(dc, status="Cancelled")
    book(dc, scheduled_time="2031-06-02T10:00:00", doctor=202, patient=7002)
    assert len(dc("GET", f"/api/appointments?{query}").json()["results"]) == count


def test_since_is_inclusive_and_date_like(dc: Caller) -> None:
    row = book(dc)
    day = row["updated_at"][:10]
    same_day = dc("GET", f"/api/appointments?since={day}T23:59:59").json()["results"]
    assert ids(same_day) == [row["id"]]
    after = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    assert dc("GET", f"/api/appointments?since={after}").json()["results"] == []


@pytest.mark.parametrize(
    ("days", "status"),
    [
        ("2031-01-01/2031-07-10", 200),
        ("2031-01-01/2031-07-11", 400),
        ("2000-01-01/2010-01-01", 200),
    ],
)
def test_date_range_is_at_most_190_days_unless_past(dc: Caller, days: str, status: int) -> None:
    assert dc("GET", f"/api/appointments?date_range={days}").status_code == status


def test_deleted_ones_are_listed_with_show_archived_only(dc: Caller) -> None:
    row = book(dc)
    dc("DELETE", f"/api/appointments/{row['id']}")
    path = "/api/appointments?date=2031-06-01"
    assert dc("GET", path).json()["results"] == []
    assert ids(dc("GET", f"{path}&show_archived=true").json()["results"]) == [row["id"]]


def test_lists_may_be_seconds_stale_while_a_read_by_id_is_not(sandbox: Sandbox, dc: Caller) -> None:
    sandbox.behaviours("drchrono", list_lag_seconds=5)
    row = book(dc)
    path = "/api/appointments?date=2031-06-01"
    assert dc("GET", path).json()["results"] == []
    assert dc("GET", f"/api/appointments/{row['id']}").status_code == 200
    sandbox.control("drchrono", "time", {"offset_seconds": 6})
    assert ids(dc("GET", path).json()["results"]) == [row["id"]]


class TestSeries:
    @pytest.fixture
    def base(self, sandbox: Sandbox) -> str:
        body = {
            **NEW,
            "recurring_appointment": True,
            "recurring_days": ["Monday", "Wednesday"],
            "recurs_every": 2,
            "recur_start_date": "2031-06-02",
            "recur_end_date": "2031-06-30",
        }
        made = sandbox.staff_drchrono("POST", "/api/appointments", body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def listed(self, dc: Caller, more: str = "") -> list[Any]:
        path = f"/api/appointments?date_range=2031-06-02/2031-06-30{more}"
        return [row for page in walk(dc, path) for row in page]

    def test_every_second_week_on_its_days(self, dc: Caller, base: str) -> None:
        rows = self.listed(dc)
        # Monday 2 June, then the weeks of 16 and 30 June; Wednesdays 4 and 18.
        assert ids(rows) == [
            f"2031-06-02_{base}",
            f"2031-06-04_{base}",
            f"2031-06-16_{base}",
            f"2031-06-18_{base}",
            f"2031-06-30_{base}",
        ]
        first = rows[0]
        assert first["scheduled_time"] == "2031-06-02T10:00:00"
        assert first["base_recurring_appointment"] == base
        assert first["recurrence_instance_key"] == f"{base}_20310602"
        assert (first["recurring_appointment"], first["is_virtual_base"]) == (True, False)

    def test_the_base_is_flagged_virtual(self, dc: Caller, base: str) -> None:
        assert dc("GET", f"/api/appointments/{base}").json()["is_virtual_base"] is True

    @pytest.mark.usefixtures("base")
    def test_ignore_virtual_and_since_leave_them_out(self, dc: Caller) -> None:
        assert self.listed(dc, "&ignore_virtual=true") == []
        since = [row for page in walk(dc, ALL) for row in page]
        assert [row for row in ids(since) if "_" in row] == []

    def test_one_can_be_read_by_id(self, dc: Caller, base: str) -> None:
        assert dc("GET", f"/api/appointments/2031-06-04_{base}").status_code == 200
        assert dc("GET", f"/api/appointments/2031-06-05_{base}").status_code == 404

    def test_becoming_real_gives_a_new_id_and_keeps_the_key(
        self, sandbox: Sandbox, dc: Caller, base: str
    ) -> None:
        virtual = f"2031-06-04_{base}"
        real = sandbox.control("drchrono", "materialise", {"id": virtual})
        assert real["id"].isdigit()
        assert real["recurrence_instance_key"] == f"{base}_20310604"
        assert dc("GET", f"/api/appointments/{virtual}").status_code == 404
        assert ids(self.listed(dc))[1] == real["id"]
        assert len(self.listed(dc)) == 5

    def test_a_patch_makes_it_real(self, dc: Caller, base: str) -> None:
        assert dc("PATCH", f"/api/appointments/2031-06-04_{base}", {"notes": "x"}).ok
        changed = self.listed(dc)[1]
        assert changed["notes"] == "x"
        assert changed["id"].isdigit()

    def test_a_delete_takes_out_that_day_only(self, dc: Caller, base: str) -> None:
        assert dc("DELETE", f"/api/appointments/2031-06-04_{base}").status_code == 204
        assert len(self.listed(dc)) == 4

    @pytest.mark.usefixtures("base")
    def test_the_key_is_behind_a_feature_flag(self, sandbox: Sandbox, dc: Caller) -> None:
        sandbox.behaviours("drchrono", instance_key=False)
        assert "recurrence_instance_key" not in self.listed(dc)[0]


class TestBulk:
    def ordered(self, dc: Caller, query: str) -> str:
        answer = dc("POST", f"/api/{query}")
        assert answer.status_code == 201
        assert answer.json()["status"] == "In progress"
        assert set(answer.json()) == {"uuid", "status"}
        return str(answer.json()["uuid"])

    @pytest.mark.parametrize(("kind", "count"), [("appointments_list", 60), ("patients_list", 40)])
    def test_in_progress_then_complete_with_pagination(
        self, dc: Caller, kind: str, count: int
    ) -> None:
        uuid = self.ordered(dc, f"{kind}?page_size=25")
        path = f"/api/{kind}?uuid={uuid}"
        assert dc("GET", path).json() == {"uuid": uuid, "status": "In progress"}
        done = dc("GET", path).json()
        assert done["status"] == "Complete"
        pages = -(-count // 25)
        assert done["pagination"] == {"count": count, "pages": pages, "page_size": 25, "page": 1}
        last = dc("GET", f"{path}&page={pages}").json()
        assert len(last["results"]) == count - 25 * (pages - 1)
        assert "custom_fields" not in done["results"][0]
        assert "custom_demographics" not in done["results"][0]

    @pytest.mark.parametrize("works", [True, False])
    def test_order_by_updated_at(self, sandbox: Sandbox, dc: Caller, *, works: bool) -> None:
        sandbox.behaviours("drchrono", bulk_order_by=works, bulk_polls=0)
        early = dc("GET", ALL).json()["results"][0]["id"]
        dc("PATCH", f"/api/appointments/{early}", {"notes": "x"})
        uuid = self.ordered(dc, "appointments_list?order_by=updated_at")
        rows = dc("GET", f"/api/appointments_list?uuid={uuid}").json()["results"]
        assert (rows[-1]["id"] == early) is works

    def test_page_limit(self, sandbox: Sandbox, dc: Caller) -> None:
        sandbox.behaviours("drchrono", bulk_page_limit=50, bulk_polls=0)
        uuid = self.ordered(dc, "appointments_list?page_size=1000")
        assert len(dc("GET", f"/api/appointments_list?uuid={uuid}").json()["results"]) == 50

    def test_gone_after_an_hour(self, sandbox: Sandbox, dc: Caller) -> None:
        uuid = self.ordered(dc, "appointments_list")
        sandbox.control("drchrono", "time", {"offset_seconds": 3601})
        answer = dc("GET", f"/api/appointments_list?uuid={uuid}")
        assert answer.status_code == 404
        assert answer.json() == {"detail": "Invalid uuid specified"}

    def test_404_where_the_account_has_none(self, sandbox: Sandbox, dc: Caller) -> None:
        sandbox.behaviours("drchrono", bulk_lists=False)
        assert dc("POST", "/api/appointments_list").status_code == 404
        assert dc("POST", "/api/patients_list").status_code == 404
