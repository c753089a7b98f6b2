"""Every right of every database role, written out: a new grant, a new role or a new member turns this red."""

import psycopg
import pytest

from transfer.embedded.postgres import Postgres

pytestmark = pytest.mark.servers

ADD = frozenset({"SELECT", "INSERT"})
CHANGE = ADD | {"UPDATE"}
FORGET = ADD | {"DELETE"}

#: what the application may do, by table. Facts can be added and never changed; what a purge empties can be changed or
#: deleted; the clock can be read.
APP = {
    "clock": frozenset({"SELECT"}),
    "facts": ADD,
    "emergencies": ADD,
    "indexed_pages": ADD,
    "packet_records": ADD,
    "site_mark": ADD,
    "disputes": FORGET,
    "page_texts": FORGET,
    "staff": CHANGE,
    "facilities": CHANGE,
    "frames_not_taken": CHANGE,
    "letters": CHANGE,
    "patient_flags": FORGET,
    "letter_codes": FORGET,
    "letter_pins": CHANGE | FORGET,
    "opened_letters": CHANGE | FORGET,
    "letter_replies": FORGET,
    "local_account": CHANGE | FORGET,
    "sessions": CHANGE | FORGET,
    "outside_sessions": CHANGE | FORGET,
    "outside_tries": CHANGE | FORGET,
    "center_accounts": CHANGE,
    "center_people": CHANGE,
    "referral_numbers": FORGET,
    "arrival_terms": FORGET,
    "patient_terms": FORGET,
    "record_terms": FORGET,
    "heeded_words": FORGET,
    "record_parts": CHANGE | FORGET,
    "arrivals": CHANGE | FORGET,
    "compared_identities": CHANGE | FORGET,
    "merged_patients": CHANGE | FORGET,
    "merged_items": FORGET,
    "vault_uploads": CHANGE | FORGET,
    "search_terms": FORGET,
    "search_terms_owed": CHANGE | FORGET,
    "unmapped_codes": CHANGE | FORGET,
    "turns": CHANGE | FORGET,
    "alerts": CHANGE | FORGET,
} | dict.fromkeys(
    (
        *(
            "cases",
            "chain_heads",
            "collected",
            "disclosures",
            "due_runs",
            "egress",
            "hold_answers",
            "holds",
            "incoming",
            "materials",
        ),
        *("notes", "packets", "patient_epochs", "patients", "permissions", "queues", "records", "requests"),
        "round_lines",
        "unmatched_counts",
        *("parcels", "parcel_contents"),
        *("exchanges", "last_exchanges", "alert_messages", "alert_watch"),
    ),
    CHANGE,
)

#: rights on whole tables and on single columns, of everybody but the owner
#: all of ours
_FUNCTIONS = ("now", "lock_chain", "hold_epoch", "owe", "store_arrivals")
_TABLES = """
    SELECT n.nspname || '.' || c.relname AS name, coalesce(r.rolname, 'PUBLIC') AS role, a.privilege_type AS right
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (
        SELECT (aclexplode(c.relacl)).* UNION ALL
        SELECT (aclexplode(attacl)).* FROM pg_attribute WHERE attrelid = c.oid
    ) AS a LEFT JOIN pg_roles AS r ON r.oid = a.grantee
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND a.grantee <> c.relowner
"""
_SCHEMAS = """
    SELECT nspname, coalesce(rolname, 'PUBLIC'), privilege_type FROM pg_namespace
    CROSS JOIN LATERAL aclexplode(nspacl) AS a LEFT JOIN pg_roles ON pg_roles.oid = a.grantee
    WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND a.grantee <> nspowner
"""
_DATABASES = """
    SELECT datname, coalesce(rolname, 'PUBLIC'), privilege_type FROM pg_database
    CROSS JOIN LATERAL aclexplode(datacl) AS a LEFT JOIN pg_roles ON pg_roles.oid = a.grantee
    WHERE a.grantee <> datdba AND datname IN ('transfer', 'airflow', 'postgres', 'template1')
"""
_ROLES = """
    SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolcanlogin FROM pg_roles
    WHERE rolname !~ '^pg_'
"""


