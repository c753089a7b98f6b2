"""Where SQL stands: a statement that names a table of ours is in the ledger, or its migrations, and nowhere else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEDGER = ROOT / "transfer" / "ledger"
MIGRATIONS = "\n".join(path.read_text() for path in sorted((LEDGER / "migrations").glob("*.sql")))
#: every name a table has or had, and the one that `migrate` makes itself
TABLES = {"migrations", *re.findall(r"(?:CREATE TABLE|RENAME TO) (\w+)", MIGRATIONS)}
#: a statement, or a piece of one, that names a table; its words stand in capitals here, as all our SQL does
STATEMENT = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|TRUNCATE|COPY|ONLY|USING)\s+(?:transfer\.|public\.)?(?:"
    + "|".join(sorted(TABLES))
    + r")\b"
)
PROGRAMS = sorted(
    path
    for folder in ("transfer", "plugins", "dags", "deploy", "checks")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".sh", ".sql", ".yaml") and not path.is_relative_to(LEDGER)
)


def texts(path: Path) -> Iterator[str]:
    """The texts of a program that are no docstrings: where one is put together, all its pieces in one."""
    if path.suffix != ".py":
        yield path.read_text()
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "?" for one in node.values)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_statement_outside_the_ledger_names_a_table_of_ours(path: Path):
    assert [text for text in texts(path) if STATEMENT.search(text)] == []


def test_the_search_finds_what_it_is_for():
    assert {"cases", "due_runs", "unmatched_counts", "vault_uploads", "clock"} <= TABLES
    assert STATEMENT.search("SELECT 1\n   FROM transfer.arrivals AS a")
    assert STATEMENT.search("UPDATE cases SET is_open = false")
    assert not STATEMENT.search("SELECT FROM pg_roles WHERE rolname = %s")
    assert sum(bool(STATEMENT.search(text)) for path in LEDGER.glob("*.py") for text in texts(path)) > 100
    assert len(PROGRAMS) > 200
