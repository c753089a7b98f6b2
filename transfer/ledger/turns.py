"""Queues and turns in PostgreSQL. The rules are in `transfer.turns`.

Whoever changes a turn holds its queue's lock first, but for what only its owner does: handing out what was called, and
renewing. In the order of locks, queues come after cases and before rounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from transfer.arrivals import Priority
from transfer.identifiers import CaseId, DepartmentId, InstitutionId, RequestId
from transfer.ledger import Row, Tx, rounds
from transfer.ledger.requests import ASKED_FOR, Claimed
from transfer.requests import GIVE_UP_AFTER, SILENT_AFTER, Request
from transfer.rounds import LEASE, Dag
from transfer.turns import LAPSED_FOR, MOST_BEFORE, HeldTurn, Queue, TurnState, WaitingRequest, in_order

#: cases that are told in one sweep that a department has been silent for too long
_TOLD_AT_ONCE = 20

_LIVE = [TurnState.CALLED, TurnState.HANDED_OUT, TurnState.ASKING]
#: the clock, read once for a statement: `transfer.now()` by itself is called for every row, and costs most of the row
_NOW = "(SELECT transfer.now())"
#: a request that may be made at this moment, by whoever has a turn. Its states stand in the text, as they do in the
#: indexes: with a parameter no partial index would be used
_MAY_BE_MADE = f"""r.state IN ({", ".join(f"'{state}'" for state in ASKED_FOR)}) AND r.not_before <= {_NOW}
    AND (r.lease_until IS NULL OR r.lease_until <= {_NOW}) AND c.is_open"""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """How a department's queue stands."""

    queue: Queue
    #: turns given and not used up: to cases whose round is on its way, and to those that are being asked for
    called: int
    in_flight: int
    waiting: int


def lock(tx: Tx, institution: InstitutionId, department: DepartmentId) -> Queue:
    """Lock a department's queue until the transaction ends. Turns whose lease is over are none any more."""
    key = (institution, department)
    tx.run("INSERT INTO queues (institution, department) VALUES (%s, %s) ON CONFLICT DO NOTHING", *key)
    row = tx.row("SELECT * FROM queues WHERE institution = %s AND department = %s FOR UPDATE", *key)
    tx.run(
        """DELETE FROM turns WHERE institution = %s AND department = %s AND state = 'lapsed'
             AND until <= transfer.now() - %s""",
        *(*key, LAPSED_FOR),
    )
    tx.run(
        """UPDATE turns SET state = 'lapsed' WHERE institution = %s AND department = %s AND state <> 'lapsed'
             AND until <= transfer.now()""",
        *key,
    )
    return _queue(row)


def look_at_queue(tx: Tx, institution: InstitutionId, department: DepartmentId) -> Queue:
    """The queue as it stands, to show."""
    row = tx.row("SELECT * FROM queues WHERE institution = %s AND department = %s", institution, department)
    return _queue(row) if row else Queue()


def held(tx: Tx, institution: InstitutionId, department: DepartmentId) -> list[HeldTurn]:
    """The turns that are given and live."""
    rows = tx.rows(
        """SELECT * FROM turns WHERE institution = %s AND department = %s AND state = ANY(%s)
             AND until > transfer.now()""",
        *(institution, department, _LIVE),
    )
    return [
        HeldTurn(request=RequestId(row.request), priority=Priority(row.priority), state=TurnState(row.state))
        for row in rows
    ]


_WAITS = f"""FROM requests AS r JOIN cases AS c USING (case_id) LEFT JOIN turns AS t USING (request)
    WHERE {_MAY_BE_MADE} AND (t.request IS NULL OR t.state = 'lapsed' OR t.until <= {_NOW})"""
_WAITING = "SELECT r.request, r.case_id, r.not_before, r.priority, c.needed_by, t.until"


def waiting(tx: Tx, institution: InstitutionId, department: DepartmentId) -> list[WaitingRequest]:
    """The requests that may be made now and have no turn, the next one first: the whole line, by which
    `next_waiting` and `before` are measured.
    """
    query = f"{_WAITING} {_WAITS} AND r.institution = %s AND r.department = %s"
    return _line(tx, tx.rows(query, institution, department))


def waiting_request(tx: Tx, request: Request) -> WaitingRequest | None:
    """The request as it waits for its turn; None: it waits for none."""
    line = _line(tx, tx.rows(f"{_WAITING} {_WAITS} AND r.request = %s", request.id))
    return line[0] if line else None


