"""A table that somebody changed beside the ledger opens nothing, and a person is told.

Everything here is done as the application's role, which can add facts and change none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.kit import builders as b
from tests.kit.staff import ANN, BEN
from transfer import facts
from transfer.case import OpenedCase
from transfer.facts import GENESIS, Chain
from transfer.flow import desk
from transfer.flow.assemble import assemble
from transfer.flow.basis import is_altered, may_ask, may_collect
from transfer.flow.collecting import join
from transfer.flow.deliver import open_egress
from transfer.flow.packet_content import agrees, content_of
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId, PacketId, PatientId
from transfer.ledger import Ledger, disclosures, materials, patients, records, requests
from transfer.ledger.disclosures import Sender
from transfer.matching import MatchRule
from transfer.permissions import Dispute, Finding
from transfer.records import RecordKind

pytestmark = pytest.mark.servers


@dataclass
class Released:
    """A case whose packet may go, and the statements of somebody who has the application's role."""

    services: Services
    packet: PacketId
    #: somebody else's, with a note
    other: CaseId

    @property
    def patient(self) -> PatientId:
        return b.patient_of(self.services, self.packet.case)

    @property
    def permission(self) -> str:
        return desk.dossier(self.services, self.packet.case, actor=ANN).permissions[0].permission

    def change(self, statement: str) -> None:
        """`:patient`, `:permission`, `:packet` and `:case` stand for those of the case."""
        own = {"patient": self.patient, "permission": self.permission, "packet": self.packet, "case": self.packet.case}
        for name, value in own.items():
            statement = statement.replace(f":{name}", f"'{value}'")
        with self.services.ledger.transaction() as tx:
            assert tx.run(statement.replace("%", "%%")), "nothing was changed"

    def is_opened(self) -> bool:
        with Sender(self.services.ledger) as sender, self.services.ledger.transaction() as tx:
            opened = open_egress(tx, self.services, self.packet, self.patient, b.SUMMIT, sender.number, "packet.tar")
        return opened is not None

    def is_asked(self) -> bool:
        with self.services.ledger.transaction() as tx:
            opened = OpenedCase.of(tx.case(self.packet.case))
            request = requests.of_case(tx, self.packet.case)[0]
            ruling = may_ask(tx, self.services.institutions, opened, request)
        assert ruling.is_permitted or ruling.findings == (Finding.ALTERED,)
        return ruling.is_permitted

    def holds(self) -> set[str]:
        return {hold.code for hold in b.open_holds(self.services, self.packet.case)}


@pytest.fixture
def planned(ledger: Ledger) -> Iterator[Released]:
    """Approved, and not put together yet."""
    services = b.new_services(ledger)
    other = b.a_case(services)
    b.came_in(services, other, RecordKind.NOTE)
    case = b.a_case_without_slides(services)
    desk.receive_material(services, case, pieces=6, accession="S25-10071", announced=6, actor=ANN)
    did = desk.approve(services, case, actor=ANN)
    yield Released(services, PacketId(str(did.fields["packet"])), other)


@pytest.fixture
def released(planned: Released) -> Released:
    assert assemble(planned.services, planned.packet)
    assert planned.is_opened()
    assert planned.is_asked()
    return planned


def test_an_update_that_undoes_a_revocation_lets_nothing_flow(released: Released):
    desk.revoke(released.services, released.permission, actor=ANN)
    assert not released.is_opened()

    released.change("UPDATE permissions SET ended = NULL, ended_at = NULL WHERE permission = :permission")

    assert not released.is_opened()
    assert "ledger-altered" in released.holds()
    assert not released.is_asked()


#: statements that open something, or could, where rulings rest on tables alone
PERMISSIONS_CHANGED = {
    "a form is another's": "UPDATE permissions SET patient = (SELECT patient FROM patients WHERE patient <> :patient)",
    "a form's bytes are others": "UPDATE permissions SET form = substring(form FROM 2) WHERE patient = :patient",
    "a form is forgotten": "UPDATE permissions SET form = NULL WHERE patient = :patient",
    "a form was filed by nobody": """INSERT INTO permissions (permission, patient, arrival, form, filed_at)
        SELECT 'm0000000000000zz', patient, arrival, form, filed_at FROM permissions WHERE patient = :patient""",
    "an end that nobody wrote": "UPDATE permissions SET ended = 'paused' WHERE permission = :permission",
    "an emergency that nobody declared": """
        INSERT INTO emergencies (patient, discloser, recipient, clinician, declared_at)
        SELECT :patient, 'lakeside-oncology', 'summit-cancer-center', note, transfer.now() FROM notes LIMIT 1""",
    "a head that names another line": """
        UPDATE chain_heads SET sequence = sequence - 1 WHERE chain = 'patient:' || :patient""",
}


