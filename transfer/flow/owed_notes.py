"""Ends of permissions that were entered while the keys were away: noted beside them once they are back."""

from transfer.ledger import Ledger, permissions

#: so many at one look
_MOST = 50


def note_owed_ends(ledger: Ledger) -> None:
    """Note beside the keys how permissions ended, for each of which it is still owed. Twice is once.

    A restore reads it there. Until it is noted, only the ledger and backups taken since have it. Gateways do this all
    the time, so that it depends on no round.

    Raises:
        OutOfOrder: the keys, or the ledger, do not answer; it stays owed.
    """
    with ledger.transaction() as tx:
        owed = permissions.unnoted(tx, limit=_MOST)
    for permission, how in owed:  # no lock is held while the keys are asked
        ledger.keys.note_end(permission, how)
        with ledger.transaction() as tx:
            permissions.noted(tx, permission, how)
