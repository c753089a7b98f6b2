"""All that a packet says is ruled on: documents, images, glass, the question, and how the patient is named."""

import io
import json
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from pypdf import PdfReader

from tests.kit import builders as b
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import facts
from transfer.adapters.packet.assembly import assemble as plan_packet
from transfer.case import OpenedCase
from transfer.flow import desk
from transfer.flow.assemble import assemble
from transfer.flow.deliver import _bundle, open_egress
from transfer.flow.packet_content import content_of
from transfer.flow.services import Services
from transfer.identifiers import CaseId, InstitutionId, PacketId
from transfer.ledger import Ledger, packets, records, rewritten_records
from transfer.ledger.disclosures import Sender
from transfer.packet import ContentClass
from transfer.records import RecordKind
from transfer.sandbox.directory import ALL

pytestmark = pytest.mark.servers

ACCESSION = "S25-10071"
#: LOINC: consultation note, surgical pathology report
NOTES, REPORTS = "11488-4", "11529-5"


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def a_packet(services: Services, *kinds: RecordKind, **form: object) -> tuple[PacketId, Any]:
    """A packet with records of these kinds, of a case whose slides were counted in. The form says what is given."""
    chart = b.a_chart()
    b.sign_form(services, chart, **form)
    case = b.refer(services, chart)
    process_all(services)
    for kind in kinds:
        b.came_in(services, case, kind)
    desk.receive_material(services, case, pieces=6, accession=ACCESSION, announced=6, actor=ANN)
    lacking = b.assessed(services, case).lacking
    desk.approve(services, case, actor=ANN, without=lacking)
    with services.ledger.transaction() as tx:
        newest = tx.case(case).newest_packet
    assert newest
    packet = PacketId(newest.planned.packet)
    assert assemble(services, packet)
    return packet, chart


def said(services: Services, packet: PacketId) -> str:
    """Every word of ours in the packet, and of the submission that hands it over."""
    with services.ledger.transaction() as tx:
        plan = packets.plan_of(tx, packet, b.patient_of(services, packet.case))
    found = [_bundle(services, packet).decode()]
    for entry in plan.entries:
        body = b"".join(services.vault.read(entry.location))
        if entry.path.endswith(".pdf"):
            found += [page.extract_text() for page in PdfReader(io.BytesIO(body)).pages]
        elif entry.generated:
            found.append(body.decode())
    return "\n".join(found)


def manifest(services: Services, packet: PacketId) -> dict[str, Any]:
    with services.ledger.transaction() as tx:
        plan = packets.plan_of(tx, packet, b.patient_of(services, packet.case))
    body = b"".join(services.vault.read(plan.entry("manifest.json").location))
    return dict(json.loads(body))


def numbers(chart: Any) -> dict[str, str]:
    return {name: number["value"] for name, number in chart["numbers"].items()}


def test_under_a_form_for_notes_alone_the_glass_does_not_leave(services: Services):
    packet, chart = a_packet(services, RecordKind.NOTE, codes=[NOTES])
    told = said(services, packet)

    assert ACCESSION not in told
    assert ALL[b.PRAIRIE].name not in told
    assert not [n for name, n in numbers(chart).items() if name != b.LAKESIDE and n in told]
    assert manifest(services, packet)["material"] == []
    assert "slides" in [missing["line"] for missing in manifest(services, packet)["missing"]]
    # A referral is a note of who refers: it leaves where that institution's notes may.
    assert chart["referral"]["question"] in told
    assert numbers(chart)[b.LAKESIDE] in told


def test_a_question_that_may_not_be_released_does_not_leave_nor_does_who_refers(services: Services):
    packet, chart = a_packet(services, RecordKind.PATHOLOGY_REPORT, codes=[REPORTS], disclosers=[b.PRAIRIE])
    told = said(services, packet)

    assert chart["referral"]["question"] not in told
    assert ALL[b.LAKESIDE].name not in told
    assert manifest(services, packet)["referred_by"] is None
    for words in ("+1 262 555 0142", "Ana Ruiz", chart["diagnosis"]["icd10"], "appointment ", "needed by"):
        assert words not in told
    for name in ("diagnosis", "referrer", "question", "appointment", "needed_by"):
        assert manifest(services, packet)[name] is None
    assert numbers(chart)[b.LAKESIDE] not in told
    assert numbers(chart)[b.PRAIRIE] in told
    assert manifest(services, packet)["patient"]["names"], "a packet is addressed by name and birth date"


