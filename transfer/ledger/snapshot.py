"""The whole ledger at one moment, table by table, out and in again, for backup and restore."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from transfer.identifiers import PacketId, PatientId
from transfer.ledger import Row, Tx, migrate, packets
from transfer.sealing import KeyGone, KeyName
from transfer.staging import Location

#: tables of the installation, not of the ledger: how far a sandbox's clock is ahead
_NOT_KEPT = ("clock",)


def owner(url: str) -> psycopg.Connection[Row]:
    """A connection in which tables can be copied."""
    return psycopg.connect(url, row_factory=namedtuple_row, options="-csearch_path=transfer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A table: its columns, and those its rows are put in order by."""

    name: str
    columns: tuple[str, ...]
    ordered_by: tuple[str, ...]


def shapes(connection: psycopg.Connection[Row]) -> list[Shape]:
    """Every table of the ledger, each after those it refers to."""
    columns = connection.execute(
        """SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns,
             coalesce((SELECT array_agg(k.attname::text ORDER BY array_position(i.indkey::int2[], k.attnum))
               FROM pg_index AS i JOIN pg_attribute AS k ON k.attrelid = c.oid AND k.attnum = ANY(i.indkey)
               WHERE i.indrelid = c.oid AND i.indisprimary),
               array_agg(a.attname::text ORDER BY a.attnum)) AS ordered_by
           FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
           WHERE c.relnamespace = 'transfer'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
             AND NOT a.attisdropped AND a.attgenerated = '' AND NOT c.relname = ANY(%s)
           GROUP BY c.oid, c.relname""",
        [list(_NOT_KEPT)],
    ).fetchall()
    references = connection.execute(
        """SELECT conrelid::regclass::text AS one, confrelid::regclass::text AS other FROM pg_constraint
           WHERE contype = 'f' AND connamespace = 'transfer'::regnamespace AND conrelid <> confrelid"""
    ).fetchall()
    found = {
        row.name: Shape(name=row.name, columns=tuple(row.columns), ordered_by=tuple(row.ordered_by)) for row in columns
    }
    needs: dict[str, set[str]] = {name: set() for name in sorted(found)}
    for row in references:
        needs[row.one.rpartition(".")[2]].add(row.other.rpartition(".")[2])
    return [found[name] for name in TopologicalSorter(needs).static_order()]


def rows_of(connection: psycopg.Connection[Row], shape: Shape) -> Iterator[bytes]:
    """A table's rows in order, each a line of COPY's text."""
    query = sql.SQL("COPY (SELECT {} FROM transfer.{} ORDER BY {}) TO STDOUT").format(
        _named(shape.columns), sql.Identifier(shape.name), _named(shape.ordered_by)
    )
    with connection.cursor().copy(query) as copy:
        for row in copy:
            yield bytes(row)


def take_in(connection: psycopg.Connection[Row], name: str, columns: Sequence[str], text: Iterator[bytes]) -> None:
    """Put rows into an empty table, as `rows_of` gave them."""
    query = sql.SQL("COPY transfer.{} ({}) FROM STDIN").format(sql.Identifier(name), _named(columns))
    with connection.cursor().copy(query) as copy:
        for piece in text:
            copy.write(piece)


