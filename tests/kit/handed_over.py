"""A packet that left: approved by a person, put together, begun, downloaded and made, without doors and streams."""

from tests.kit import builders as b
from tests.kit.staff import ANN
from transfer.disclosures import DisclosureOutcome, EgressOutcome
from transfer.flow import desk
from transfer.flow.assemble import assemble
from transfer.flow.services import Services
from transfer.identifiers import CaseId, PacketId
from transfer.ledger import disclosures, patients
from transfer.ledger.disclosures import EgressEnd, Grounds, Sender
from transfer.sandbox.charts import Chart

BY_FORM = Grounds(bases=("authorization",), permissions=("m0123456789abcde",))


def handed_over(
    services: Services, *, grounds: Grounds = BY_FORM, chart: Chart | None = None, size: int = 420_864
) -> CaseId:
    """A case whose packet a person approved without the slides; the receiver downloaded it."""
    case = b.a_case_without_slides(services, chart)
    done = desk.approve(services, case, actor=ANN, without=["slides"])
    packet = PacketId(str(done.fields["packet"]))
    assemble(services, packet)
    with Sender(services.ledger) as sender, services.ledger.transaction() as tx:
        patient = b.patient_of(services, case)
        epoch = patients.hold_epoch_shared(tx, patient)
        begun = disclosures.begin(tx, packet, b.SUMMIT, grounds)
        stream = disclosures.open_egress(tx, begun, patient, epoch, sender.number, "whole", grounds)
        end = EgressEnd(egress=stream.id, size=size, outcome=EgressOutcome.SENT)
        disclosures.close_egress(tx, [end])
        disclosures.settle(tx, begun, DisclosureOutcome.MADE)
    return case