def test_a_form_for_all_lets_glass_and_question_go(services: Services):
    packet, chart = a_packet(services, RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT)
    told = said(services, packet)

    assert ACCESSION in told
    assert chart["referral"]["question"] in told
    assert "Ana Ruiz, telephone +1 262 555 0142, Lakeside Oncology" in told
    assert f"(ICD-10-CM {chart['diagnosis']['icd10']}), stage pT3" in told
    assert f"{numbers(chart)[b.PRAIRIE]} ({ALL[b.PRAIRIE].name})" in told
    assert "slides" not in [missing["line"] for missing in manifest(services, packet)["missing"]]
    assert numbers(chart)[b.MERCY] not in told, "nothing of that institution's goes"
    with services.ledger.transaction() as tx:
        found = content_of(tx, packet, OpenedCase.of(tx.case(packet.case)))
    assert found == {
        ContentClass(discloser=b.LAKESIDE, kind=RecordKind.NOTE),
        ContentClass(discloser=b.PRAIRIE, kind=RecordKind.PATHOLOGY_REPORT),
        ContentClass(discloser=b.PRAIRIE, kind=RecordKind.MATERIAL),
    }


def test_pieces_that_nobody_announced_or_sent_are_only_missing(services: Services):
    """They were asked for when the case was opened; there is nothing else to say of them."""
    chart = b.a_chart()
    b.sign_form(services, chart)
    case = b.refer(services, chart)
    process_all(services)
    b.came_in(services, case, RecordKind.NOTE)
    desk.approve(services, case, actor=ANN, without=b.assessed(services, case).lacking)
    with services.ledger.transaction() as tx:
        newest = tx.case(case).newest_packet
    assert newest
    packet = PacketId(newest.planned.packet)

    assert assemble(services, packet)
    assert manifest(services, packet)["material"] == []
    assert "slides" in [missing["line"] for missing in manifest(services, packet)["missing"]]
    assert "0 of 0" not in said(services, packet)
    assert "Wanted" not in said(services, packet)


def is_opened(services: Services, packet: PacketId) -> bool:
    patient = b.patient_of(services, packet.case)
    with Sender(services.ledger) as sender, services.ledger.transaction() as tx:
        return open_egress(tx, services, packet, patient, b.SUMMIT, sender.number, "packet.tar") is not None


def narrowed(services: Services, chart: Any) -> None:
    """A form for notes alone takes the place of the one for all."""
    b.sign_form(services, chart, codes=[NOTES])
    process_all(services)


def test_a_packet_whose_glass_may_be_released_no_more_is_not_given(services: Services):
    """Its documents may: each thing that it says is ruled on at each opening."""
    packet, chart = a_packet(services, RecordKind.NOTE)
    assert is_opened(services, packet)

    narrowed(services, chart)

    assert not is_opened(services, packet)
    assert b.the_hold(services, "release-not-permitted").about == packet


def test_a_packet_of_an_earlier_release_counts_as_saying_all_of_its_case(services: Services, migrated: Any):
    packet, _ = a_packet(services, RecordKind.NOTE, codes=[NOTES])
    with psycopg.connect(migrated.url("owner")) as owner:
        owner.execute("UPDATE transfer.packets SET content = NULL, content_at = NULL")

    assert not is_opened(services, packet), "its glass and its question went in unasked then"