def rows(
    postgres: Postgres, query: str, role: str = "superuser", database: str = "transfer"
) -> set[tuple[object, ...]]:
    with psycopg.connect(postgres.url(role, database)) as connection:  # type: ignore[arg-type]
        return set(connection.execute(query).fetchall())


def test_the_application_has_these_rights_on_tables_and_nobody_else_has_any(migrated: Postgres):
    expected = {(f"transfer.{table}", "transfer_app", right) for table, rights in APP.items() for right in rights}

    # It may ask which migrations there were, not when.
    assert rows(migrated, _TABLES) == expected | {("public.migrations", "transfer_app", "SELECT")}


def test_every_table_is_the_owners(migrated: Postgres):
    owners = "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'transfer'::regnamespace"

    assert rows(migrated, owners) == {("transfer_owner",)}
    assert rows(migrated, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
                "AND relowner <> 'transfer_owner'::regrole") == {(0,)}  # fmt: skip


def test_the_application_may_use_its_schema_and_make_nothing_in_any(migrated: Postgres):
    assert rows(migrated, _SCHEMAS) == {("transfer", "transfer_app", "USAGE"), ("public", "PUBLIC", "USAGE")}


def test_each_role_may_enter_its_own_database_and_no_other(migrated: Postgres):
    # TEMPORARY on a database nobody may enter is of no use
    assert rows(migrated, _DATABASES) == {
        ("transfer", "transfer_app", "CONNECT"),
        ("postgres", "PUBLIC", "TEMPORARY"),
    }


def test_no_role_is_more_than_it_seems(migrated: Postgres):
    plain = (False, False, False, False, False, True)

    assert rows(migrated, _ROLES) == {
        ("postgres", True, True, True, True, True, True),
        ("transfer_owner", *plain),
        ("transfer_app", *plain),
        ("airflow", *plain),
    }
    members = """SELECT member::regrole::text FROM pg_auth_members
                 WHERE member::regrole::text IN ('transfer_owner', 'transfer_app', 'airflow')"""
    assert rows(migrated, members) == set()


def test_what_is_made_later_is_granted_to_nobody_by_default(migrated: Postgres):
    assert rows(migrated, "SELECT defaclrole FROM pg_default_acl") == set()
    assert rows(migrated, "SELECT defaclrole FROM pg_default_acl", database="airflow") == set()


def test_no_function_runs_with_the_rights_of_another(migrated: Postgres):
    ours = """SELECT proname, prosecdef, proowner::regrole::text FROM pg_proc
              WHERE pronamespace IN ('transfer'::regnamespace, 'public'::regnamespace)"""

    assert rows(migrated, ours) == {(name, False, "transfer_owner") for name in _FUNCTIONS}


def test_in_airflows_database_nobody_but_airflow_has_a_right(migrated: Postgres):
    assert rows(migrated, _TABLES, database="airflow") == set()
    assert rows(migrated, _SCHEMAS, database="airflow") == {("public", "PUBLIC", "USAGE")}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transfer.facts SET kind = 'x'",
        "DELETE FROM transfer.facts",
        "TRUNCATE transfer.facts",
        "UPDATE transfer.clock SET ahead = '1 day'",
        "UPDATE transfer.emergencies SET recipient = 'x'",
        "DELETE FROM transfer.disclosures",
        "DELETE FROM transfer.egress",
        "DELETE FROM transfer.permissions",
        "ALTER TABLE transfer.facts DISABLE TRIGGER ALL",
        "DROP TABLE transfer.facts",
        "CREATE TABLE transfer.t (n int)",
        "CREATE TABLE public.t (n int)",
        "CREATE OR REPLACE FUNCTION transfer.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'",
        "SET ROLE transfer_owner",
        "SET SESSION AUTHORIZATION transfer_owner",
        "ALTER ROLE transfer_app SUPERUSER",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY transfer.facts TO PROGRAM 'cat'",
        "SELECT * FROM pg_authid",
        "SELECT * FROM public.migrations",
    ],
)
def test_the_application_is_refused(migrated: Postgres, statement: str):
    with psycopg.connect(migrated.url("app")) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(statement.encode())
