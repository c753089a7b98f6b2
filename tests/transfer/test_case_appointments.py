"""Which appointment of a case decides, which one a message means, and how facts make them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from transfer import facts
from transfer.appointments import CaseAppointment, deciding, meant, new_key
from transfer.case import EARLIEST, Case, fold
from transfer.facts import GENESIS, Chain, Fact, Origin, write
from transfer.identifiers import CaseId

ID = CaseId("c00000000000")
TODAY = date(2027, 3, 1)
OPENED = facts.CaseOpened(
    patient="p1", referral="a1", receiver="summit", referring="lakeside", checklist="colorectal",
    checklist_version="1", priority="routine", sources=("lakeside",), appointment_at="2027-03-10T15:00:00+00:00",
)  # fmt: skip


def after(*happened: Fact) -> Case:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    lines = [
        write(Chain.case(ID), n, at + timedelta(seconds=n), Origin(process="test"), fact, GENESIS)
        for n, fact in enumerate(happened, 1)
    ]
    return fold(ID, lines)


def one(key: str, day: int, **more: object) -> CaseAppointment:
    at = datetime(2027, 3, day, 15, tzinfo=UTC)
    return replace(CaseAppointment(key=key, at=at, day=at.date()), **more)


def changed(said_in: str, at: str | None) -> Fact:
    return facts.CaseChanged(said_in=said_in, changed=("appointment_at",), appointment_at=at)


@pytest.mark.parametrize(
    ("known", "key"),
    [
        ([], None),
        ([one("a", 10), one("b", 4)], "b"),
        ([one("a", 10), one("b", 4, is_cancelled=True)], "a"),
        ([one("a", 10, is_cancelled=True)], None),
        ([one("a", 10), replace(one("b", 4), at=None)], "b"),
    ],
)
def test_the_earliest_that_stands_decides(known: list[CaseAppointment], key: str | None):
    found = deciding(known, TODAY)

    assert (found.key if found else None) == key


def test_one_that_is_over_decides_only_where_no_other_follows():
    first, second = one("a", 4), one("b", 10)

    assert deciding([first, second], date(2027, 3, 5)) == second
    assert deciding([first, second], date(2027, 3, 20)) == second
    assert deciding([first], date(2027, 3, 20)) == first


@pytest.mark.parametrize(
    ("known", "hmac", "key"),
    [
        ([], "h1", None),
        ([one("referral", 10)], "h1", "referral"),
        ([one("a", 10, hmac="h1"), one("b", 12, hmac="h2")], "h2", "b"),
        ([one("a", 10, hmac="h1")], "h2", None),
        ([one("a", 10, hmac="h1", is_cancelled=True)], "h1", "a"),
        ([one("a", 10, hmac="h1")], None, "a"),
        ([one("a", 10), one("b", 12)], None, None),
        ([one("a", 10), one("b", 12)], "h1", None),
    ],
)
def test_a_message_means_the_one_of_its_number(known: list[CaseAppointment], hmac: str | None, key: str | None):
    found = meant({one.key: one for one in known}, hmac)

    assert (found.key if found else None) == key


def test_a_key_is_given_once():
    assert new_key({"referral": one("referral", 1)}) == "appointment-2"


def test_the_referrals_own_and_others_stand_beside_each_other():
    found = after(
        OPENED,
        facts.AppointmentSet(
            appointment="appointment-2", said_in="desk", at="2027-03-04T15:00:00+00:00", day="2027-03-04"
        ),
        changed(EARLIEST, "2027-03-04T15:00:00+00:00"),
    )

    assert [key for key, one in found.appointments.items() if not one.is_cancelled] == ["referral", "appointment-2"]
    assert found.appointments["referral"].at == datetime(2027, 3, 10, 15, tzinfo=UTC)
    assert found.opened.appointment_at == "2027-03-04T15:00:00+00:00"
    cancelled = facts.AppointmentCancelled(appointment="appointment-2", said_in="desk")
    assert (
        after(OPENED, facts.AppointmentSet(appointment="appointment-2", said_in="desk"), cancelled)
        .appointments["appointment-2"]
        .is_cancelled
    )


@pytest.mark.parametrize("said_in", ["referral", "appointment", "desk"])
def test_a_change_of_the_one_there_is_moves_it_and_one_without_a_time_cancels_it(said_in: str):
    """As ledgers say it that were written before there could be several."""
    moved = after(OPENED, changed(said_in, "2027-03-11T15:00:00+00:00")).appointments
    gone = after(OPENED, changed(said_in, None)).appointments

    assert moved == {"referral": CaseAppointment(key="referral", at=datetime(2027, 3, 11, 15, tzinfo=UTC))}
    assert gone["referral"].is_cancelled
