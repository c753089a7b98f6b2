"""What lapses by itself: unmatched messages, the keys of their days, papers, objects that nobody names, and what lists
say.

It asks nobody and decides nothing about a patient. It removes by the ledger's names, never by a listing.
"""

from datetime import timedelta

from transfer import facts
from transfer.flow.searchable import make_searchable
from transfer.flow.services import Services
from transfer.flow.telling import tell_all
from transfer.ledger import arrivals, day_keys, incoming, unmapped_codes, unmatched, vault_objects
from transfer.sealing import KeyName


def clean_up(services: Services) -> str:
    """Purge and remove what has lapsed. Says in a sentence how much; safe to repeat after any crash."""
    destroy_papers(services)
    purged, removed = purge_unmatched(services), remove_orphaned(services)
    tell_all(services)
    make_searchable(services)
    with services.ledger.transaction() as tx:
        unmapped_codes.forget_old(tx)
    return f"purged {purged} unmatched messages, removed {removed} orphaned objects"


def remove_orphaned(services: Services, *, older_than: timedelta = timedelta(hours=6)) -> int:
    """Remove objects marked for deletion, and orphaned ones. Returns how many."""
    removed = 0
    with services.ledger.transaction() as tx:
        keys = vault_objects.orphaned(tx, older_than)
    for key in keys:
        services.vault.remove(key)
        with services.ledger.transaction() as tx:
            vault_objects.strike(tx, [key])
        removed += 1
    return removed


def destroy_papers(services: Services) -> None:
    """Destroy the papers whose time is over, and those of which a record was purged; safe to repeat.

    The key goes first. After a crash the paper is still named, and is destroyed then.
    """
    with services.ledger.transaction() as tx:
        names = incoming.to_destroy(tx)
    for name in names:
        services.ledger.keys.destroy(KeyName.incoming(name))
        with services.ledger.transaction() as tx:
            vault_objects.mark_for_deletion(tx, incoming.forget(tx, name))


def purge_unmatched(services: Services) -> int:
    """Purge unmatched messages that no case claimed in time, and the keys of the days that ended then. Returns how
    many.

    First the ledger forgets, and names the objects to remove. A process that dies before it removes them leaves the
    names.
    """
    count = 0
    while True:
        with services.ledger.transaction() as tx:
            gone = unmatched.forget_lapsed(tx)
            vault_objects.mark_for_deletion(tx, arrivals.vault_keys(gone))
        count += len(gone)
        if not gone:
            break
    remove_orphaned(services)
    _close_days(services)
    return count


def _close_days(services: Services) -> None:
    """Destroy the keys of old days, and with them what is left of their unmatched messages anywhere.

    What is still here is sealed anew before. The fact is written when the key is gone. After a crash between the two,
    the day is still open.
    """
    with services.ledger.transaction() as tx:
        days = day_keys.lapsed(tx)
    while days:
        with services.ledger.transaction() as tx:
            if not arrivals.reseal(tx, days):
                break
    for institution, day in days:
        with services.ledger.transaction() as tx:
            is_empty = day_keys.is_empty(tx, institution, day)
        if not is_empty:
            continue
        services.ledger.keys.destroy(KeyName.day(institution, day))
        with services.ledger.transaction() as tx:
            if fact := day_keys.close(tx, institution, day):
                tx.append(facts.SYSTEM, fact)
