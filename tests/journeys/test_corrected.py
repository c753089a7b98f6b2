"""A report is corrected after it was handed over: the next packet says what it replaces."""

import io
import json
from pathlib import Path
from typing import Any

import pypdf
import pytest

from tests.kit.acts import Journey, a_case, a_packet, download, link, token
from tests.kit.doors import a_report, deliver, withdrawn
from tests.kit.house import House
from tests.kit.processing import process_all
from transfer import wiring
from transfer.adapters.packet.signature import jwks
from transfer.case import Stage
from transfer.holds import HoldAnswer
from transfer.verify import VerificationOutcome, verify

pytestmark = pytest.mark.servers

#: what a packet calls what it replaces: record, packet, number there, how
Named = tuple[str, str, int, str]


def delivered(journey: Journey) -> Path:
    """The newest packet as the center has it, once its receipt came."""
    journey.house.process_until(lambda: journey.folded.stage is Stage.DELIVERED)
    return Path(journey.at_center()["folder"])


def next_packet(
    journey: Journey, *reports: bytes, question: str = "delivered-void", answer: HoldAnswer = HoldAnswer.DELTA
) -> Path:
    """These come from the laboratory, and a person lets one more packet go."""
    deliver(journey.house, *reports)
    process_all(journey.house.services)
    journey.say(question, answer)
    return delivered(journey)


def documents(packet: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((packet / "manifest.json").read_text())["documents"]
    return found


def reports(packet: Path, status: str) -> dict[str, tuple[str, int]]:
    """The laboratory's reports of this status in a packet: record → packet, number."""
    name = json.loads((packet / "manifest.json").read_text())["packet"]
    return {
        one["record"]: (name, one["number"])
        for one in documents(packet)
        if one["status"] == status and one["kind"] == "pathology-report" and one["source"]["id"] == "prairie-pathology"
    }


def named(packet: Path, record: str) -> set[Named]:
    (said,) = [one["supersedes"] for one in documents(packet) if one["record"] == record]
    return {(one["record"], one["packet"], one["number"], one["relation"]) for one in said}


def withdrawn_lines(packet: Path) -> set[tuple[str, str, int]]:
    """What a packet says is withdrawn of earlier ones: record, packet, number there."""
    said = json.loads((packet / "manifest.json").read_text())["withdrawn"]
    return {(one["record"], one["packet"], one["number"]) for one in said}


def related(packet: Path, record: str) -> set[str]:
    """Records that the packet's FHIR file says are replaced by this one."""
    bundle = json.loads((packet / "fhir" / "submission.json").read_text())
    (one,) = [
        entry["resource"]
        for entry in bundle["entry"]
        if record in [number["value"] for number in entry["resource"].get("identifier", [])]
    ]
    replaced = [each["target"] for each in one.get("relatesTo", []) if each["code"] == "replaces"]
    return {target["identifier"]["value"] for target in replaced}


def known_in(packet: Path) -> set[str]:
    """Every identifier of a document that a receiver of this packet knows."""
    bundle = json.loads((packet / "fhir" / "submission.json").read_text())
    found = [entry["resource"] for entry in bundle["entry"]]
    return {one["identifier"][0]["value"] for one in found if one["resourceType"] == "DocumentReference"}


def pages(packet: Path) -> str:
    read = pypdf.PdfReader(io.BytesIO((packet / "records.pdf").read_bytes()))
    return " ".join(" ".join(page.extract_text() for page in read.pages).split())


def test_a_packet_says_which_document_of_an_earlier_one_a_corrected_report_replaces(house: House):
    journey = a_packet(house, slices=2)
    first = delivered(journey)
    before = reports(first, "final")
    assert before
    assert not any(one["supersedes"] for one in documents(first))

    second = next_packet(journey, a_report(journey.chart, status="C"), a_report(journey.chart, status="C"))

    assert verify(second, jwks([wiring.signer(wiring.keys(house.settings))])).outcome is VerificationOutcome.VERIFIED
    corrected = reports(second, "corrected")
    assert corrected
    for record in corrected:
        # The first of the two corrections was handed to nobody, and is named nowhere.
        said = named(second, record)
        assert {(one, *before[one], "replaces") for one in before} <= said
        assert {one for one, *_ in said} <= known_in(first)
        assert related(second, record) == {one for one, *_ in said}
    remark = f"of packet {journey.case}-p1"
    for text in ((second / "index.html").read_text(), pages(second)):
        assert "replaces no. " in text
        assert remark in text
    assert not before.keys() & {one["record"] for one in documents(second)}


def test_what_was_withdrawn_is_in_no_packet_and_each_later_one_says_so(house: House):
    journey = a_packet(house, slices=2)
    first = delivered(journey)
    before = reports(first, "final")

    second = next_packet(journey, withdrawn(journey.chart))
    # The office's own copy of the report went as well, and is withdrawn with it.
    assert withdrawn_lines(second) >= {(one, *where) for one, where in before.items()}
    assert {one for one, *_ in withdrawn_lines(second)} <= known_in(first)
    assert not reports(second, "withdrawn")
    assert "withdraws" not in pages(second)

    correction = a_report(journey.chart, status="C")
    third = next_packet(journey, correction, question="approve-delta", answer=HoldAnswer.APPROVE)
    for record in reports(third, "corrected"):
        said = named(third, record)
        assert {(one, *before[one], "replaces") for one in before} <= said
    assert withdrawn_lines(third) == set()


@pytest.mark.parametrize("answer", [HoldAnswer.TELL, HoldAnswer.RECALL])
def test_the_center_gets_nothing_more_of_a_packet_that_holds_a_withdrawn_report(house: House, answer: HoldAnswer):
    journey = a_packet(house, slices=2)
    first = delivered(journey)
    held, shown = link(house, json.loads((first / "manifest.json").read_text())["packet"]), token(house, "center")
    assert download(held, shown, method="HEAD")[0] == 200

    deliver(house, withdrawn(journey.chart))
    process_all(house.services)
    assert download(held, shown, method="HEAD")[0] == 404
    journey.say("delivered-void", answer)

    process_all(house.services)
    assert download(held, shown, method="HEAD")[0] == 404
    assert journey.folded.packets.keys() == {journey.packet}
    assert bool(journey.folded.packets[journey.packet].recalled) is (answer is HoldAnswer.RECALL)


def test_what_was_replaced_before_it_was_handed_to_anybody_is_not_named(house: House):
    journey = a_case(house, slices=2)
    deliver(house, a_report(journey.chart, status="C"))
    process_all(house.services)
    journey.say("approve-partial", HoldAnswer.APPROVE)

    packet = delivered(journey)

    assert reports(packet, "corrected")
    assert not any(one["supersedes"] for one in documents(packet))
    assert "replaces" not in (packet / "index.html").read_text()