@pytest.mark.parametrize("statement", PERMISSIONS_CHANGED.values(), ids=PERMISSIONS_CHANGED)
def test_whatever_is_changed_of_the_permissions_nothing_is_permitted_and_the_trail_says_so(
    released: Released, statement: str
):
    released.change(statement)

    assert not released.is_opened()
    assert "ledger-altered" in released.holds()
    assert not released.is_asked()
    chain = f"patient:{released.patient}"
    assert desk.walk_chain(released.services.ledger, chain, actor=ANN).broken


def test_a_fact_written_past_its_chains_head_permits_nothing(released: Released):
    """Whoever can add facts can write that a permission goes on: it is found out unless the head is moved as well."""
    desk.pause(released.services, released.permission, actor=ANN)
    with released.services.ledger.transaction() as tx:
        fact = facts.PermissionResumed(permission=released.permission)
        line = facts.write(Chain.patient(released.patient), 99, tx.now(), tx.origin, fact, GENESIS)
        tx.run(
            "INSERT INTO facts (chain, sequence, at, kind, text, previous, hash) VALUES (%s, 99, %s, %s, %s, %s, %s)",
            *(line.chain, line.at, fact.kind, line.text, line.previous, line.hash),
        )
        tx.run("UPDATE permissions SET ended = NULL, ended_at = NULL WHERE permission = %s", released.permission)

    assert not released.is_opened()


def test_another_patient_is_not_held_up(released: Released):
    released.change("UPDATE permissions SET ended = 'paused' WHERE permission = :permission")

    with released.services.ledger.transaction() as tx:
        assert not is_altered(tx, b.patient_of(released.services, released.other))
        assert is_altered(tx, released.patient)


def test_how_it_ended_is_set_right_by_the_facts_and_the_packet_is_tried_again(released: Released):
    released.change("UPDATE permissions SET ended = 'revoked', ended_at = transfer.now() WHERE patient = :patient")
    assert not released.is_opened()

    hold = b.the_hold(released.services, "ledger-altered")
    desk.resolve(released.services, hold.id, HoldAnswer.AGAIN, actor=ANN)

    assert ("release_packet", released.packet) in b.owed(released.services)
    assert released.is_opened()
    assert "ledger-altered" not in released.holds()


def test_a_revocation_that_was_undone_stands_again(released: Released):
    desk.revoke(released.services, released.permission, actor=ANN)
    released.change("UPDATE permissions SET ended = NULL, ended_at = NULL WHERE permission = :permission")
    assert not released.is_opened()

    hold = b.the_hold(released.services, "ledger-altered")
    desk.resolve(released.services, hold.id, HoldAnswer.AGAIN, actor=ANN)

    assert not released.is_opened()
    assert desk.dossier(released.services, released.packet.case, actor=ANN).permissions[0].state == "revoked"
    assert "release-not-permitted" in released.holds()


# --- patients who are one person --------------------------------------------------------------------------------------


def merged(released: Released, *, kept: CaseId) -> None:
    """Two people say that the packet's patient and the other one are one person."""
    absorbed = released.other if kept == released.packet.case else released.packet.case
    for person in (ANN, BEN):
        desk.merge(released.services, kept, absorbed, actor=person)


def is_collected(released: Released, case: CaseId) -> bool:
    with released.services.ledger.transaction() as tx:
        opened = OpenedCase.of(tx.case(case))
        none: frozenset[str] = frozenset()
        return may_collect(
            tx, released.services.institutions, opened, b.LAKESIDE, RecordKind.NOTE, none, dated=None
        ).is_permitted


def permissions_of(released: Released, case: CaseId) -> list[str]:
    return [one.permission for one in desk.dossier(released.services, case, actor=ANN).permissions]


@pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "absorbed"])
def test_patients_who_are_merged_have_the_forms_of_both_and_their_packets(released: Released, is_kept: bool):
    closed(released)
    merged(released, kept=released.packet.case if is_kept else released.other)

    assert is_collected(released, released.packet.case)
    assert is_collected(released, released.other)
    assert len(permissions_of(released, released.other)) == 2
    assert released.is_opened()
    for patient in every_patient(released):
        assert not desk.walk_chain(released.services.ledger, f"patient:{patient}", actor=ANN).broken


def test_a_form_that_ended_while_two_were_one_has_ended_when_they_are_two_again(released: Released):
    closed(released)
    (theirs,) = permissions_of(released, released.other)
    merged(released, kept=released.packet.case)
    desk.pause(released.services, theirs, actor=ANN)
    desk.split(released.services, released.other, actor=ANN)

    assert not is_collected(released, released.other)
    assert permissions_of(released, released.other) == [theirs]
    assert is_collected(released, released.packet.case)
    assert "ledger-altered" not in released.holds()
    desk.resume(released.services, theirs, actor=ANN)
    assert is_collected(released, released.other)


def test_a_form_that_is_handed_to_another_patient_beside_the_ledger_permits_nothing_after_a_merge(released: Released):
    closed(released)
    merged(released, kept=released.packet.case)
    desk.split(released.services, released.other, actor=ANN)
    released.change("UPDATE permissions SET patient = :patient")

    assert not released.is_opened()
    assert "ledger-altered" in released.holds()


