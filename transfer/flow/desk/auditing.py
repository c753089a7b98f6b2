"""Proving that nothing written was altered."""

from dataclasses import replace

from transfer.flow.basis import is_altered
from transfer.flow.desk.verbs import demand
from transfer.identifiers import PatientId
from transfer.ledger import Ledger, Tx, trail
from transfer.ledger.trail import Walked
from transfer.rights import Actor, Right


def chains(ledger: Ledger, *, actor: Actor) -> list[str]:
    """Every chain of the ledger.

    Raises:
        NotAllowed: the actor does not have the right.
    """
    demand(actor, Right.AUDIT)
    with ledger.transaction() as tx:
        return trail.chains(tx)


def walk_chain(ledger: Ledger, chain: str, *, actor: Actor) -> Walked:
    """Walk one chain from its first line to its head. Of a patient's, the tables of permissions must say the same.

    Raises:
        NotAllowed: the actor does not have the right.
    """
    demand(actor, Right.AUDIT)
    with ledger.transaction() as tx:
        return walked(tx, chain)


def walked(tx: Tx, chain: str) -> Walked:
    """The same within a transaction."""
    found = trail.walk(tx, chain)
    patient = chain.removeprefix("patient:")
    if found.broken is None and patient != chain and is_altered(tx, PatientId(patient)):
        return replace(found, broken=f"{chain}: a table says of permissions what its lines do not")
    return found
