"""However many cases there are, a page sends as many statements and reads as many rows."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk
from tests.kit.neighbours import close_all_but, multiply
from tests.kit.staff import ANN
from transfer.embedded.postgres import Postgres
from transfer.flow.desk import dossier, find_cases, list_cases, receive_material
from transfer.flow.searchable import make_searchable
from transfer.flow.services import Services
from transfer.flow.telling import tell_all
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId
from transfer.ledger import (
    Ledger,
    Tx,
    case_lists,
    holds,
    materials,
    patients,
    purging,
    requests,
    rounds,
    search_terms,
    turns,
)
from transfer.searching import sought

pytestmark = pytest.mark.servers

#: how often all of four cases are copied: 20 cases, and then nearly 400, for some copies are those of before
FIRST, AGAIN = 5, 20
_READ = "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"


class Cost:
    """What the pages since the last `clear` cost the database: its own statements, and the rows that they read."""

    def __init__(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements: Counter[str] = Counter()
        self.rows = 0
        # With few rows the planner reads whole tables: the test is about what the indexes can do.
        ledger.follow(self._begin)
        execute, project = psycopg.Connection.execute, Tx.project

        def counted(connection: psycopg.Connection[Any], query: Any, *values: Any, **how: Any) -> Any:
            if "migrations" not in str(query):  # asked every few seconds, whatever the page
                self.statements[" ".join(str(query).split())] += 1
            return execute(connection, query, *values, **how)

        def measured(tx: Tx) -> None:
            project(tx)
            self.rows += self._read(tx)

        monkeypatch.setattr(psycopg.Connection, "execute", counted)
        monkeypatch.setattr(Tx, "project", measured)

    def _begin(self, tx: Tx) -> None:
        tx.run("SET LOCAL enable_seqscan = off")
        self.rows -= self._read(tx)  # what the connection has not told the server's statistics yet

    def _read(self, tx: Tx) -> int:
        return int(tx.value(_READ))

    def of(self, page: Callable[[], Any]) -> tuple[Counter[str], int]:
        page()  # what is told or written for the first time is not counted
        rows = []
        for _ in range(2):  # what somebody reads beside it, as the server's own upkeep, is not the page's
            self.statements.clear()
            self.rows = 0
            assert page().status_code == 200
            rows.append(self.rows)
        return Counter(self.statements), min(rows)


@contextmanager
def owned(migrated: Postgres) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(migrated.url("owner"), options="-csearch_path=transfer", autocommit=True) as owner:
        yield owner


def real_cases(services: Services) -> tuple[list[CaseId], str]:
    """Some of each kind, and the family name of one of their patients."""
    chart = b.a_chart()
    cases = [b.a_case_without_slides(services, chart), b.a_case(services), b.a_case(services, form=False)]
    return [*cases, b.a_case(services)], str(chart["patient"]["family"])


@pytest.mark.usefixtures("new_connections")
def test_a_page_costs_the_same_among_twenty_cases_and_four_hundred(
    browser: Desk, migrated: Postgres, monkeypatch: pytest.MonkeyPatch
):
    cases, name = real_cases(browser.services)
    cost = Cost(browser.services.ledger, monkeypatch)
    pages: dict[str, Callable[[], Any]] = {
        "today": lambda: browser.get("/desk/"),
        "a part": lambda: browser.get("/desk/list/others"),
        "find by name": lambda: browser.post("/desk/find", {"name": name}),
        "find by our number": lambda: browser.post("/desk/find", {"number": cases[1]}),
        "a case": lambda: browser.get(f"/desk/cases/{cases[0]}"),
        "to do": lambda: browser.get("/desk/decisions"),
        "incoming": lambda: browser.get("/desk/incoming"),
        "who answers": lambda: browser.get("/desk/sources"),
    }
    found: dict[str, list[tuple[Counter[str], int]]] = {page: [] for page in pages}
    for times in (FIRST, AGAIN):
        with owned(migrated) as owner:
            multiply(owner, times)
            close_all_but(owner, [str(case) for case in cases])
            owner.execute("VACUUM (ANALYZE)")
        for page, ask in pages.items():
            found[page].append(cost.of(ask))

    with owned(migrated) as owner:
        assert owner.execute("SELECT count(*) > 380 FROM cases").fetchone() == (True,)
    for page, ((few, few_rows), (many, many_rows)) in found.items():
        assert many == few, page
        assert many_rows <= few_rows + 5, f"{page}: {few_rows} rows among few cases, {many_rows} among many"


@pytest.mark.usefixtures("new_connections")
def test_what_may_be_undecided_is_found_by_itself_however_many_questions_are_open(
    browser: Desk, migrated: Postgres, ledger: Ledger
):
    """Each copy is open and has a question of its own, as its pattern has; the last case has none."""
    asked = b.a_case(browser.services, form=False)
    lone = b.a_case_without_slides(browser.services)
    with ledger.transaction() as tx:
        for hold in holds.open_holds(tx, lone):
            holds.resolve(tx, hold.id, SystemAnswer.CLOSED)
    tell_all(browser.services)
    read: list[int] = []
    for times in (FIRST, AGAIN):
        with owned(migrated) as owner:
            owner.execute("UPDATE cases SET owner = 'desk', decided_line = line")
            owner.execute("UPDATE cases SET decided_line = NULL WHERE case_id = %s", [lone])
            multiply(owner, times)
            owner.execute("UPDATE cases SET decided_line = line WHERE case_id <> %s", [lone])
            owner.execute("VACUUM (ANALYZE)")
        with ledger.transaction() as tx:
            tx.run("SET LOCAL enable_seqscan = off")
            before = int(tx.value(_READ))
            found = case_lists.may_be_undecided(tx, limit=100)
            read.append(int(tx.value(_READ)) - before)

    assert (asked != lone, found) == (True, [lone])
    assert read[1] <= read[0] + 5, f"{read[0]} rows among few open cases, {read[1]} among many"


_MAY_BE_UNDECIDED = """SELECT case_id, may_be_undecided FROM cases"""
_AS_IT_IS = """SELECT c.case_id,
      NOT EXISTS (SELECT FROM holds AS h WHERE h.subject = c.case_id AND h.resolved_at IS NULL)
      OR EXISTS (SELECT FROM materials AS m WHERE m.case_id = c.case_id
        AND (m.state IN ('wanted', 'discrepant') OR m.state = 'in-hand' AND m.received <> m.expected))
    FROM cases AS c"""


def test_a_row_says_whether_its_case_may_be_undecided_after_each_question_and_each_count(services: Services):
    """As the questions and the pieces of the case are then."""
    seen: set[bool] = set()

    def is_as_it_is() -> None:
        with services.ledger.transaction() as tx:
            said = {row[0]: row[1] for row in tx.rows(_MAY_BE_UNDECIDED)}
            assert said == {row[0]: row[1] for row in tx.rows(_AS_IT_IS)}
            seen.add(said[case])

    case = b.a_case(services)
    is_as_it_is()
    receive_material(services, case, pieces=3, announced=4, accession="S26-10071", actor=ANN)
    is_as_it_is()
    with services.ledger.transaction() as tx:
        (kept,) = materials.of_case(tx, case, b.patient_of(services, case))
        materials.announce(tx, case, kept, 3)
    is_as_it_is()
    with services.ledger.transaction() as tx:
        holds.place(tx, case, HoldCode.MACHINERY_BROKEN, "open_case")
    is_as_it_is()
    with services.ledger.transaction() as tx:
        holds.withdraw(tx, case, HoldCode.MACHINERY_BROKEN, SystemAnswer.CLOSED)
    is_as_it_is()

    assert seen == {True, False}


@pytest.mark.usefixtures("new_connections")
def test_of_a_common_name_the_first_ones_alone_are_read_and_beside_a_rare_one_none(
    browser: Desk, migrated: Postgres, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(search_terms, "_FEW", 15)  # of the common name there are more on both sides
    cases, common = real_cases(browser.services)
    first, other = (b.patient_of(browser.services, case) for case in cases[:2])
    make_searchable(browser.services)
    with ledger.transaction() as tx:
        who = patients.identity(tx, other)
    assert who
    rare = sought(who.current.names[0].family).groups
    read: list[list[int]] = []
    for times in (FIRST, AGAIN):
        with owned(migrated) as owner:
            multiply(owner, times)
            # all bear the name; what is written after the last VACUUM is looked up row by row, and so is counted
            owner.execute(_SAME_TERMS, [first])
        with ledger.transaction() as tx:
            tx.run("SET LOCAL enable_seqscan = off")
            told = [int(tx.value(_READ))]
            assert len(search_terms.found(tx, sought(common).groups, 10)) == 10
            told.append(int(tx.value(_READ)))
            assert search_terms.found(tx, (*sought(common).groups, *rare), 10) == [other]
            told.append(int(tx.value(_READ)))
            read.append([later - before for before, later in pairwise(told)])

    for few, many in zip(*read, strict=True):
        assert many <= few + 5, f"{few} rows among few of the name, {many} among many"


_SAME_TERMS = """INSERT INTO search_terms SELECT s.term, p.patient FROM search_terms AS s, patients AS p
    WHERE s.patient = %s ON CONFLICT DO NOTHING"""
#: how often each was planned for its values. Of a chain's lines it does not matter: among many cases a plan is kept
_PLANNED = """SELECT statement, custom_plans FROM pg_prepared_statements
    WHERE statement NOT LIKE '%%LEFT JOIN chain_heads%%'"""


@pytest.mark.usefixtures("new_connections")
def test_a_statement_that_is_asked_often_is_not_planned_anew_each_time(browser: Desk, migrated: Postgres):
    """PostgreSQL plans a statement five times for its values, and then keeps a plan for any, if that looks as good."""
    cases, name = real_cases(browser.services)
    with owned(migrated) as owner:
        multiply(owner, AGAIN * FIRST)
        close_all_but(owner, [str(case) for case in cases])
        owner.execute("VACUUM (ANALYZE)")
    ledger, services = browser.services.ledger, browser.services
    ledger.follow(lambda tx: tx.run("SET LOCAL enable_seqscan = off"))
    planned: list[dict[str, int]] = []
    for time in range(20):
        list_cases(services, actor=ANN)
        dossier(services, cases[0], actor=ANN)
        find_cases(services, actor=ANN, name=name, identity=True)
        with ledger.transaction() as tx:
            purging.is_housekeeping_due(tx)
            rounds.postable(tx)
            turns.sweep(tx)
            requests.sweep(tx)
            if time in (9, 19):
                planned.append({" ".join(row.statement.split()): row.custom_plans for row in tx.rows(_PLANNED)})

    before, after = planned
    assert [one for one, times in after.items() if times - before.get(one, 0) >= 5] == []


def test_a_call_list_is_paged_and_folds_no_case(browser: Desk, migrated: Postgres, monkeypatch: pytest.MonkeyPatch):
    b.a_case(browser.services)
    with owned(migrated) as owner:
        multiply(owner, 60)
    path = f"/desk/sources/{b.PRAIRIE}"
    cost = Cost(browser.services.ledger, monkeypatch)

    statements, _ = cost.of(lambda: browser.get(path))
    pages = [browser.get(f"{path}?page={number}").text for number in (1, 2, 9)]

    assert not [one for one in statements if "FROM facts WHERE chain" in one and "kind" not in one]
    assert [page.count("/answer/") for page in pages] == [50, 10, 10]
    assert "Page 2 of 2" in pages[2]
    assert "needed first at the top: 60." in pages[0]
