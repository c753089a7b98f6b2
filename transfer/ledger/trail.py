"""Walking the trail: is every line what was written, and does every chain end where its head says?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from transfer import facts
from transfer.facts import Chain, LedgerLine
from transfer.identifiers import PatientId
from transfer.ledger import Row, Tx

#: the lines of a chain as they are stored, each with the chain's head
STORED: Final = """SELECT f.chain, f.sequence, f.text, f.previous, f.hash, f.at, f.kind,
      h.sequence AS head, h.hash AS head_hash
    FROM facts AS f LEFT JOIN chain_heads AS h USING (chain) WHERE f.chain = %s ORDER BY f.sequence"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """One chain. `unanchored` counts the lines after the last one whose hash is held outside, in a packet."""

    chain: str
    lines: int
    broken: str | None
    unanchored: int


def chains(tx: Tx) -> list[str]:
    """Every chain that has a head or a line."""
    rows = tx.rows("SELECT chain FROM chain_heads WHERE sequence > 0 UNION SELECT chain FROM facts ORDER BY 1")
    return [row.chain for row in rows]


def walk(tx: Tx, chain: str) -> Walked:
    """Compare each line of a chain with its hash, its columns, its head and the anchors that packets carry.

    A line written meanwhile changes nothing: one statement gives one picture of lines and head.
    """
    rows = _stored(tx, chain)
    broken = _broken(chain, rows)
    anchored = 0
    if broken is None:
        broken, anchored = _anchors(chain, rows)
    return Walked(chain=chain, lines=len(rows), broken=broken, unanchored=len(rows) - anchored)


def whole_lines(tx: Tx, patient: PatientId) -> list[LedgerLine] | None:
    """A patient's lines, each compared with its hash, its columns and the one before, the last with the head.

    None: some of it is not as it was written.
    """
    chain = Chain.patient(patient)
    rows = tx.held_rows(patient, STORED, chain)
    return None if _broken(chain, rows) else [facts.read(row.text, row.previous, row.hash) for row in rows]


def _stored(tx: Tx, chain: str) -> Sequence[Row]:
    return tx.rows(STORED, chain)


def _broken(chain: str, rows: Sequence[Row]) -> str | None:
    stored = ((Chain(row.chain), row.sequence, row.text, row.previous, row.hash) for row in rows)
    return facts.first_broken(stored, [(row.kind, row.at) for row in rows]) or _head(chain, rows)


def _head(chain: str, rows: Sequence[Row]) -> str | None:
    if not rows:
        return f"{chain}: all its lines are missing"
    last = rows[-1]
    if last.head is None:
        return f"{chain}: its head is missing"
    if last.head > last.sequence:
        return f"{chain}: line {last.sequence + 1} is missing"
    if (last.head, last.head_hash) != (last.sequence, last.hash):
        return f"{chain}: line {last.sequence} is not the one its head names"
    return None


def _anchors(chain: str, rows: Sequence[Row]) -> tuple[str | None, int]:
    """What disagrees with an anchor, and the last anchored line."""
    anchored = 0
    kinds = facts.stored_kinds(facts.Anchored)
    for row in rows:
        if row.kind not in kinds:
            continue
        anchor = facts.read(row.text, row.previous, row.hash).fact
        assert isinstance(anchor, facts.Anchored)  # by its kind
        if anchor.chain != chain:
            continue
        held = rows[anchor.sequence - 1] if anchor.sequence <= len(rows) else None
        if held is None or held.hash.hex() != anchor.head:
            return f"{chain}: line {anchor.sequence} is not the one packet {anchor.packet} names", anchored
        anchored = max(anchored, anchor.sequence)
    return None, anchored
