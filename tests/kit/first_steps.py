"""A case whose first round is owed, and what the first task of it does."""

from typing import Any

from tests.kit import builders as b
from transfer.flow.opening import open_case
from transfer.flow.receive import receive
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import rounds
from transfer.ledger.rounds import Taken


def referred(services: Services, **said: Any) -> CaseId:
    """A case whose only permitted source is the records office; its first round is owed."""
    chart = b.a_chart()
    b.sign_form(services, chart, disclosers=[b.LAKESIDE])
    receive(services)
    return b.refer(services, chart, **said)


def first_step(services: Services, case: CaseId) -> tuple[Taken, list[str]]:
    """What the first task of the case's owed round does, and which requests it hands out."""
    with services.ledger.transaction() as tx:
        (one,) = [owed for owed in rounds.postable(tx) if str(owed.subject) == str(case)]
        rounds.posted(tx, one)
        taken = rounds.take(tx, one.dag, one.subject, one.number)
    assert taken
    return taken, [str(name) for name in open_case(services, taken)]
