"""A packet is handed over once, whatever is lost, refused, repeated or killed on the way."""

import hashlib
import io
import json
import os
import signal
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import urllib3

from tests.kit.acts import (
    Journey,
    a_packet,
    download,
    downloading,
    eventually,
    is_announced,
    link,
    named,
    objects,
    started_again,
    steps_to_its_end,
    swept,
    token,
)
from tests.kit.house import House
from tests.kit.processing import process_all
from transfer import facts
from transfer.adapters.fhir.codes import PACKET
from transfer.adapters.fhir.receiver import ReceiverClient, Submitted
from transfer.adapters.http import HttpLimits
from transfer.arrivals import ArrivalKind
from transfer.case import Stage
from transfer.errors import Unheard
from transfer.flow.assemble import assemble
from transfer.flow.deliver import deliver
from transfer.flow.housekeeping import remove_orphaned
from transfer.flow.services import Services
from transfer.flow.settle import settle
from transfer.holds import HoldAnswer
from transfer.identifiers import PacketId
from transfer.institutions import Receiving
from transfer.ledger import arrivals, packets
from transfer.ledger.disclosures import Sender

pytestmark = pytest.mark.servers

LATER = timedelta(minutes=2)


def impatient(services: Services) -> Services:
    """Without the half minute that a receiver is waited for."""
    limits = HttpLimits(silence_seconds=1.0)
    return replace(services, hand_to=lambda receiving: ReceiverClient(receiving.fhir_url, receiving.token, limits))


def outcomes(journey: Journey) -> list[str]:
    return [fact.outcome for fact in journey.facts(facts.DisclosureSettled)]


def assert_effective_once(journey: Journey) -> None:
    """The receiver was given it once, and the trail says so without gap or contradiction."""
    assert journey.at_center()["submissions"] == 1
    begun = journey.facts(facts.DisclosureBegun)
    assert len(begun) == 1 + outcomes(journey).count("not-made")
    row = journey.row("SELECT * FROM disclosures WHERE packet = %s", journey.packet)
    assert {(fact.disclosure, "made") for fact in begun} == {(row.disclosure, row.outcome)}
    assert outcomes(journey)[-1] == "made"
    assert outcomes(journey).count("made") == 1
    rows = journey.egress()
    assert all(one.closed_at for one in rows)
    closed = {fact.egress: (fact.channel, fact.size, fact.outcome) for fact in journey.facts(facts.EgressClosed)}
    assert closed == {one.egress: (one.channel, one.size, one.outcome) for one in rows}
    assert len(journey.facts(facts.EgressClosed)) == len(rows)


# --- answers that are lost or unkind ----------------------------------------------------------------------------------


def test_an_answer_that_is_lost_is_asked_about_before_anything_is_sent_again(
    house: House, hours_pass: Callable[[timedelta], None]
):
    house.behave("center", answer="silent-after-taking", receipt="none")
    journey = a_packet(house)
    process_all(impatient(house.services))
    assert outcomes(journey) == ["unknown"]
    assert journey.folded.stage is Stage.SENDING
    house.behave("center", answer="error-503")  # it does not say either
    hours_pass(LATER)
    process_all(house.services)
    assert outcomes(journey) == ["unknown"]
    house.behave("center", answer="normal")
    hours_pass(LATER)
    process_all(house.services)
    assert outcomes(journey) == ["unknown", "made"]
    eventually(lambda: not any(one.closed_at is None for one in journey.egress()))
    assert_effective_once(journey)


def test_a_receiver_that_is_busy_is_given_it_later_once(house: House, hours_pass: Callable[[timedelta], None]):
    house.behave("center", answer="error-503", fetch=False)
    journey = a_packet(house)
    process_all(house.services)
    assert outcomes(journey) == ["not-made"]
    assert not journey.at_center()
    assert [one.size for one in journey.egress()] == [0]
    hours_pass(LATER)
    process_all(house.services)
    house.behave("center", answer="normal")
    hours_pass(LATER)
    process_all(house.services)
    assert_effective_once(journey)
    hours_pass(LATER)
    process_all(house.services)
    assert_effective_once(journey)


def test_a_receiver_that_is_down_is_given_it_when_it_is_back(house: House, hours_pass: Callable[[timedelta], None]):
    journey = assembled(house)
    center = house.system.pid("sandbox-center")
    os.kill(center, signal.SIGKILL)
    process_all(house.services)
    assert outcomes(journey) == ["not-made"]
    started_again(house, "sandbox-center", center)
    house.behave("center", fetch=False)
    hours_pass(LATER)
    process_all(house.services)
    assert_effective_once(journey)


