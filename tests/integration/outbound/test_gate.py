"""The choke point, over a real wire to a real server, on both databases."""

import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from sync.core.errors import (
    AuthFailed,
    Conflict,
    Deferred,
    FencedOff,
    Gone,
    NotTheApi,
    Refused,
    Throttled,
    Transient,
    Unresolved,
)
from sync.outbound import budget
from sync.outbound.brake import BrakedError
from sync.outbound.call import Call
from sync.outbound.gate import Ticket, WritesOffError
from sync.outbound.transport import Transport
from sync.store.lanes import Lane
from sync.store.schema import throttle
from sync.store.schema import work as work_table
from sync.store.service import spending
from sync.store.tables import baselines, journal, links
from tests.support.servers.gate_world import KEY, NEW, OK, OLD, T0, World
from tests.support.servers.peer import Say, closed_port, serving

HERE = Call("drchrono", "GET", "appointment", "/api/appointments/5")


@pytest.fixture
def peer():
    with serving() as server:
        server.says(Say(200, OK))
        yield server


@pytest.fixture
def world(store, peer):
    return World(store, peer)


@contextmanager
def statements(store):
    """What the database is told, in order; transactions by `begin` and `commit`."""
    told = []

    def heard(_conn, _cursor, statement, *_):
        if not statement.startswith(("BEGIN", "PRAGMA")):
            told.append(" ".join(statement.split()[:2]))

    listeners = [
        ("before_cursor_execute", heard),
        ("begin", lambda _: told.append("begin")),
        ("commit", lambda _: told.append("commit")),
    ]
    for name, listener in listeners:
        event.listen(store.engine, name, listener)
    yield told
    for name, listener in listeners:
        event.remove(store.engine, name, listener)


# --- before the call ------------------------------------------------------------------------------


def test_the_permit_is_one_transaction_and_the_fence_its_first_statement(world, peer):
    with statements(world.store) as told:
        before_request = []

        def answer(_):
            before_request.extend(told)
            return Say(200, OK)

        peer.answer = answer
        world.gate.send(world.patch, world.ticket)
    assert before_request[:2] == ["begin", "UPDATE work"]
    assert before_request[-1] == "commit"
    assert before_request.count("begin") == before_request.count("commit") == 1
    assert {"INSERT INTO"} <= set(before_request)


def test_pending_and_the_audit_line_stand_before_the_server_sees_the_request(world, peer):
    found = []

    def answer(_):
        found.append((world.on_their_way(), world.calls()[0]))
        return Say(200, OK)

    peer.answer = answer
    world.gate.send(world.patch, world.ticket)
    [(on_their_way, line)] = found
    assert on_their_way == [(world.visit, "starts", NEW)]
    assert (line.state, line.status, line.ended_at) == ("open", None, None)
    assert (line.aggregate, line.fence, line.object) == (world.key, 1, world.visit)
    assert (line.system, line.method, line.endpoint) == ("oncall", "PATCH", "appointment")
    assert (line.fields, line.effect, line.doctor, line.lane) == ("starts", "update", "9", 0)
    assert line.at == T0


def test_the_request_carries_the_authorisation_and_the_body(world, peer):
    world.gate.send(world.patch, world.ticket)
    [request] = peer.seen
    assert (request.method, request.path) == ("PATCH", "/appointments/7/")
    assert request.headers["authorization"] == "key-of-oncall"
    assert request.body == b'{"datetime":"2026-11-23T11:00:00Z"}'


def test_each_call_renews_the_lease(world):
    world.clock.forward(30)
    world.gate.send(world.get, world.ticket)
    with world.store.read() as conn:
        until = conn.execute(select(work_table.c.lease_until)).scalar_one()
    assert until == T0 + timedelta(seconds=30 + 45)


def test_a_fenced_off_lease_starts_no_call(world, peer):
    world.taken_over()
    with pytest.raises(FencedOff):
        world.gate.send(world.patch, world.ticket)
    assert peer.seen == []
    assert world.calls() == []
    assert world.on_their_way() == []


@pytest.mark.parametrize("named", [True, False])
def test_shadow_mode_refuses_effects_named_or_not_and_lets_reads_pass(world, peer, named):
    shadow = world.gate_with(writing=False)
    patch = world.patch if named else Call("oncall", "PATCH", "appointment", "/appointments/7/")
    with pytest.raises(WritesOffError):
        shadow.send(patch, world.ticket)
    assert (peer.seen, world.calls()) == ([], [])
    assert shadow.send(world.get, world.ticket).json == OK


