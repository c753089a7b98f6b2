"""What the database holds as text is a value of one of our enumerations, and stays what it was when it was stored."""

import re
from enum import StrEnum

import pytest

from tests.kit.builders import LAKESIDE, comes, new_services
from transfer.arrivals import ArrivalKind, ArrivalOutcome, ArrivalState
from transfer.disclosures import DisclosureOutcome, EgressOutcome
from transfer.errors import Unreadable
from transfer.holds import HoldAnswer, SystemAnswer
from transfer.ledger import Ledger, arrivals
from transfer.ledger.arrivals import AnyOutcome
from transfer.matching import MatchRule
from transfer.permissions import End
from transfer.requests import RequestAnswer
from transfer.rounds import RoundState


@pytest.mark.servers
@pytest.mark.parametrize(("kind", "ours"), [("arrival_state", ArrivalState), ("round_state", RoundState)])
def test_a_type_of_the_database_has_our_values(ledger: Ledger, kind: str, ours: type[StrEnum]):
    with ledger.transaction() as tx:
        values = tx.value(f"SELECT enum_range(NULL::transfer.{kind})::text[]")

    assert set(values) == set(ours)


@pytest.mark.servers
@pytest.mark.parametrize(
    ("table", "column", "ours"), [("disclosures", "outcome", DisclosureOutcome), ("permissions", "ended", End)]
)
def test_a_check_of_the_database_names_our_values(ledger: Ledger, table: str, column: str, ours: type[StrEnum]):
    with ledger.transaction() as tx:
        (check,) = tx.rows(
            """SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint
               WHERE conrelid = %s::regclass AND contype = 'c' AND pg_get_constraintdef(oid) LIKE %s""",
            *(f"transfer.{table}", f"%({column} = ANY%"),
        )

    assert set(re.findall(r"'([^']+)'", check.text)) == set(ours)


@pytest.mark.parametrize(
    ("ours", "stored"),
    [
        (
            HoldAnswer,
            "approve wait purge keep ours not-ours seen again open-again sent dispute do-without leave-out whole "
            "part revoke resume end delta recall tell reply",
        ),
        (SystemAnswer, "answered approved permitted purged given-up asked-anew closed"),
        (
            RequestAnswer,
            "no-records not-found will-send in-progress ready-on not-signed rest-follows already-sent form-required "
            "authorization-not-accepted identifier-required fee-required held-elsewhere refused unclear completed "
            "again form-sent fee-approved fee-disputed ask-elsewhere do-without",
        ),
        (EgressOutcome, "sent broken cut died"),
    ],
)
def test_what_is_stored_without_a_check_is_read_still(ours: type[StrEnum], stored: str):
    assert {str(one) for one in ours} == set(stored.split())


@pytest.mark.servers
@pytest.mark.parametrize(
    ("why", "stored"),
    [
        (ArrivalOutcome.RECEIPT_AGAIN, "receipt again"),
        (MatchRule.UNCONFIRMED, "unconfirmed"),
        ({MatchRule.UNCONFIRMED, MatchRule.NAME_AND_BIRTH_DATE}, "name-and-birth-date,unconfirmed"),
        (Unreadable("no PID"), "unreadable: no PID"),
    ],
)
def test_why_an_arrival_is_held_is_written_in_words(ledger: Ledger, why: AnyOutcome, stored: str):
    came = comes(new_services(ledger), LAKESIDE, ArrivalKind.ANSWER, b"a note", "text/plain")
    with ledger.transaction() as tx:
        note = arrivals.claim(tx, came.arrival)
        assert note
        arrivals.settle(tx, note, ArrivalState.HELD, why)

        row = tx.row("SELECT state, outcome FROM arrivals WHERE arrival = %s", came.arrival)

    assert row == ("held", stored)