def test_a_record_that_went_with_its_patient_does_not_hold_up_the_case_it_served(released: Released):
    closed(released)
    merged(released, kept=released.packet.case)
    case, services = released.packet.case, released.services
    with services.ledger.transaction() as tx:
        patients.hold_epoch_shared(tx, released.patient)
        opened = OpenedCase.of(tx.case(case))
        ((note, _),) = records.joined(tx, released.other)
        none: frozenset[str] = frozenset()
        ruling = may_collect(tx, services.institutions, opened, b.LAKESIDE, RecordKind.NOTE, none, dated=None)
        assert join(tx, services, opened, note, ruling, MatchRule.IDENTIFIER)
    desk.split(services, released.other, actor=ANN)

    with services.ledger.transaction() as tx:
        opened, here = OpenedCase.of(tx.case(case)), records.joined(tx, case)
        pieces = materials.of_case(tx, case, opened.patient)
        assert [kept.patient == opened.patient for kept, joined in here if not joined.superseded] == [True] * 3
        assert {kept.patient for kept, _ in here} == {opened.patient, b.patient_of(services, released.other)}
        assert agrees(tx.case(case), opened, here, pieces)


def closed(released: Released) -> None:
    """No stream is open: patients are merged at rest."""
    with released.services.ledger.transaction() as tx:
        disclosures.close_dead(tx)


def every_patient(released: Released) -> list[str]:
    with released.services.ledger.transaction() as tx:
        return [row.patient for row in tx.rows("SELECT patient FROM patients")]


#: what a packet would be made of, as no fact tells it
RECORDS_CHANGED = {
    "of another kind": "UPDATE records SET kind = 'note' WHERE kind = 'images' AND patient = :patient",
    "of another institution": """
        UPDATE records SET institution = 'mercy-imaging' WHERE kind = 'note' AND patient = :patient""",
    "of another status": "UPDATE records SET status = 'preliminary' WHERE patient = :patient",
    "under another basis": "UPDATE collected SET basis = 'emergency' WHERE case_id = :case",
    "no longer replaced": "UPDATE collected SET superseded = NOT superseded WHERE case_id = :case",
    "glass of another institution": "UPDATE materials SET institution = 'lakeside-oncology' WHERE case_id = :case",
    "glass counted otherwise": "UPDATE materials SET received = received + 1 WHERE case_id = :case",
}


@pytest.mark.parametrize("statement", RECORDS_CHANGED.values(), ids=RECORDS_CHANGED)
def test_what_no_fact_tells_goes_into_no_packet(planned: Released, statement: str):
    planned.change(statement)

    assert not assemble(planned.services, planned.packet)
    assert "ledger-altered" in planned.holds()


def test_what_is_changed_after_a_packet_was_put_together_changes_no_ruling(released: Released):
    """What it says is sealed with it: its images are not ruled on as notes."""
    released.change("UPDATE records SET kind = 'note' WHERE kind = 'images' AND patient = :patient")
    with released.services.ledger.transaction() as tx:
        said = content_of(tx, released.packet, OpenedCase.of(tx.case(released.packet.case)))

    assert RecordKind.IMAGES in {content.kind for content in said}


def test_a_packets_content_that_is_another_packets_opens_nothing(released: Released):
    released.change("UPDATE packets SET content = substring(content FROM 2) WHERE packet = :packet")

    assert not released.is_opened()
    assert "ledger-altered" in released.holds()


def test_a_hand_over_whose_receiver_was_changed_is_given_to_nobody_else(released: Released):
    released.change("UPDATE disclosures SET recipient = 'mercy-imaging' WHERE packet = :packet")
    with Sender(released.services.ledger) as sender, released.services.ledger.transaction() as tx:
        other = b.MERCY
        assert open_egress(tx, released.services, released.packet, released.patient, other, sender.number, "x") is None


def test_a_record_row_put_into_a_case_by_no_fact_goes_into_no_packet(planned: Released):
    with planned.services.ledger.transaction() as tx:
        tx.run(
            """INSERT INTO collected (case_id, record, basis) SELECT %s, record, basis FROM collected
               WHERE case_id = %s""",
            *(planned.packet.case, planned.other),
        )

    assert not assemble(planned.services, planned.packet)
    assert "ledger-altered" in planned.holds()


def test_a_dispute_that_was_deleted_stands_again(released: Released):
    desk.dispute(released.services, released.permission, Dispute.FALSE, actor=ANN)
    released.change("DELETE FROM disputes WHERE dispute = 'false'")
    assert not released.is_opened()
    assert "ledger-altered" in released.holds()

    hold = b.the_hold(released.services, "ledger-altered")
    desk.resolve(released.services, hold.id, HoldAnswer.AGAIN, actor=ANN)

    assert not released.is_opened()
    assert desk.dossier(released.services, released.packet.case, actor=ANN).permissions[0].disputes == ("false",)
    desk.withdraw_dispute(released.services, released.permission, Dispute.FALSE, actor=ANN)
    assert released.is_opened()
