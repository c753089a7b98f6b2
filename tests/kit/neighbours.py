"""Cases beside those that a test or a bench works on: copies of the rows that the flow wrote, under other names.

Nobody can open one: what is sealed in them is sealed for the case that they were copied from.
"""

import psycopg
from psycopg.rows import TupleRow


def multiply(owner: psycopg.Connection[TupleRow], times: int) -> None:
    """Copy every row of every table under other identifiers and digests, so that there are `times` as many cases."""
    owner.execute(_COPIED)
    columns: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in owner.execute(_COLUMNS):
        columns.setdefault(str(table), []).append((str(column), str(kind)))
    for table in _parents_first(owner, set(columns)):
        names = ", ".join(name for name, _ in columns[table])
        values = ", ".join(f"pg_temp.copied({c}, n)" if kind in _COPIED_KINDS else c for c, kind in columns[table])
        owner.execute(
            f"INSERT INTO {table} ({names}) SELECT {values} FROM {table}, generate_series(2, {times}) AS n "
            "ON CONFLICT DO NOTHING"
        )
    # nobody processes the neighbours: what they wait for is due tomorrow, and what was said of them is on their runs
    owner.execute("UPDATE due_runs SET noted = sentence")
    owner.execute("UPDATE due_runs SET not_before = clock_timestamp() + interval '1 day' WHERE state <> 'done'")
    owner.commit()
    owner.autocommit = True
    owner.execute("VACUUM (ANALYZE)")


def _parents_first(owner: psycopg.Connection[TupleRow], tables: set[str]) -> list[str]:
    rows = owner.execute(_FOREIGN_KEYS)
    needs = [(child, parent) for child, parent in rows if child != parent]
    found: list[str] = []
    while len(found) < len(tables):
        found += sorted(t for t in tables - set(found) if all(p in found for c, p in needs if c == t))
    return found


_FOREIGN_KEYS = "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
_COPIED_KINDS = ("text", "bytea")
_COLUMNS = """SELECT table_name, column_name, data_type FROM information_schema.columns
    JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'transfer' AND table_type = 'BASE TABLE' AND table_name <> 'clock' AND is_generated = 'NEVER'
      AND table_name NOT LIKE '%migration%'"""
_COPIED = r"""
    CREATE FUNCTION pg_temp.copied(said text, n integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT coalesce((
            SELECT m[1] || left(m[2], 1) || substr(md5(m[2] || n), 1, length(m[2]) - 1) || m[3]
            FROM regexp_match(said,
              '^(case:|patient[:/]|)([a-z](?:[0-9a-hjkmnp-tv-z]{15}|[0-9a-hjkmnp-tv-z]{11}))((?:-p[0-9]+)?)$') AS m
        ), said) $$;
    CREATE FUNCTION pg_temp.copied(said bytea, n integer) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE WHEN length(said) IN (16, 32) THEN substr(sha256(said || n::text::bytea), 1, length(said))
            ELSE said END $$;
"""


def close_all_but(owner: psycopg.Connection[TupleRow], cases: list[str]) -> None:
    """Every other case was closed yesterday, as the flow leaves it: nobody owes or asks anything."""
    others = "NOT case_id = ANY(%s)"
    owner.execute(f"UPDATE cases SET is_open = false, owner = NULL, call_on = NULL WHERE {others}", [cases])
    owner.execute(f"UPDATE requests SET state = 'withdrawn' WHERE {others} AND state <> 'answered'", [cases])
    owner.execute(
        """UPDATE holds SET resolved_at = transfer.now(), answer = 'closed'
           WHERE NOT subject = ANY(%s) AND resolved_at IS NULL""",
        [cases],
    )
    owner.execute(
        """UPDATE patient_epochs SET begun_at = begun_at - interval '1 day'
           WHERE NOT patient IN (SELECT patient FROM cases WHERE case_id = ANY(%s))""",
        [cases],
    )
