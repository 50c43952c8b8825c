"""Make a database of a version that is over, and the sandbox's world that it belongs to.

Run in a checkout of that version, whose test support it uses: `python make.py DIRECTORY`. What this
directory holds was made by revision 657b51e, the last one with migration 0007. Ids, times, digests
and our own texts only; tokens are left out. The people of the world are the sandbox's.
"""

import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

# Run where this version is not: the old one is imported from the working directory.
from sqlalchemy import JSON, Boolean, select

from sync.store.schema import metadata
from sync.tasks import schedule
from tests.integration.visits.test_syncs_recurring import series
from tests.support.clinic import ZONE, Clinic, open_clinic, utc, wall
from tests.support.group_clinic import PEOPLE, book, make_groups, patients
from tests.support.sandbox_client import Sandbox

HEAD = "Made by make.py of revision 657b51e (migration 0007); times are UTC."
SECRETS = {"token", "ticket"}
LOST = {"match": {"method": "POST", "path": "/appointments/?$"}, "do": "drop_after"}


def invited(*numbers: int) -> list[dict[str, str]]:
    names = [PEOPLE[number] for number in numbers]
    return [
        {"first_name": first, "last_name": last, "email": f"{first.lower()}@mail.example"}
        for first, last in names
    ]


def at(days: int) -> str:
    return f"{utc(days=days):%Y-%m-%dT%H:%M:%SZ}"


def a_practice(clinic: Clinic) -> dict[str, object]:
    """Visits of each kind, then creates whose answers are lost; their ids by kind."""
    clinic.sandbox.behaviours("oncall", returns_provider=True)
    make_groups(clinic)
    vera, omar, ines = patients(clinic)
    clinic.go_live()
    one = clinic.book(patient=vera, scheduled_time=wall(days=4))
    one_there = clinic.invite(datetime=at(5), participants=invited(1))
    again = clinic.book(patient=vera, scheduled_time=wall(days=8))
    group = [book(clinic, each, scheduled_time=wall(days=10)) for each in (vera, omar, ines)]
    group_there = clinic.invite(datetime=at(11), participants=invited(0, 1))
    end = utc(days=3).astimezone(ZONE) + timedelta(weeks=2)
    occurrences = series(clinic, patient=ines, recur_end_date=f"{end:%Y-%m-%d}")[:3]
    clinic.settle()
    schedule.run_now(clinic.sync, "drchrono_window")
    clinic.settle()
    clinic.edit(again, status="Cancelled")
    clinic.edit(occurrences[1], scheduled_time=wall(days=12))
    clinic.settle()
    clinic.edit(again, status="")
    clinic.settle()
    for name in sorted(set(schedule.TASKS) - {"matching", "prune"}):
        schedule.run_now(clinic.sync, name)
    clinic.settle()
    assert clinic.attention() == [], clinic.attention()
    ids: dict[str, object] = {"one": one, "one_there": one_there, "again": again, "group": group}
    ids |= {"group_there": group_there, "occurrences": occurrences}
    return ids | lost(clinic, vera, group_there)


def lost(clinic: Clinic, vera: int, group_there: str) -> dict[str, str]:
    """Book one visit on each side, and a third member of a group.

    What is made for each is answered to nobody, and not told of.
    """
    before = {one["id"] for one in clinic.of("drchrono", "appointments")}
    clinic.sandbox.faults("drchrono", LOST, webhooks={"mode": "drop"})
    clinic.change_visit(group_there, participants=invited(2))
    clinic.pump()
    (member,) = {one["id"] for one in clinic.of("drchrono", "appointments")} - before
    clinic.sandbox.faults("drchrono", LOST, webhooks={"mode": "drop"})
    from_oncall = clinic.invite(datetime=at(15), participants=invited(1))
    clinic.pump()
    clinic.sandbox.faults("drchrono", webhooks={"mode": "deliver"})
    clinic.sandbox.faults("oncall", LOST, webhooks={"mode": "drop"})
    from_drchrono = clinic.book(patient=vera, scheduled_time=wall(days=16))
    clinic.pump()
    clinic.sandbox.faults("oncall", webhooks={"mode": "deliver"})
    waits = clinic.waiting()
    assert waits == 3, waits
    return {
        "lost_member": str(member),
        "lost_here": from_oncall,
        "lost_there": from_drchrono,
    }


def literal(value: object, kind: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(kind, Boolean):
        return "true" if value else "false"
    if isinstance(kind, JSON):
        value = json.dumps(value)
    if isinstance(value, datetime):
        value = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
    return (
        str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"
    )


def rows_of(clinic: Clinic) -> dict[str, list[str]]:
    """Each table's rows as SQL writes them; of the calls only those that wrote something."""
    found: dict[str, list[str]] = {}
    with clinic.sync.store.read() as conn:
        for table in metadata.sorted_tables:
            query = select(table).order_by(*table.primary_key.columns)
            if table.name == "call":
                query = query.where(table.c.method != "GET")
            rows = conn.execute(query).all() if table.name not in SECRETS else []
            types = [column.type for column in table.columns]
            names = ", ".join(f'"{column.name}"' for column in table.columns)
            found[f'"{table.name}" ({names})'] = [
                f"({', '.join(literal(v, t) for v, t in zip(row, types, strict=True))})"
                for row in rows
            ]
    return found


def dump(clinic: Clinic, path: Path) -> None:
    text = f"-- {HEAD}\n"
    for table, rows in rows_of(clinic).items():
        if rows:
            text += f"INSERT INTO {table} VALUES\n" + ",\n".join(rows) + ";\n"
    path.write_text(text, encoding="utf-8")


def forget_past(path: Path) -> None:
    """Leave what the world did out of it: calls, tokens, what it told."""
    world = json.loads(path.read_text(encoding="utf-8"))
    for remote in ("drchrono", "oncall"):
        world[remote]["calls"] = []
        world[remote]["own"] |= {"tokens": []} if remote == "drchrono" else {}
        world[remote]["courier"] = {key: [] for key in world[remote]["courier"]}
    path.write_text(json.dumps(world, separators=(",", ":")) + "\n", encoding="utf-8")


def main(target: Path) -> None:
    sandbox = Sandbox(seed="empty")
    sandbox._arguments += ["--state-file", str(target / "world.json")]
    with sandbox, tempfile.TemporaryDirectory() as made:
        home = Path(made)
        sandbox.behaviours("drchrono", burst_limit=None)
        with open_clinic(sandbox, f"sqlite:///{home / 'sync.db'}", home) as clinic:
            ids = a_practice(clinic)
            dump(clinic, target / "database.sql")
            ids |= {"at": clinic.now().isoformat(), "world_at": datetime.now(UTC).isoformat()}
        (target / "mapping.toml").write_text((home / "mapping.toml").read_text())
    forget_past(target / "world.json")
    (target / "ids.json").write_text(json.dumps(ids, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