def before(tx: Tx, institution: InstitutionId, department: DepartmentId, one: WaitingRequest) -> int:
    """How many wait before this one, as urgent as they are, whoever's turn lapsed just now; `MOST_BEFORE` at most."""
    more_urgent = [each for each in Priority if each.rank < one.priority.rank]
    return int(
        tx.value(
            f"""SELECT count(*) FROM (SELECT {_WAITS} AND r.institution = %s AND r.department = %s
                  AND (r.priority = ANY(%s) OR r.priority = %s AND
                    (coalesce(r.needed_by, 'infinity'), r.not_before, r.request) < (%s::date, %s, %s))
                LIMIT %s) AS ahead""",  # noqa: S608  our own text
            *(institution, department, more_urgent, one.priority),
            *(one.needed_by or "infinity", one.since, one.request, MOST_BEFORE),
        )
    )


def next_waiting(tx: Tx, institution: InstitutionId, department: DepartmentId, most: int) -> list[WaitingRequest]:
    """Of those who wait, as many as matter where so many may be chosen, the next one first.

    Whoever is chosen is the most urgent or has waited longest, of those of its priority. So the first of each order are
    read, for each priority, and those whose turn lapsed. Fewer than `most` came only where no more wait. The caller
    holds the queue's lock.
    """
    place = institution, department
    first = *place, LAPSED_FOR
    return _line(tx, tx.rows(_NEXT_WAITING.format(most=int(most)), *first, *first, *place, LAPSED_FOR))


_FIRST = f"""SELECT r.request, r.case_id, r.not_before, r.priority, c.needed_by, NULL::timestamptz AS until
    FROM requests AS r JOIN cases AS c USING (case_id)
    WHERE r.institution = %s AND r.department = %s AND r.priority = p.priority AND {_MAY_BE_MADE}
      AND NOT EXISTS (SELECT FROM turns AS t WHERE t.request = r.request AND t.until > {_NOW} - %s)"""  # noqa: S608  our own text
#: priorities and `most` stand in the text: the planner counts them, and keeps its plan
_NEXT_WAITING = f"""
    SELECT w.* FROM (VALUES {", ".join(f"('{one}')" for one in Priority)}) AS p (priority) CROSS JOIN LATERAL (
        ({_FIRST} ORDER BY r.needed_by, r.not_before, r.request LIMIT {{most}})
        UNION ({_FIRST} ORDER BY r.not_before, r.request LIMIT {{most}})) AS w
    UNION ALL
    SELECT r.request, r.case_id, r.not_before, r.priority, c.needed_by, t.until
    FROM turns AS t JOIN requests AS r USING (request) JOIN cases AS c USING (case_id)
    WHERE t.institution = %s AND t.department = %s AND t.state = 'lapsed' AND t.until > {_NOW} - %s
      AND {_MAY_BE_MADE}"""  # noqa: S608  our own text


def _line(tx: Tx, rows: Sequence[Row]) -> list[WaitingRequest]:
    found = [
        WaitingRequest(
            request=RequestId(row.request),
            case=CaseId(row.case_id),
            priority=Priority(row.priority),
            needed_by=row.needed_by,
            since=row.not_before,
            lapsed_at=row.until,
        )
        for row in rows
    ]
    return in_order(found, tx.now())


def call(
    tx: Tx,
    institution: InstitutionId,
    department: DepartmentId,
    called: Sequence[WaitingRequest],
    *,
    look_at: datetime | None,
) -> None:
    """Give turns to these. `look_at`: when to look whether others may come; None: nobody waits any more."""
    for one in called:
        tx.run(
            """INSERT INTO turns (request, institution, department, state, priority, until)
               VALUES (%s, %s, %s, 'called', %s, transfer.now() + %s)
               ON CONFLICT (request) DO UPDATE SET state = 'called', priority = excluded.priority, claim = NULL,
                 until = excluded.until""",
            *(one.request, institution, department, one.priority, LEASE),
        )
    tx.run(
        "UPDATE queues SET given = given + %s, look_at = %s WHERE institution = %s AND department = %s",
        *(len(called), look_at, institution, department),
    )


def hand_out(tx: Tx, requests: Sequence[RequestId]) -> set[RequestId]:
    """Those of these that were called. Their round hands them to its tasks, and no other round does."""
    rows = tx.rows(
        """UPDATE turns SET state = 'handed-out', until = transfer.now() + %s
           WHERE request = ANY(%s) AND state = 'called' AND until > transfer.now() RETURNING request""",
        *(LEASE, list(requests)),
    )
    return {RequestId(row.request) for row in rows}


def begin(tx: Tx, claimed: Claimed, priority: Priority) -> None:
    """It is being asked now, by whoever has this claim. The caller holds the queue's lock, and saw that it may be."""
    made = claimed.request
    tx.run(
        """INSERT INTO turns (request, institution, department, state, priority, claim, until)
           VALUES (%s, %s, %s, 'asking', %s, %s, transfer.now() + %s)
           ON CONFLICT (request) DO UPDATE SET state = 'asking', priority = excluded.priority, claim = excluded.claim,
             until = excluded.until""",
        *(made.id, made.institution, made.department, priority, claimed.claim, LEASE),
    )


