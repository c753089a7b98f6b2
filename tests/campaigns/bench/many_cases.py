"""A ledger as after years of work: so many cases, nineteen of twenty closed, made by COPY in a minute or two.

Some open cases are real, made by verbs, and stand first in every list. Their neighbours have rows of their own in
`cases`, `patients`, `requests`, `holds`, `search_terms`, the first facts of a chain, and what lies around a case: its
message, form, rounds, records and slides. They are named, found, counted and listed as any case is; nobody opens one.
"""

import hashlib
import itertools
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.campaigns.bench.ledgers import bench_ledger
from tests.kit import builders
from tests.kit.staff import ANN
from transfer import codec
from transfer.adapters.keys import FolderKeys
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.flow.telling import tell_all
from transfer.identifiers import CaseId, HoldId, PatientId, RequestId
from transfer.ledger.patients import Identity
from transfer.patients import Demographics, PersonName
from transfer.sandbox.charts import Chart
from transfer.sealing import SITE, KeyGone, KeyName
from transfer.searching import terms_of

#: of all cases, and at least: so that the pages of each list are full
OPEN: Final = 0.05
AT_LEAST_OPEN: Final = 200
#: open cases that are made by verbs, a third of each kind
REAL: Final = 24
#: how the identifiers of neighbours' patients begin
_NEIGHBOUR: Final = "p000000"
#: columns of a case that the database works out
_MADE_OF_OTHERS: Final = frozenset({"is_behind", "may_be_undecided"})
_SYLLABLES: Final = (
    *("bar", "cor", "den", "el", "fal", "gren", "hol", "is", "jor", "kel", "lan", "mor", "nor", "os", "pel", "quin"),
    *("ros", "sten", "tor", "ul", "ven", "wes", "yar", "zel"),
)
_COMMON: Final = ("Smith", "Johnson", "Williams", "Brown", "Jones", "Garcia", "Miller", "Davis", "Rodriguez", "Lopez")
#: more than a search shows
_SURELY_FOUND: Final = 12
#: who is called so has the given name of one in twelve
RARE_NAME: Final = "Quillfeather"
#: when those of the first common name were born who are surely found
SOUGHT_BORN: Final = date(1958, 5, 12)
_GIVEN: Final = ("Mary", "James", "Linda", "Robert", "Ann", "John", "Grace", "Luis", "Ruth", "David", "Carmen", "Paul")


class DerivedKeys(FolderKeys):
    """Keys of neighbours' patients come of their names: to write a file for each would take longer than all else."""

    def fetch(self, name: KeyName) -> bytes:
        try:
            return super().fetch(name)
        except KeyGone:
            if not name.startswith(f"patient/{_NEIGHBOUR}"):
                raise
            return hashlib.sha256(name.encode()).digest()


@dataclass(frozen=True, slots=True)
class Filled:
    """`names`: family names of real patients."""

    services: Services
    owner_url: str
    count: int
    cases: tuple[CaseId, ...]
    names: tuple[str, ...]


@contextmanager
def many_cases(count: int, *, at_least_open: int = AT_LEAST_OPEN) -> Iterator[Filled]:
    """A ledger with so many cases, one of twenty open or so many."""
    with bench_ledger(connections=8, kept=DerivedKeys) as made:
        services = builders.new_services(made.ledger)
        cases, names = _real(services, REAL)
        with psycopg.connect(made.owner_url, options="-csearch_path=transfer", row_factory=dict_row) as owner:
            _fill(owner, DerivedKeys(made.folder / "keys"), count - len(cases), at_least_open)
        yield Filled(services, made.owner_url, count, cases, names)


def _real(services: Services, count: int) -> tuple[tuple[CaseId, ...], tuple[str, ...]]:
    cases, names = [], []
    makes = itertools.cycle((builders.a_case_without_slides, builders.a_case_of_others, _without_form))
    for make in itertools.islice(makes, count):
        chart = builders.a_chart()
        case = make(services, chart)
        soon = datetime.now(UTC) + timedelta(days=7)
        desk.change(services, case, actor=ANN, appointment_at=soon, needed_by=(soon - timedelta(days=5)).date())
        cases.append(case)
        names.append(str(chart["patient"]["family"]))
    tell_all(services)
    return tuple(cases), tuple(names)


def _without_form(services: Services, chart: Chart) -> CaseId:
    return builders.a_case(services, chart, form=False)


# --- neighbours -------------------------------------------------------------------------------------------------------


