"""A case is what its facts say, in their order, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from transfer import facts
from transfer.case import Case, Stage, fold
from transfer.facts import GENESIS, Chain, Fact, Origin, write
from transfer.identifiers import CaseId

ID = CaseId("c00000000000")
AT = datetime(2026, 11, 21, tzinfo=UTC)

OPENED = facts.CaseOpened(
    patient="p1", referral="a1", receiver="summit", referring="lakeside", checklist="colorectal",
    checklist_version="1", priority="routine", sources=("lakeside",),
)  # fmt: skip
MADE = facts.RequestMade(request="q1", institution="lakeside", department="records-office", lines=("notes",))
PURGED = facts.PacketPurged(packet="c00000000000-p1")
PLANNED = facts.PacketPlanned(packet="c00000000000-p1", is_partial=False)
ASSEMBLED = facts.PacketAssembled(packet="c00000000000-p1", records=("r1",), lacking=(), tag_manifest="00", size=1)
BEGUN = facts.DisclosureBegun(
    disclosure="d1", packet="c00000000000-p1", recipient="summit", purpose="TREAT", bases=("treatment",), permissions=()
)
MADE_IT = facts.DisclosureSettled(disclosure="d1", outcome="made")
ACCEPTED = facts.ReceiptRecorded(packet="c00000000000-p1", status="accepted", arrival="a2")
DECLINED = facts.ReceiptRecorded(packet="c00000000000-p1", status="declined", arrival="a2", reasons=("images",))


def after(*happened: Fact) -> Case:
    chain = Chain.case(ID)
    lines = []
    for n, fact in enumerate(happened, 1):
        lines.append(write(chain, n, AT + timedelta(seconds=n), Origin(process="test"), fact, GENESIS))
    return fold(ID, lines)


@pytest.mark.parametrize(
    ("happened", "stage"),
    [
        ((), Stage.REFERRED),
        ((OPENED,), Stage.GATHERING),
        ((OPENED, MADE), Stage.GATHERING),
        ((OPENED, PLANNED), Stage.PACKING),
        ((OPENED, PLANNED, ASSEMBLED), Stage.PACKING),
        ((OPENED, PLANNED, ASSEMBLED, BEGUN), Stage.SENDING),
        ((OPENED, PLANNED, ASSEMBLED, BEGUN, MADE_IT), Stage.SENDING),
        ((OPENED, PLANNED, ASSEMBLED, BEGUN, MADE_IT, ACCEPTED), Stage.DELIVERED),
        ((OPENED, PLANNED, ASSEMBLED, BEGUN, MADE_IT, DECLINED), Stage.GATHERING),
        ((OPENED, PLANNED, ASSEMBLED, PURGED), Stage.GATHERING),
        ((OPENED, PLANNED, ASSEMBLED, BEGUN, MADE_IT, ACCEPTED, PURGED), Stage.DELIVERED),
        ((OPENED, facts.CaseClosed(ending="died")), Stage.CLOSED),
    ],
)
def test_how_far_a_case_is(happened: tuple[Fact, ...], stage: Stage):
    assert after(*happened).stage is stage


def test_an_approval_lets_one_packet_go():
    approved = facts.CaseApproved(lacking=("slides",))

    assert after(OPENED, approved).approval_is_open
    assert not after(OPENED, approved, PLANNED).approval_is_open


def test_a_resolved_question_is_asked_no_longer():
    asked = facts.HoldOpened(hold="h1", code="approve-partial")

    assert after(OPENED, asked).holds.keys() == {"h1"}
    assert after(OPENED, asked, facts.HoldResolved(hold="h1", answer="approve")).holds == {}


def test_a_study_is_whole_when_its_missing_instances_came():
    collected = facts.RecordCollected(
        record="r1", institution="mercy", document="images", status="final", size=1, content="00", basis="treatment",
        is_whole=False, match_rule="identifier",
    )  # fmt: skip

    assert after(OPENED, collected).whole == frozenset()
    assert after(OPENED, collected, facts.RecordCompleted(record="r1", size=2, content="01")).whole == {"r1"}


def test_folding_twice_gives_the_same_and_changes_nothing():
    happened = (OPENED, MADE, PLANNED, ASSEMBLED)

    assert after(*happened) == after(*happened)
