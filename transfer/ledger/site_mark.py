"""The mark by which a ledger knows its keys, so that nobody works on it with others.

A folder of keys that is not mounted looks like one of a new installation. Sealed under other keys, nothing would be
found again. So a site key is drawn for a new ledger alone, and every process looks at the mark before its first
transaction. Restoring a backup brings its mark back.
"""

from transfer.errors import OtherKeys, Unavailable
from transfer.ledger.connections import LedgerConnection
from transfer.sealing import SITE, KeyGone, KeyName, Keys, site_mark

#: rows that are looked at in a ledger of before there was a mark
_MOST = 10


def check(connection: LedgerConnection, keys: Keys) -> bool:
    """Whether these keys are known to be the ledger's. False: they are away, and cannot be asked.

    A ledger of before there was a mark gets one, once these keys are found to open what it holds.

    Raises:
        OtherKeys: they are not, or there are none.
    """
    try:
        own = site_mark(keys)
        marked = _marked(connection)
        if marked is None and not _opens(connection, keys):
            raise OtherKeys("these keys open nothing of what this ledger holds")
    except KeyGone:
        raise OtherKeys("no keys are here: they were never begun, or their disk is not mounted") from None
    except OtherKeys:
        raise
    except Unavailable:
        return False
    if (marked or _mark(connection, own)) != own:
        raise OtherKeys("the keys here are not those of this ledger")
    return True


def begin(connection: LedgerConnection, keys: Keys) -> bool:
    """Draw the site's key unless it is there, and mark the ledger. False: it was there.

    Raises:
        OtherKeys: there is none, and this ledger was begun with one.
    """
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('transfer.site_mark'))")
    are_begun = _are_begun(keys)
    if not are_begun:
        if _marked(connection) is not None or not _is_new(connection):
            raise OtherKeys("the keys of this ledger are not here")
        keys.make(SITE)
    check(connection, keys)
    return not are_begun


def _are_begun(keys: Keys) -> bool:
    try:
        return keys.has(SITE)
    except OtherKeys:  # a key service without any
        return False


def _marked(connection: LedgerConnection) -> bytes | None:
    row = connection.execute("SELECT mark FROM transfer.site_mark").fetchone()
    return bytes(row[0]) if row else None


def _mark(connection: LedgerConnection, mark: bytes) -> bytes | None:
    """Set the mark, unless another has meanwhile. Returns the one that stands."""
    connection.execute("INSERT INTO transfer.site_mark (mark) VALUES (%s) ON CONFLICT DO NOTHING", [mark])
    return _marked(connection)


def _is_new(connection: LedgerConnection) -> bool:
    return not connection.execute(
        "SELECT FROM transfer.facts UNION ALL SELECT FROM transfer.arrivals LIMIT 1"
    ).fetchall()


def _opens(connection: LedgerConnection, keys: Keys) -> bool:
    """Whether one of the keys that rows name is here, or was destroyed here. True where none is named."""
    rows = connection.execute(
        """(SELECT 'patient/' || patient FROM transfer.patients WHERE identity IS NOT NULL
            ORDER BY known_at DESC LIMIT %s)
           UNION ALL (SELECT key FROM transfer.arrivals WHERE payload IS NOT NULL OR vault_key IS NOT NULL
            ORDER BY received_at DESC LIMIT %s)""",
        [_MOST, _MOST],
    ).fetchall()
    named = {KeyName(row[0]) for row in rows}
    return not named or any(keys.has(name) or keys.was_destroyed(name) for name in sorted(named))