# --- receipts ---------------------------------------------------------------------------------------------------------


def say(journey: Journey, word: str, *reasons: str, who: str = "center", at: str = "2026-01-01T10:00:00Z") -> int:
    """A receipt by hand. Another `at` makes it another word about the same packet."""
    task: dict[str, Any] = {
        "resourceType": "Task",
        "status": word,
        "intent": "order",
        "lastModified": at,
        "focus": {"identifier": {"system": PACKET, "value": journey.packet}},
    }
    if reasons:
        task["statusReason"] = {"coding": [{"code": reason} for reason in reasons]}
    with urllib3.PoolManager(retries=False) as http:
        return http.request(
            "POST",
            f"{journey.house.settings.public_url}/fhir/Task",
            body=json.dumps(task).encode(),
            headers={
                "Authorization": f"Bearer {token(journey.house, who)}",
                "Content-Type": "application/fhir+json",
            },
        ).status


def handed_over(house: House, **center: object) -> Journey:
    house.behave("center", **{"fetch": False, "receipt": "none", **center})
    journey = a_packet(house)
    house.process_until(lambda: is_announced(journey))
    return journey


def test_a_receipt_said_twice_counts_once_and_another_word_is_held(house: House):
    journey = handed_over(house)
    assert say(journey, "accepted") == 201
    process_all(house.services)
    assert journey.folded.stage is Stage.DELIVERED
    assert say(journey, "accepted") == 201
    assert say(journey, "accepted", at="2026-01-01T11:00:00Z") == 201
    process_all(house.services)
    assert len(journey.facts(facts.ReceiptRecorded)) == 1
    assert "receipts-disagree" not in house.holds(journey.case)
    assert say(journey, "rejected", "incomplete", at="2026-01-01T12:00:00Z") == 201
    process_all(house.services)
    assert "receipts-disagree" in house.holds(journey.case)
    assert journey.folded.stage is Stage.DELIVERED
    assert len(journey.facts(facts.ReceiptRecorded)) == 1


def test_only_who_was_handed_a_packet_may_speak_of_it(house: House):
    journey = handed_over(house)
    for who in ("oncology", "pathology", "archive"):
        assert say(journey, "accepted", who=who) in (401, 403, 422)
    process_all(house.services)
    assert journey.folded.stage is Stage.SENDING


def test_a_packet_that_is_declined_is_somebodys_decision_and_goes_again_under_a_name(house: House):
    house.behave("center", receipt="rejected", reasons=["incomplete"])
    journey = a_packet(house)
    house.process_until(lambda: "packet-declined" in house.holds(journey.case))
    (receipt,) = journey.facts(facts.ReceiptRecorded)
    assert (receipt.status, receipt.reasons) == ("declined", ("incomplete",))
    assert journey.folded.stage is Stage.GATHERING
    first = journey.packet
    process_all(house.services)
    assert journey.packet == first  # nothing goes by itself
    house.behave("center", receipt="accepted")
    journey.say("packet-declined", HoldAnswer.AGAIN)
    process_all(house.services)
    assert journey.packet == first
    (code,) = {"approve-partial", "approve-release"} & house.holds(journey.case)
    journey.say(code, HoldAnswer.APPROVE)
    house.process_until(lambda: journey.folded.stage is Stage.DELIVERED)
    assert journey.packet != first


def test_a_decline_that_names_a_line_of_the_checklist_has_it_asked_for_again(house: House):
    journey = handed_over(house)
    asked = len(house.access_log("archive"))
    assert say(journey, "rejected", "images") == 201
    process_all(house.services)
    assert "packet-declined" in house.holds(journey.case)
    assert len(house.access_log("archive")) > asked
    assert house.request_states(journey.case)["film-room"] == "answered"
    assert journey.packet.endswith("-p1")


@pytest.mark.parametrize("answer", ["comes", "is lost"])
def test_a_receipt_may_come_before_the_answer_to_the_submission(
    house: House, hours_pass: Callable[[timedelta], None], answer: str
):
    journey = a_packet(house)

    class Quick(ReceiverClient):
        """Its receipt is settled while the submission still waits for its answer."""

        def submit(self, bundle: bytes) -> Submitted:
            taken = super().submit(bundle)
            eventually(lambda: arrived(journey))
            settle(house.services, journey.packet)
            if answer == "is lost":
                raise Unheard("nothing came", maybe_received=True)
            return taken

    def quick(receiving: Receiving) -> ReceiverClient:
        return Quick(receiving.fhir_url, receiving.token)

    process_all(replace(house.services, hand_to=quick))
    assert journey.folded.stage is Stage.DELIVERED
    hours_pass(LATER)
    process_all(house.services)
    assert outcomes(journey) == ["made"]
    assert len(journey.facts(facts.ReceiptRecorded)) == 1
    assert_effective_once(journey)