def test_the_brake_stops_before_the_call_and_leaves_no_trace(world, peer):
    strict = world.gate_with(writes_per_day=0)
    with pytest.raises(BrakedError):
        strict.send(world.patch, world.ticket)
    assert (peer.seen, world.calls(), world.on_their_way()) == ([], [], [])


# --- what the server saw is what is written down --------------------------------------------------

TRANSIENT, GARBLED = Say(503, {"detail": "x"}), Say(200, content_type="text/html")
KINDS = {
    "ok": (Say(200, OK), None, "done", "done"),
    "refused": (Say(400, {"datetime": ["no"]}), Refused, "refused", "done"),
    "gone": (Say(404, {"detail": "Not found."}), Gone, "refused", "done"),
    "conflict": (Say(409, {"detail": "x"}), Conflict, "refused", "done"),
    "auth": (Say(401, {"detail": "x"}), AuthFailed, "refused", "done"),
    "throttled": (Say(429, {}), Throttled, "refused", "done"),
    "server error": (TRANSIENT, (Unresolved, Transient), "unresolved", "done"),
    "garbled": (GARBLED, (Unresolved, Transient), "unresolved", "done"),
    "cut off": (Say(cut=True), (Unresolved, Transient), "unresolved", "done"),
    "bad redirect": (Say(302, headers={"Location": "http://e.example/"}), Transient,
                     "refused", "done"),
    "firewall": (Say(403, content_type="text/html"), NotTheApi, "refused", "done"),
    "login": (Say(302, headers={"Location": "/login/"}), NotTheApi, "refused", "done"),
}  # fmt: skip


@pytest.mark.parametrize("method", ["PATCH", "GET"])
@pytest.mark.parametrize("kind", KINDS)
def test_call_rows_are_the_requests_that_the_server_saw(world, peer, kind, method):
    said, failure, state_of_write, state_of_read = KINDS[kind]
    peer.says(said)
    writes = method == "PATCH"
    if failure is None:
        world.gate.send(world.patch if writes else world.get, world.ticket)
    else:
        kinds = failure if isinstance(failure, tuple) else (failure, failure)
        with pytest.raises(kinds[0] if writes else kinds[1]):
            world.gate.send(world.patch if writes else world.get, world.ticket)
    assert len(peer.seen) == 1
    status = None if said.cut else said.status
    assert world.states() == [(state_of_write if writes else state_of_read, status)]
    unresolved = writes and state_of_write == "unresolved"
    assert world.on_their_way() == ([(world.visit, "starts", NEW)] if unresolved else [])


def test_a_deadline_without_an_answer_leaves_a_write_unresolved(world, peer):
    release = threading.Event()

    def hang(_):
        release.wait(10)
        return Say(200, OK)

    peer.answer = hang
    hasty = world.gate_with(wire=Transport(deadline_seconds=0.3, connect_seconds=0.3))
    try:
        with pytest.raises(Unresolved) as failure:
            hasty.send(world.patch, world.ticket)
    finally:
        release.set()
    assert failure.value.code == "deadline"
    assert world.states() == [("unresolved", None)]
    assert world.on_their_way() == [(world.visit, "starts", NEW)]


@pytest.mark.parametrize("method", ["PATCH", "GET"])
def test_what_can_t_have_been_sent_is_written_down_as_unsent(world, peer, method):
    nowhere = world.gate_with(bases={"oncall": closed_port()})
    with pytest.raises(Transient):
        nowhere.send(world.patch if method == "PATCH" else world.get, world.ticket)
    assert peer.seen == []
    assert world.states() == [("unsent", None)]
    assert world.on_their_way() == []


def at_drchrono(world):
    """The world's write, made to DrChrono: OnCall's redirects are not followed."""
    return replace(world.patch, system="drchrono", path="/api/appointments/7")


def test_a_write_is_sent_to_no_other_path_and_oncall_s_to_no_other_address(world, peer):
    for call in (at_drchrono(world), world.patch):
        peer.says(Say(302, headers={"Location": "/api/appointments/8"}))
        with pytest.raises(Transient, match="redirect_refused"):
            world.gate.send(call, world.ticket)
    assert len(peer.seen) == 2
    assert world.on_their_way() == []


