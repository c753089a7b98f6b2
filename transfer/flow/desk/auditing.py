"""Proving that nothing written was altered."""

from transfer.flow.desk.verbs import demand
from transfer.ledger import Ledger, trail
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
    """Walk one chain from its first line to its head.

    Raises:
        NotAllowed: the actor does not have the right.
    """
    demand(actor, Right.AUDIT)
    with ledger.transaction() as tx:
        return trail.walk(tx, chain)