def arrived(journey: Journey) -> bool:
    with journey.house.services.ledger.transaction() as tx:
        return bool(arrivals.of_subject(tx, journey.packet, ArrivalKind.RECEIPT))


# --- killed -----------------------------------------------------------------------------------------------------------


def delivering(packet: PacketId) -> Callable[[Services], object]:
    def verb(services: Services) -> object:
        with Sender(services.ledger._real) as sender:  # type: ignore[attr-defined]
            return deliver(services, packet, sender)

    return verb


def assembled(house: House) -> Journey:
    house.behave("center", fetch=False)
    journey = a_packet(house)
    assert assemble(house.services, journey.packet)
    return journey


@pytest.mark.parametrize(("nth", "taken"), [(1, False), (2, True)])
def test_a_task_killed_at_the_wire_hands_the_packet_over_once(house: House, nth: int, taken: bool):
    journey = assembled(house)
    assert steps_to_its_end(house, delivering(journey.packet), nth, of="submit")
    assert bool(journey.at_center()) is taken
    assert journey.row("SELECT outcome FROM disclosures WHERE packet = %s", journey.packet).outcome == "begun"
    process_all(house.services)
    assert_effective_once(journey)
    assert outcomes(journey) == (["made"] if taken else ["not-made", "made"])
    assert [one.outcome for one in journey.egress()] == (["died"] if taken else ["died", "sent"])


def test_a_delivery_killed_at_every_step_is_effective_once(house: House):
    journey = assembled(house)
    deadly = 1
    while steps_to_its_end(house, delivering(journey.packet), deadly):
        deadly += 1
    assert deadly > 8
    process_all(house.services)
    assert_effective_once(journey)


def test_two_tasks_that_hand_over_the_same_packet_send_it_once(house: House):
    journey = assembled(house)
    with Sender(house.services.ledger) as living, Sender(house.services.ledger) as other:

        class Slow(ReceiverClient):
            def submit(self, bundle: bytes) -> Submitted:
                assert "another task" in deliver(house.services, journey.packet, other)
                return super().submit(bundle)

        slow = replace(house.services, hand_to=lambda receiving: Slow(receiving.fhir_url, receiving.token))
        deliver(slow, journey.packet, living)
    process_all(house.services)
    assert_effective_once(journey)


def tried_again(house: House) -> None:
    """Deaths are not counted against arrivals: which of them is in hand at each depends on how fast the machine is,
    and that one is held for a person after three is tests/flow/test_receive.py's.
    """
    with psycopg.connect(house.settings.owner_database_url, autocommit=True) as owner:
        owner.execute("UPDATE transfer.arrivals SET lost = 0 WHERE state = 'stored'")


def test_a_worker_killed_after_every_object_it_keeps_leaves_none_behind(
    house: House, hours_pass: Callable[[timedelta], None]
):
    house.behave("center", fetch=False)
    before = objects(house)
    chart = house.a_patient(slices=4)
    house.release_form(chart)
    process_all(house.services)
    journey = Journey(house, chart, house.referral(chart))
    house.pathology_report(chart)
    deadly = 1
    while steps_to_its_end(house, process_all, deadly, of="keep"):
        deadly += 1
        swept(house)
        tried_again(house)
    assert deadly > 5
    kinds = [fact.document for fact in journey.facts(facts.RecordCollected)]
    house.process_until(lambda: "approve-partial" in house.holds(journey.case))
    journey.say("approve-partial", HoldAnswer.APPROVE)
    for nth in (2, 5, 8):
        steps_to_its_end(house, process_all, nth, of="keep")
        swept(house)
    house.process_until(lambda: is_announced(journey))
    assert len(kinds) == len(journey.facts(facts.RecordCollected))

    left = objects(house) - before
    assert left > named(journey)  # the dead did leave something
    hours_pass(timedelta(hours=7))
    remove_orphaned(house.services)
    assert objects(house) - before == named(journey)
    assert len(journey.facts(facts.PacketAssembled)) == 1
    origins = journey.row(
        "SELECT count(*) AS all, count(DISTINCT origin) AS each FROM records WHERE patient = %s", journey.patient
    )
    assert origins.all == origins.each == len(kinds)