def _named(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def is_empty(connection: psycopg.Connection[Row]) -> bool:
    """Whether nothing was ever written here."""
    return not connection.execute("SELECT 1 FROM facts UNION ALL SELECT 1 FROM arrivals LIMIT 1").fetchall()


def others_at_work(connection: psycopg.Connection[Row]) -> bool:
    """Whether others have sessions in this database, and keep them for three seconds.

    A role sees of another's sessions only who holds them. A health check comes every other second and leaves at once,
    so a session that stays is work.
    """
    until = time.monotonic() + 3
    while _sessions_of_others(connection):
        if time.monotonic() > until:
            return True
        time.sleep(0.05)
    return False


def _sessions_of_others(connection: psycopg.Connection[Row]) -> bool:
    connection.execute("SELECT pg_stat_clear_snapshot()")  # otherwise a transaction keeps seeing what it saw first
    found = connection.execute(
        """SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
           AND usename IS NOT NULL AND pid <> pg_backend_pid() LIMIT 1"""
    ).fetchall()
    return bool(found)


def lock_out_others(connection: psycopg.Connection[Row]) -> None:
    """Lock the ledger: until the transaction's end, others that write or migrate wait.

    Raises:
        psycopg.errors.LockNotAvailable: somebody is at work.
    """
    connection.execute("SET LOCAL lock_timeout = '3s'")
    migrate.lock(connection)
    connection.execute("LOCK TABLE facts, arrivals IN ACCESS EXCLUSIVE MODE")
    connection.execute("SET LOCAL lock_timeout = 0")


# --- the objects a ledger names ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A whole object, and the key whose destruction purges its content."""

    location: Location
    under: KeyName
    #: the packet it was made for, if any: only that packet's plan names it
    packet: PacketId | None = None


def objects(tx: Tx) -> list[Named]:
    """Every object that records, arrivals, papers and packets name, each once, by its key."""
    rows = tx.rows(
        """SELECT vault_key, start, length, sha256, 'patient/' || patient AS under
             FROM record_parts JOIN records USING (record)
           UNION ALL SELECT vault_key, 0, size, vault_sha256, key FROM arrivals WHERE vault_key IS NOT NULL
           UNION ALL SELECT vault_key, 0, vault_size, vault_sha256, 'incoming/' || incoming
             FROM incoming WHERE vault_key IS NOT NULL
           UNION ALL SELECT pictures_key, 0, (SELECT sum(size) FROM unnest(picture_sizes) AS size), pictures_sha256,
             'incoming/' || incoming FROM incoming WHERE pictures_key IS NOT NULL
           ORDER BY 1, 2, 3 DESC, 5 DESC"""
    )
    found = {row.vault_key: _named_by(row) for row in reversed(rows)}
    for packet in tx.rows("SELECT packet, patient FROM packets JOIN cases USING (case_id) WHERE plan IS NOT NULL"):
        found |= {one.location.key: one for one in _generated(tx, PacketId(packet.packet), PatientId(packet.patient))}
    return [found[key] for key in sorted(found)]


def _named_by(row: Row) -> Named:
    # One object was kept at once. The part that begins at its first byte and reaches furthest is all of it.
    return Named(
        location=Location(key=row.vault_key, offset=row.start, length=row.length, sha256=row.sha256),
        under=KeyName(row.under),
    )


def _generated(tx: Tx, packet: PacketId, patient: PatientId) -> list[Named]:
    """The objects made for a packet alone; none where its patient is forgotten."""
    try:
        plan = packets.plan_of(tx, packet, patient)
    except KeyGone:
        return []
    under = KeyName.patient(patient)
    return [Named(location=each, under=under, packet=packet) for each in plan.generated_objects]


def names(tx: Tx) -> set[str]:
    """Keys of all objects the ledger names, those too that are only begun or to be removed."""
    begun = {row.key for row in tx.rows("SELECT key FROM vault_uploads")}
    return begun | {one.location.key for one in objects(tx)}


def is_named(tx: Tx, named: Named) -> bool:
    """Whether records, arrivals, papers or its packet's plan still name it. A plan is purged as a whole."""
    row = tx.row(
        """SELECT 1 FROM record_parts WHERE vault_key = %s
           UNION ALL SELECT 1 FROM arrivals WHERE vault_key = %s
           UNION ALL SELECT 1 FROM incoming WHERE %s IN (vault_key, pictures_key)
           UNION ALL SELECT 1 FROM packets WHERE packet = %s AND plan IS NOT NULL LIMIT 1""",
        *(named.location.key, named.location.key, named.location.key, named.packet),
    )
    return row is not None
