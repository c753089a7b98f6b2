"""A referral and a release form come in, three kinds of record in three languages, and a verified packet arrives."""

import json
from pathlib import Path

import pytest

from tests.kit.house import House
from tests.kit.processing import process_all
from transfer import wiring
from transfer.adapters.packet.signature import jwks
from transfer.case import Stage
from transfer.delivery import Delivery
from transfer.flow.assess import settle_needs
from transfer.identifiers import PatientId
from transfer.ledger import materials
from transfer.ledger.materials import Came, Label
from transfer.verify import VerificationOutcome, verify

pytestmark = pytest.mark.servers


def slides_come(house: House, case, chart) -> None:
    with house.services.ledger.transaction() as tx:
        patient = PatientId(tx.case(case).opened.patient)
        tx.lock_case(case)
        for kept in materials.of_case(tx, case, patient):
            pieces = len(chart["pathology"]["slides"])
            label = Label(accession=chart["pathology"]["accession"]["value"])
            materials.receive(tx, case, patient, kept, Came(pieces=pieces, announced=pieces, label=label))
        settle_needs(tx, house.services, case)


def stage_of(house: House, case) -> Stage:
    with house.services.ledger.transaction() as tx:
        return tx.case(case).stage


def test_a_verified_packet_reaches_the_center(house: House):
    """By itself, once all that travels as files is there. The slides come later, and no packet is sent twice."""
    house = house.delivering(Delivery.WHEN_ELECTRONIC_COMPLETE)
    chart = house.a_patient()
    house.release_form(chart)
    process_all(house.services)
    case = house.referral(chart)
    house.pathology_report(chart)
    house.process_until(lambda: stage_of(house, case) is Stage.DELIVERED)
    slides_come(house, case, chart)
    process_all(house.services)

    (arrived,) = [one for one in house.order("center", "packets", method="GET") if one["packet"].startswith(case)]
    keys = json.loads(json.dumps(jwks([wiring.signer(wiring.keys(house.settings))])))
    assert verify(Path(arrived["folder"]), keys).outcome is VerificationOutcome.VERIFIED
    with house.services.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM disclosures WHERE outcome = 'made' AND packet LIKE %s", f"{case}%") == 1
        assert not tx.value("SELECT count(*) FROM vault_uploads")


def test_the_same_report_by_two_ways_is_one_line_with_two_copies(house: House):
    chart = house.a_patient()
    house.release_form(chart)
    case = house.referral(chart)
    house.pathology_report(chart)
    house.process_until(lambda: "approve-partial" in house.holds(case))

    with house.services.ledger.transaction() as tx:
        reports = [r for r in tx.case(case).records.values() if r.document == "pathology-report"]
    assert {r.institution for r in reports} == {"prairie-pathology", "lakeside-oncology"}
    assert sorted(r.copy_of is None for r in reports) == [False, True]
    assert len({r.line for r in reports}) == 1
    (need,) = [need for need in house.assessment(case).completeness.needs if need.line.key == reports[0].line]
    best = next(r for r in reports if r.record == need.chosen)
    assert best.institution == "prairie-pathology"  # as HL7 v2, whichever came first