def test_a_case_whose_workers_are_killed_at_every_few_steps_comes_to_its_packet_once(house: House):
    house.behave("center", fetch=False)
    chart = house.a_patient(slices=3)
    house.release_form(chart)
    process_all(house.services)
    journey = Journey(house, chart, house.referral(chart))
    house.pathology_report(chart)
    deadly = 1
    while steps_to_its_end(house, process_all, deadly, of="commit"):
        deadly += 5
        swept(house)
    house.process_until(lambda: "approve-partial" in house.holds(journey.case))
    collected = [fact.record for fact in journey.facts(facts.RecordCollected)]
    assert len(collected) == len(set(collected))
    undisturbed = a_packet(house, slices=3)
    assert len(collected) == len(undisturbed.facts(facts.RecordCollected))
    assert len(journey.facts(facts.CaseOpened)) == 1
    made = [(fact.institution, fact.department) for fact in journey.facts(facts.RequestMade)]
    assert len(made) == len(set(made))


# --- what the receiver fetches ----------------------------------------------------------------------------------------


def test_a_download_broken_off_anywhere_is_resumed_to_the_same_bytes(house: House):
    journey = handed_over(house)
    url, shown = link(house, journey.packet), token(house, "center")
    status, whole = download(url, shown)
    assert status == 200
    with house.services.ledger.transaction() as tx:
        plan = packets.plan_of(tx, journey.packet, journey.patient)
    assert len(whole) == plan.tar_length
    for start in (1, 511, 512, 513, len(whole) // 2, len(whole) - 1025, len(whole) - 1):
        status, rest = download(url, shown, start=start)
        assert (status, rest) == (206, whole[start:])
    assert download(url, shown, start=len(whole))[0] == 416
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        assert {member.name for member in tar} == {entry.path for entry in plan.entries}
        for entry in plan.entries:
            held = tar.extractfile(entry.path)
            assert held
            assert hashlib.sha256(held.read()).hexdigest() == entry.location.sha256


def test_every_download_is_counted_to_the_byte(house: House):
    journey = handed_over(house)
    shown = token(house, "center")
    whole = len(download(link(house, journey.packet), shown)[1])
    rest = len(download(link(house, journey.packet), shown, start=whole - 5000)[1])
    document = len(download(link(house, journey.packet, "documents/1"), shown)[1])
    status, nothing = download(link(house, journey.packet), shown, method="HEAD")
    assert (status, nothing) == (200, b"")
    eventually(lambda: all(one.closed_at for one in journey.egress()))
    rows = [(one.channel, one.size, one.outcome) for one in journey.egress()][1:]
    assert rows == [
        ("packet.tar", whole, "sent"),
        ("packet.tar", 5000, "sent"),
        ("document", document, "sent"),
        ("packet.tar", 0, "sent"),
    ]
    assert rest == 5000
    assert len(journey.facts(facts.EgressClosed)) == len(rows) + 1


def test_a_download_the_receiver_breaks_off_is_counted_as_broken(house: House):
    house.behave("archive", rows=512)
    house.behave("center", fetch=False)
    journey = a_packet(house, slices=8)
    house.process_until(lambda: is_announced(journey))
    with downloading(link(house, journey.packet), token(house, "center")) as begun:
        received = len(begun.read())
    eventually(lambda: all(one.closed_at for one in journey.egress()))
    assert journey.egress()[-1].outcome == "broken"
    assert received <= journey.egress()[-1].size < 2_000_000


def test_a_document_link_gives_the_document_and_others_find_nothing(house: House):
    journey = handed_over(house)
    with house.services.ledger.transaction() as tx:
        plan = packets.plan_of(tx, journey.packet, journey.patient)
    for document in plan.documents:
        status, body = download(link(house, journey.packet, f"documents/{document.number}"), token(house, "center"))
        entry = plan.document(document.number)[1]
        assert (status, hashlib.sha256(body).hexdigest()) == (200, entry.location.sha256)
    before = len(journey.egress())
    for what in ("packet.tar", "documents/1"):
        for who in ("oncology", "archive", "pathology"):
            assert download(link(house, journey.packet, what), token(house, who))[0] in (401, 404)
        assert download(link(house, journey.packet, what), "nobody's")[0] == 401
        other = PacketId.of(journey.case, 2)
        assert download(link(house, other, what), token(house, "center"))[0] == 404
    assert download(link(house, journey.packet, "documents/999"), token(house, "center"))[0] in (403, 404)
    assert all(one.size == 0 for one in journey.egress()[before:])
    # ... and nobody here is bothered by it
    assert "release-not-permitted" not in {fact.code for fact in journey.facts(facts.HoldOpened)}