def _fill(owner: psycopg.Connection[dict[str, Any]], keys: FolderKeys, count: int, at_least_open: int) -> None:
    dice, open_ones = random.Random(count), max(at_least_open, int(count * OPEN))
    owner.execute(
        "CREATE TEMP TABLE neighbours (case_id text, patient text, old_case text, old_patient text, n integer)"
    )
    patterns = {table: owner.execute(f"SELECT * FROM {table}").fetchall() for table in ("cases", "requests", "holds")}
    of_case: dict[str, dict[str, list[dict[str, Any]]]] = {
        table: {
            one["case_id"]: [row for row in patterns[table] if row.get("case_id", row.get("subject")) == one["case_id"]]
            for one in patterns["cases"]
        }
        for table in ("requests", "holds")
    }
    owner.execute("ALTER TABLE search_terms DROP CONSTRAINT search_terms_pkey")
    owner.execute("DROP INDEX search_terms_of")
    rows: dict[str, list[dict[str, Any]]] = {one: [] for one in _TABLES}
    hidden: dict[str, bytes] = {}
    for number in range(count):
        pattern = dice.choice(patterns["cases"])
        _neighbour(rows, dice, number, keys, hidden, pattern, of_case, is_open=number < open_ones)
        if len(rows["cases"]) == _AT_ONCE:
            _copy(owner, rows)
    _copy(owner, rows)
    owner.execute(_FIRST_FACTS)
    for table in _AROUND:
        owner.execute(_around(owner, table))
    owner.execute("ALTER TABLE search_terms ADD PRIMARY KEY (term, patient)")
    owner.execute("CREATE INDEX search_terms_of ON search_terms (patient)")
    owner.execute("DELETE FROM search_terms_owed WHERE patient LIKE %s", [f"{_NEIGHBOUR}%"])
    owner.commit()
    owner.autocommit = True
    owner.execute("VACUUM (ANALYZE)")


_TABLES: Final = (
    *("patients", "patient_epochs", "cases", "requests", "holds", "search_terms", "chain_heads"),
    "neighbours",
)
_AT_ONCE: Final = 5000
#: the first facts of a chain; nobody reads them, and their text is that of another case
_FIRST_FACTS: Final = """INSERT INTO facts
    SELECT 'case:' || c.case_id, p.sequence, c.opened_at, p.kind, p.text, p.previous, p.hash FROM cases AS c, facts AS p
    WHERE p.sequence <= 8
      AND p.chain = (SELECT min(chain) FROM facts WHERE chain LIKE 'case:%')
    ON CONFLICT DO NOTHING"""


_HASHED: Final = "sha256(s.{} || x.n::text::bytea)"
_RENAMED: Final = "left(s.{0}, 1) || substr(md5(s.{0} || x.n), 1, length(s.{0}) - 1)"
_OF_CASE, _OF_PATIENT = "s.case_id = x.old_case", "s.patient = x.old_patient"
_NEW_CASE, _NEW_PATIENT = {"case_id": "x.case_id"}, {"patient": "x.patient"}
#: what lies around a case, each after what it refers to: whose it is, and what a neighbour's has instead
_AROUND: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "due_runs": ("s.subject = x.old_case", {"subject": "x.case_id", "state": "'done'", "noted": "s.sentence"}),
    "arrivals": (
        "s.subject = x.old_case",
        {"arrival": _RENAMED, "dedupe": _HASHED, "control": _HASHED, "subject": "x.case_id", **_NEW_PATIENT},
    ),
    "permissions": (_OF_PATIENT, {"permission": _RENAMED, "arrival": _RENAMED, "reference": _HASHED, **_NEW_PATIENT}),
    "patient_terms": (_OF_PATIENT, {"term": _HASHED, **_NEW_PATIENT}),
    "records": (_OF_PATIENT, {"record": _RENAMED, "origin": _HASHED, "arrival": _RENAMED, **_NEW_PATIENT}),
    "record_parts": (
        "(SELECT patient FROM records AS r WHERE r.record = s.record) = x.old_patient",
        {"record": _RENAMED, "vault_key": "s.vault_key || '/' || x.n"},
    ),
    "collected": (_OF_CASE, {"record": _RENAMED, "permission": _RENAMED, **_NEW_CASE}),
    # counted as announced, so that nobody is to open them
    "materials": (
        _OF_CASE,
        {"material": _RENAMED, "about": "NULL", "state": "'in-hand'", "received": "s.expected", **_NEW_CASE},
    ),
}


