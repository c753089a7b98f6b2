"""Codes that an institution uses and that mean nothing here yet, sealed: how often each was seen, first and last."""

from collections import Counter
from collections.abc import Iterable

from transfer.identifiers import InstitutionId
from transfer.ledger import Tx
from transfer.sealing import SITE
from transfer.unmapped_codes import MOST_CODES, REMEMBERED, CodeUse, UnmappedCode


def note(tx: Tx, institution: InstitutionId, use: CodeUse, keys: Iterable[str]) -> None:
    """These were seen now. Beyond so many of one institution no new one is noted."""
    for key, times in sorted(Counter(keys).items()):
        term = tx.keys.hmac(SITE, f"code/{institution}/{use}/{key}".encode())
        tx.run(
            """INSERT INTO unmapped_codes (institution, term, use, code, times, first_at, last_at)
               SELECT %s, %s, %s, %s, %s, t, t FROM transfer.now() AS t
               WHERE (SELECT count(*) FROM unmapped_codes WHERE institution = %s) < %s
                  OR EXISTS (SELECT 1 FROM unmapped_codes WHERE institution = %s AND term = %s)
               ON CONFLICT (institution, term) DO UPDATE
               SET times = unmapped_codes.times + excluded.times, last_at = excluded.last_at""",
            *(institution, term, use, tx.keys.seal(SITE, key.encode(), about=term.hex()), times),
            *(institution, MOST_CODES, institution, term),
        )


def of_institution(tx: Tx, institution: InstitutionId) -> list[UnmappedCode]:
    """All of them, what was seen most first; also those that its file maps meanwhile."""
    rows = tx.rows(
        "SELECT * FROM unmapped_codes WHERE institution = %s ORDER BY times DESC, first_at, term", institution
    )
    return [
        UnmappedCode(
            institution=institution,
            use=CodeUse(row.use),
            key=tx.keys.unseal(SITE, row.code, about=bytes(row.term).hex()).decode(),
            times=row.times,
            first_at=row.first_at,
            last_at=row.last_at,
        )
        for row in rows
    ]


def forget_old(tx: Tx) -> None:
    """Forget what was not seen for a long time. Doing so again does nothing."""
    tx.run("DELETE FROM unmapped_codes WHERE last_at < transfer.now() - %s", REMEMBERED)