def test_every_hop_of_a_redirect_is_a_call_with_the_same_method_and_body(world, peer):
    patch, elsewhere = at_drchrono(world), peer.url.replace("127.0.0.1", "localhost")
    peer.says(
        Say(302, headers={"Location": elsewhere + patch.path}),
        Say(307, headers={"Location": peer.url + patch.path}),
        Say(204),
    )
    world.gate_with(other_origins={"drchrono": (elsewhere,)}).send(patch, world.ticket)
    assert [(r.method, r.path) for r in peer.seen] == 3 * [("PATCH", patch.path)]
    assert len({r.body for r in peer.seen}) == 1
    assert world.states() == [("redirected", 302), ("redirected", 307), ("done", 204)]
    assert world.settled(world.visit) == {"starts": NEW}


def test_a_circle_of_redirects_ends(world, peer):
    patch = at_drchrono(world)
    peer.says(Say(302, headers={"Location": patch.path}))
    with pytest.raises(Transient, match="redirect_loop"):
        world.gate.send(patch, world.ticket)
    assert len(peer.seen) == len(world.calls()) == 3
    assert world.on_their_way() == []


def test_a_redirect_stops_at_the_fence_like_any_call(world, peer):
    def answer(_):
        world.taken_over()
        return Say(302, headers={"Location": HERE.path})

    peer.answer = answer
    with pytest.raises(FencedOff):
        world.gate.send(HERE, world.ticket)
    assert len(peer.seen) == 1
    assert world.states() == [("redirected", 302)]


def test_calls_are_counted_by_status(world, peer):
    peer.says(Say(200, OK), Say(400, {"datetime": ["no"]}))
    world.gate.send(world.get, world.ticket)
    with pytest.raises(Refused):
        world.gate.send(world.patch, world.ticket)
    with world.store.write():
        pass  # what was owed until the next transaction
    with world.store.read() as conn:
        assert journal.read_counters(conn) == [
            ("remote_calls", "system=oncall,method=GET,status=200", 1.0),
            ("remote_calls", "system=oncall,method=PATCH,status=400", 1.0),
        ]


# --- a crash --------------------------------------------------------------------------------------


class Crash(BaseException):
    """The worker is killed."""


class CrashingWire:
    """Sends, and never comes back."""

    def __init__(self, *, sends):
        self.sends = sends

    def send(self, request):
        if self.sends:
            Transport().send(request)
        raise Crash


@pytest.mark.parametrize("sent", [True, False])
def test_a_crash_around_the_call_leaves_it_open_with_what_it_was_writing(world, peer, sent):
    with pytest.raises(Crash):
        world.gate_with(wire=CrashingWire(sends=sent)).send(world.patch, world.ticket)
    assert len(peer.seen) == int(sent)
    assert world.states() == [("open", None)]
    assert world.on_their_way() == [(world.visit, "starts", NEW)]
    assert world.settled(world.visit) == {"starts": OLD}


def test_an_outcome_that_can_t_be_stored_leaves_the_call_open(world):
    def after(conn, _answer):
        links.change(conn, world.visit, state="gone")
        raise RuntimeError("a defect in what the caller makes of it")

    with pytest.raises(RuntimeError):
        world.gate.send(world.patch, world.ticket.then(after))
    assert world.states() == [("open", None)]
    assert world.on_their_way() == [(world.visit, "starts", NEW)]
    with world.store.read() as conn:
        assert links.get(conn, world.visit).state == "live"


# --- after the call -------------------------------------------------------------------------------


def test_success_makes_what_was_pending_the_baseline(world):
    world.gate.send(world.patch, world.ticket)
    assert world.settled(world.visit) == {"starts": NEW}
    assert world.on_their_way() == []


def test_what_the_answer_shows_beats_what_was_sent(world):
    normalised = "c" * 64

    def after(conn, answer):
        assert answer.json == OK
        baselines.settle(conn, world.visit, {"starts": normalised, "minutes": OLD}, KEY)

    world.gate.send(world.patch, world.ticket.then(after))
    assert world.settled(world.visit) == {"starts": normalised, "minutes": OLD}
    assert world.on_their_way() == []