def _around(owner: psycopg.Connection[dict[str, Any]], table: str) -> str:
    whose, instead = _AROUND[table]
    columns = owner.execute(
        """SELECT column_name FROM information_schema.columns
           WHERE table_schema = 'transfer' AND table_name = %s AND is_generated = 'NEVER'""",
        [table],
    )
    names = [row["column_name"] for row in columns]
    values = ", ".join(instead.get(name, "s.{}").format(name) for name in names)
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} AS s JOIN neighbours AS x ON {whose}"


def _neighbour(
    rows: Mapping[str, list[dict[str, Any]]],
    dice: random.Random,
    number: int,
    keys: FolderKeys,
    hidden: dict[str, bytes],
    pattern: dict[str, Any],
    of_case: Mapping[str, Mapping[str, list[dict[str, Any]]]],
    *,
    is_open: bool,
) -> None:
    patient, case = PatientId(f"{_NEIGHBOUR}{number:09d}"), CaseId.draw()
    opened = datetime.now(UTC) - timedelta(days=dice.randrange(3, 25) if is_open else dice.randrange(30, 1500))
    who = _somebody(dice, number)
    key = KeyName.patient(patient)
    rows["patients"].append(
        {
            "patient": patient,
            "identity": keys.seal(key, codec.dump(Identity, Identity(current=who)), about=patient),
            "known_at": opened,
        }
    )
    rows["patient_epochs"].append({"patient": patient, "epoch": 1, "begun_at": opened})
    needed = date.today() + timedelta(days=dice.randrange(10, 60)) if is_open else opened.date()  # noqa: DTZ011
    rows["cases"].append(
        {
            **{name: value for name, value in pattern.items() if name not in _MADE_OF_OTHERS},
            "case_id": case,
            "patient": patient,
            "is_open": is_open,
            "opened_at": opened,
            "changed_at": opened,
            "needed_by": needed,
            "appointment_at": datetime.now(UTC) + timedelta(days=dice.randrange(12, 70)) if is_open else opened,
            "why": Jsonb(pattern["why"]),
            "line": 8,
            "told_line": 8,
            "told_epoch": 1,
            "told_at": datetime.now(UTC),
            "decided_line": 8,  # it has the questions of its pattern, and its pieces are in hand
        }
    )
    names = {"old_case": pattern["case_id"], "old_patient": pattern["patient"]}
    rows["neighbours"].append({"case_id": case, "patient": patient, **names, "n": number})
    rows["chain_heads"].append({"chain": f"case:{case}", "sequence": 8})
    for request in of_case["requests"][pattern["case_id"]]:
        state = request["state"] if is_open else "answered"
        rows["requests"].append({**request, "request": RequestId.draw(), "case_id": case, "state": state})
    for hold in of_case["holds"][pattern["case_id"]]:
        resolved = hold["resolved_at"] if is_open else opened
        rows["holds"].append({**hold, "hold": HoldId.draw(), "subject": case, "about": None, "resolved_at": resolved})
    for term in terms_of([who], [str(number)]):
        if term not in hidden:
            hidden[term] = keys.hmac(SITE, f"search|{term}".encode())[:16]
        rows["search_terms"].append({"term": hidden[term], "patient": patient})


def _somebody(dice: random.Random, number: int) -> Demographics:
    """One of eight has a common name. However few there are, a search finds as many as it shows: the first ones are
    twelve of each common name, all of one given name, and those of the first name are born on one day. The next one has
    that given name and a rare one.
    """
    family = dice.choice(_COMMON) if dice.random() < 1 / 8 else "".join(dice.choices(_SYLLABLES, k=3)).title()
    given, born = dice.choice(_GIVEN), date(1930, 1, 1) + timedelta(days=dice.randrange(25000))
    if number < _SURELY_FOUND * len(_COMMON):
        family, given = _COMMON[number % len(_COMMON)], _GIVEN[0]
        born = SOUGHT_BORN if family == _COMMON[0] else born
    elif number == _SURELY_FOUND * len(_COMMON):
        family, given = RARE_NAME, _GIVEN[0]
    return Demographics(names=(PersonName(family, (given,)),), birth_date=born, sex="female")


def _copy(owner: psycopg.Connection[dict[str, Any]], rows: Mapping[str, list[dict[str, Any]]]) -> None:
    for table, found in rows.items():
        if found:
            names = ", ".join(found[0])
            with owner.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in found:
                    copy.write_row(tuple(row.values()))
            found.clear()