@pytest.mark.parametrize("is_relabelled", [False, True])
def test_a_record_that_is_labelled_later_is_ruled_on_by_its_label(services: Services, is_relabelled: bool):
    packet, _ = a_packet(services, RecordKind.IMAGES)
    assert is_opened(services, packet)
    with services.ledger.transaction() as tx:
        (kept,) = packets.contents(tx, packet)
        labels = frozenset({"HIV"}) if is_relabelled else frozenset()
        about = type(kept.about)(title="again", labels=labels)
        rewritten_records.rewrite(tx, kept, about, is_whole=True)

    assert is_opened(services, packet) is not is_relabelled


@pytest.mark.parametrize("is_relabelled", [False, True])
def test_a_record_that_is_labelled_while_its_packet_is_put_together_is_ruled_on_by_its_label(
    services: Services, monkeypatch: pytest.MonkeyPatch, is_relabelled: bool
):
    made = []

    def meanwhile(contents: Any, **how: Any) -> Any:
        with services.ledger.transaction() as tx:
            for kept, _ in records.joined(tx, contents.packet.case):
                labels = frozenset({"HIV"}) if is_relabelled else frozenset()
                rewritten_records.rewrite(tx, kept, replace(kept.about, labels=labels), is_whole=True)
        made.append(plan_packet(contents, **how))
        return made[-1]

    monkeypatch.setattr("transfer.flow.assemble.plan_packet", meanwhile)
    with pytest.raises(AssertionError) if is_relabelled else nullcontext():
        a_packet(services, RecordKind.IMAGES)

    (plan,) = made
    if is_relabelled:
        assert b.the_hold(services, "release-not-permitted").about == plan.packet
    else:
        assert is_opened(services, plan.packet)


def test_what_two_write_anew_of_one_record_is_kept_of_both(services: Services):
    packet, _ = a_packet(services, RecordKind.IMAGES)
    with services.ledger.transaction() as tx:
        (before,) = packets.contents(tx, packet)
        one = replace(before.about, labels=frozenset({"PSY"}), malignant=("A",))
        rewritten_records.rewrite(tx, before, one, is_whole=True)
        other = replace(before.about, labels=frozenset({"HIV"}), title="again")
        rewritten_records.rewrite(tx, before, other, is_whole=True)

        (now,) = packets.contents(tx, packet)
    assert (now.about.labels, now.about.malignant, now.about.title) == (frozenset({"PSY", "HIV"}), ("A",), "again")


def test_each_opening_says_what_it_rests_on(services: Services):
    """Form A is revoked and form B filed: what is opened from then on names B."""
    packet, chart = a_packet(services, RecordKind.NOTE)
    assert is_opened(services, packet)
    case: CaseId = packet.case
    (first,) = desk.dossier(services, case, actor=ANN).permissions
    b.sign_form(services, chart, number={"system": "urn:oid:2.16.840.1.113883.19.5.7", "value": "B"})
    process_all(services)
    desk.revoke(services, first.permission, actor=ANN)
    second = next(one for one in desk.dossier(services, case, actor=ANN).permissions if one.state == "in-force")
    assert is_opened(services, packet)

    with services.ledger.transaction() as tx:
        told = [line.fact for line in tx.lines(facts.Chain.case(case)) if isinstance(line.fact, facts.EgressPermitted)]
        ours = [one for one in told if one.channel == "packet.tar"]
        rows = tx.rows(
            "SELECT bases, permissions FROM egress WHERE channel = 'packet.tar' ORDER BY array_position(%s, egress)",
            [one.egress for one in ours],
        )
    assert [one.permissions for one in ours] == [(first.permission,), (second.permission,)]
    assert [one.bases for one in ours] == [("authorization",)] * 2
    assert [(tuple(row.bases), tuple(row.permissions)) for row in rows] == [
        (one.bases, one.permissions) for one in ours
    ]


def test_another_receiver_than_the_cases_is_given_nothing(services: Services):
    packet, _ = a_packet(services, RecordKind.NOTE)
    patient = b.patient_of(services, packet.case)
    with Sender(services.ledger) as sender, services.ledger.transaction() as tx:
        other = InstitutionId("mercy-imaging")
        assert open_egress(tx, services, packet, patient, other, sender.number, "packet.tar") is None
