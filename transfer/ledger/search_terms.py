"""By what people look for patients: HMACs under the site key, written anew where something of a patient changed."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from transfer.identifiers import PatientId
from transfer.ledger import Tx
from transfer.sealing import SITE


def owe(tx: Tx, patient: str) -> None:
    """Something by which the patient may be found changed: their terms are to be written anew. It waits for nobody."""
    tx.send("INSERT INTO search_terms_owed (patient) VALUES (%s)", patient)


def forget(tx: Tx, patient: str) -> None:
    """The patient is found by nothing, until their terms are written again."""
    tx.run("DELETE FROM search_terms WHERE patient = %s", patient)


def is_owed(tx: Tx, for_longer: timedelta) -> bool:
    """Whether somebody's terms are to be written anew, and were not for so long."""
    row = tx.row("SELECT 1 FROM search_terms_owed WHERE at <= (SELECT transfer.now()) - %s LIMIT 1", for_longer)
    return row is not None


def take_owed(tx: Tx, limit: int) -> list[PatientId]:
    """Some whose terms are to be written anew, by this transaction; what another one took is left out.

    The newest first: whoever just came is found by nothing yet, whoever waits since a migration by their old terms.
    """
    rows = tx.rows(
        """DELETE FROM search_terms_owed WHERE ctid IN (
             SELECT ctid FROM search_terms_owed ORDER BY at DESC LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING patient""",
        limit,
    )
    return [PatientId(patient) for patient in sorted({row.patient for row in rows})]


def write(tx: Tx, patient: PatientId, terms: Iterable[str]) -> None:
    """The patient is found by these, and by nothing else."""
    tx.run("DELETE FROM search_terms WHERE patient = %s", patient)
    tx.run(
        """INSERT INTO search_terms (term, patient) SELECT unnest(%s::bytea[]), %s ON CONFLICT DO NOTHING""",
        *(sorted(_hidden(tx, term) for term in terms), patient),
    )


def found(tx: Tx, groups: Sequence[frozenset[str]], limit: int) -> list[PatientId]:
    """Patients who are found by at least one term of each group: the first ones where there are more."""
    pairs = [(_hidden(tx, term), number) for number, group in enumerate(groups) for term in sorted(group)]
    terms, numbers, all_ = [term for term, _ in pairs], [number for _, number in pairs], (1 << len(groups)) - 1
    if len(groups) == 1:
        # Of each term the first ones alone: thousands bear a common name.
        rows = tx.rows(
            f"""SELECT DISTINCT patient FROM unnest(ARRAY(SELECT unnest(%s::bytea[]))) AS sought (term)
                CROSS JOIN LATERAL (SELECT patient FROM search_terms AS s
                  WHERE s.term = sought.term ORDER BY patient LIMIT {limit:d}) AS s
                ORDER BY patient LIMIT {limit:d}""",  # noqa: S608  ours
            terms,
        )
    elif (few := _few(tx, terms, numbers)) is not None:
        rows = tx.rows(
            f"""WITH few AS MATERIALIZED (
                  SELECT DISTINCT patient FROM {_SOUGHT} JOIN search_terms USING (term) WHERE number = %s)
                SELECT patient FROM few CROSS JOIN {_SOUGHT} CROSS JOIN LATERAL (
                  SELECT FROM search_terms AS s WHERE s.term = sought.term AND s.patient = few.patient LIMIT 1) AS s
                WHERE number <> %s GROUP BY patient HAVING {_OF_ALL} ORDER BY patient LIMIT {limit:d}""",  # noqa: S608  ours
            *(terms, numbers, few, terms, numbers, few, all_ & ~(1 << few)),
        )
    else:
        rows = tx.rows(
            f"""SELECT patient FROM {_SOUGHT} JOIN search_terms USING (term)
                GROUP BY patient HAVING {_OF_ALL} ORDER BY patient LIMIT {limit:d}""",  # noqa: S608  ours
            *(terms, numbers, all_),
        )
    return [PatientId(row.patient) for row in rows]


#: as `ANY_OF`, for pairs
_SOUGHT: Final = "unnest(ARRAY(SELECT unnest(%s::bytea[])), ARRAY(SELECT unnest(%s::int[]))) AS sought (term, number)"
#: the groups that a patient has, as bits: to count different numbers PostgreSQL puts all rows in order
_OF_ALL: Final = "bit_or(1 << number) = %s::int"
#: of a group with so few rows each patient is looked up; to read the other groups' rows costs more
_FEW: Final = 300


def _few(tx: Tx, terms: Sequence[bytes], numbers: Sequence[int]) -> int | None:
    """The number of the group that finds the fewest, where those are few: a family name beside a given one."""
    row = tx.row(
        f"""SELECT number, sum(found) AS found FROM {_SOUGHT} CROSS JOIN LATERAL (
              SELECT count(*) AS found FROM (
                SELECT FROM search_terms AS s WHERE s.term = sought.term LIMIT {_FEW:d}) AS one) AS each
            GROUP BY number ORDER BY 2, 1 LIMIT 1""",  # noqa: S608  ours
        *(list(terms), list(numbers)),
    )
    return row.number if row and row.found < _FEW else None


def _hidden(tx: Tx, term: str) -> bytes:
    """Half of an HMAC-SHA-256 is enough: what it finds wrongly is not shown (NIST SP 800-107 Rev. 1, section 5.3.3)."""
    return tx.keys.hmac(SITE, f"search|{term}".encode())[:16]