def renew(tx: Tx, claimed: Claimed) -> bool:
    """Keep the turn for another lease. False: it lapsed, and another may have it."""
    return bool(
        tx.run(
            "UPDATE turns SET until = transfer.now() + %s WHERE request = %s AND claim = %s AND state = 'asking'",
            *(LEASE, claimed.request.id, claimed.claim),
        )
    )


def give_back(tx: Tx, request: Request, claim: int | None) -> None:
    """The turn is over. One in which another task asks stays: `claim` is our own, None where we never asked."""
    tx.run(
        "DELETE FROM turns WHERE request = %s AND (state <> 'asking' OR claim IS NOT DISTINCT FROM %s)",
        *(request.id, claim),
    )


def remember(tx: Tx, institution: InstitutionId, department: DepartmentId, queue: Queue) -> None:
    """Keep what was learned of a department: whether it answers."""
    tx.run(
        """UPDATE queues SET failures = %s, silent_since = %s, rests_until = %s
           WHERE institution = %s AND department = %s""",
        *(queue.failures, queue.silent_since, queue.rests_until, institution, department),
    )


def end_rest(tx: Tx, request: Request) -> None:
    """A person says that it is to be asked now: its department rests no longer."""
    tx.run(
        "UPDATE queues SET rests_until = NULL WHERE institution = %s AND department = %s",
        *(request.institution, request.department),
    )


def priority_of(tx: Tx, case: CaseId) -> Priority:
    return Priority(tx.value("SELECT priority FROM cases WHERE case_id = %s", case) or Priority.ROUTINE)


def figures(tx: Tx, institution: InstitutionId, department: DepartmentId) -> QueueFigures:
    """How the queue stands at this moment, to show."""
    turns = held(tx, institution, department)
    in_flight = sum(turn.state is TurnState.ASKING for turn in turns)
    return QueueFigures(
        queue=look_at_queue(tx, institution, department),
        called=len(turns) - in_flight,
        in_flight=in_flight,
        waiting=len(waiting(tx, institution, department)),
    )


def unanswered(tx: Tx, case: CaseId) -> set[RequestId]:
    """The requests of a case that have waited for a day for departments that answered nobody for a day.

    They count as given up (`requests.is_given_up`), without having been made themselves.
    """
    rows = tx.rows(f"SELECT r.request {_UNANSWERED} AND r.case_id = %s", *_GIVEN_UP, case)
    return {RequestId(row.request) for row in rows}


_UNANSWERED = f"""FROM requests AS r JOIN cases AS c USING (case_id) JOIN queues AS q USING (institution, department)
    WHERE {_MAY_BE_MADE} AND q.failures >= %s AND q.silent_since <= {_NOW} - %s
      AND r.not_before <= {_NOW} - %s"""
_GIVEN_UP = (GIVE_UP_AFTER, SILENT_AFTER, SILENT_AFTER)


# --- the sweep ------------------------------------------------------------------------------------------------------


def sweep(tx: Tx) -> None:
    """Owe a round wherever time alone may have given somebody a turn, or a day's silence an end.

    A process that died with a turn tells nobody. Nor does the end of a rest, or of quiet hours. Who may come is decided
    by the round: it knows the institutions' files, which the dispatcher does not.
    """
    to_look = tx.rows(
        """SELECT institution, department FROM queues AS q
           WHERE EXISTS (SELECT 1 FROM turns AS t WHERE t.institution = q.institution AND t.department = q.department
                           AND t.state <> 'lapsed' AND t.until <= transfer.now())
              OR q.look_at <= transfer.now() AND NOT EXISTS (
                SELECT 1 FROM turns AS t WHERE t.institution = q.institution AND t.department = q.department
                  AND t.state <> 'lapsed')
           ORDER BY 1, 2"""
    )
    owed = {case for row in to_look if (case := _next_case(tx, row.institution, row.department))}
    told = tx.rows(f"SELECT DISTINCT r.case_id {_UNANSWERED} LIMIT %s", *_GIVEN_UP, _TOLD_AT_ONCE)
    for case in sorted(owed | {CaseId(row.case_id) for row in told}):
        rounds.owe(tx, Dag.OPEN_CASE, case)


def _next_case(tx: Tx, institution: str, department: str) -> CaseId | None:
    """Whose round looks at this queue; it is not looked at again for as long as a lease lasts."""
    place = InstitutionId(institution), DepartmentId(department)
    lock(tx, *place)
    line = next_waiting(tx, *place, 1)
    look_at: timedelta | None = LEASE if line else None
    tx.run(
        "UPDATE queues SET look_at = transfer.now() + %s WHERE institution = %s AND department = %s",
        *(look_at, *place),
    )
    return line[0].case if line else None


def _queue(row: Row) -> Queue:
    return Queue(given=row.given, failures=row.failures, silent_since=row.silent_since, rests_until=row.rests_until)
