"""How long the links of a packet work, by the facts alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from transfer import facts
from transfer.case import Case, fold
from transfer.facts import GENESIS, Chain, Fact, Origin, write
from transfer.identifiers import CaseId, PacketId
from transfer.links import LinkEnd, ended, lapse_at

CASE = CaseId("c0123456789a")
PACKET = PacketId.of(CASE, 1)
HANDED_OVER = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = 30

BEGUN = facts.DisclosureBegun(
    disclosure="d", packet=PACKET, recipient="summit", purpose="TREAT", bases=("authorization",), permissions=("m",)
)


def after(*told: Fact) -> Case:
    """A case whose packet was handed over, and what was told since."""
    all_told = (facts.PacketPlanned(packet=PACKET, is_partial=False), BEGUN, *told)
    by = Origin(process="test")
    return fold(
        CASE, (write(Chain.case(CASE), n, HANDED_OVER, by, fact, GENESIS) for n, fact in enumerate(all_told, 1))
    )


def said(status: str) -> Fact:
    return facts.ReceiptRecorded(packet=PACKET, status=status, arrival="a")


@pytest.mark.parametrize(
    ("told", "end"),
    [
        ((), None),
        ((said("accepted"),), None),
        ((said("declined"),), LinkEnd.DECLINED),
        ((facts.CaseClosed(ending="opinion-given"),), LinkEnd.CASE_CLOSED),
        ((said("accepted"), facts.CaseClosed(ending="opinion-given")), LinkEnd.CASE_CLOSED),
        ((facts.PacketRecalled(packet=PACKET),), LinkEnd.RECALLED),
        ((facts.PacketPurged(packet=PACKET),), LinkEnd.PURGED),
        ((facts.PacketRecalled(packet=PACKET), facts.PacketPurged(packet=PACKET)), LinkEnd.PURGED),
    ],
)
def test_a_link_ends_with_the_first_that_ends_it(told: tuple[Fact, ...], end: LinkEnd | None):
    assert ended(after(*told), PACKET, DAYS, HANDED_OVER + timedelta(days=29)) is end


def test_it_works_for_its_days_to_the_moment():
    lapse = HANDED_OVER + timedelta(days=DAYS)

    assert lapse_at(after(), PACKET, DAYS) == lapse
    assert ended(after(), PACKET, DAYS, lapse - timedelta(microseconds=1)) is None
    assert ended(after(), PACKET, DAYS, lapse) is LinkEnd.LAPSED
    assert ended(after(said("accepted")), PACKET, DAYS, lapse) is LinkEnd.LAPSED


def test_its_days_begin_anew_when_the_hand_over_does():
    later = HANDED_OVER + timedelta(days=20)
    case = after(facts.DisclosureSettled(disclosure="d", outcome="not-made"))
    sent = replace(case.packets[PACKET], begun_at=later)

    assert lapse_at(replace(case, packets={PACKET: sent}), PACKET, DAYS) == later + timedelta(days=DAYS)


def test_a_packet_that_the_case_does_not_know_has_no_link():
    assert ended(after(), PacketId.of(CASE, 2), DAYS, HANDED_OVER) is LinkEnd.PURGED
    assert lapse_at(after(), PacketId.of(CASE, 2), DAYS) is None


def test_a_recalled_packet_is_not_on_its_way():
    newest = after(facts.PacketRecalled(packet=PACKET)).newest_packet

    assert newest
    assert not newest.is_on_its_way