@pytest.mark.parametrize("said", [Say(400, ["no"]), Say(503, {}), Say(429, {})])
def test_after_is_for_success_only(world, peer, said):
    peer.says(said)
    ran = []
    with pytest.raises((Refused, Unresolved, Throttled)):
        world.gate.send(world.patch, world.ticket.then(lambda *_: ran.append(1), fact=True))
    assert ran == []
    assert world.settled(world.visit) == {"starts": OLD}


@pytest.mark.parametrize("fact", [True, False])
def test_a_fact_is_stored_though_the_lease_was_lost_and_baselines_are_not(world, peer, fact):
    def answer(_):
        world.taken_over()
        return Say(200, OK)

    peer.answer = answer

    def after(conn, _answer):
        links.change(conn, world.visit, remote_id="77")

    with pytest.raises(FencedOff) as lost:
        world.gate.send(world.patch, world.ticket.then(after, fact=fact))
    with world.store.read() as conn:
        assert links.get(conn, world.visit).remote_id == ("77" if fact else "7")
    assert lost.value.call_id == world.calls()[0].id
    assert world.states() == [("done", 200)]
    assert world.settled(world.visit) == {"starts": OLD}
    # It was written all the same: when it shows, it is ours and no user's edit.
    assert world.on_their_way() == [(world.visit, "starts", NEW)]


def test_a_task_s_call_needs_no_lease(world):
    assert world.gate.send(world.get, Ticket(Lane.CATCHUP)).json == OK
    [line] = world.calls()
    assert (line.aggregate, line.fence, line.lane) == (None, None, Lane.CATCHUP)


# --- 429 ------------------------------------------------------------------------------------------


def test_a_429_closes_the_system_for_all_until_it_says(world, peer):
    peer.says(Say(429, {}, {"Retry-After": "120"}), Say(200, OK))
    with pytest.raises(Throttled) as refusal:
        world.gate.send(world.get, world.ticket)
    assert refusal.value.until == T0 + timedelta(seconds=120)
    other = world.gate_with()  # another process's gate
    world.clock.forward(119)
    with pytest.raises(Throttled) as closed:
        other.send(world.get, Ticket(Lane.LIVE, imminent=True))
    assert closed.value.until == T0 + timedelta(seconds=120)
    assert len(peer.seen) == len(world.calls()) == 1
    world.clock.forward(1)
    assert other.send(world.get, Ticket(Lane.LIVE)).status == 200


def test_a_later_closing_time_stays(world, peer):
    peer.says(Say(429, {}, {"Retry-After": "600"}))
    with pytest.raises(Throttled):
        world.gate.send(world.get, world.ticket)
    with world.store.write() as conn:
        spending.close_until(conn, "oncall", T0 + timedelta(seconds=60))
        closed = conn.execute(select(throttle.c.closed_until)).scalar_one()
    assert closed == T0 + timedelta(seconds=600)


def test_a_429_of_one_system_leaves_the_other_open(world, peer):
    peer.says(Say(429, {}), Say(200, {"id": 5}))
    with pytest.raises(Throttled):
        world.gate.send(world.get, world.ticket)
    assert world.gate.send(HERE, Ticket(Lane.LIVE)).json == {"id": 5}


def test_while_one_system_is_shut_no_run_begins(world, peer):
    """A change needs both: what was read in vain would be read again."""
    world.gate.begin(world.ticket)
    peer.says(Say(429, {}))
    with pytest.raises(Throttled) as closed:
        world.gate.send(world.get, world.ticket)
    with pytest.raises(Throttled) as shut:
        world.gate.begin(world.ticket)
    assert shut.value.until == closed.value.until
    world.clock.now = shut.value.until
    world.gate.begin(world.ticket)
    assert len(world.calls()) == 1


def test_a_run_begins_when_the_hour_has_room_for_a_read_and_a_write(world, peer):
    peer.says(Say(200, {"id": 5}))
    gate = world.gate_with(limits={"drchrono": budget.Limit(4), "oncall": budget.Limit()})
    for _ in range(3):
        gate.begin(world.ticket)
        gate.send(HERE, world.ticket)
    # One is left: enough for what has begun, not for a run.
    with pytest.raises(Deferred) as full:
        gate.begin(world.ticket)
    assert full.value.until == T0 + budget.HOUR
    gate.send(HERE, world.ticket)
