"""Storing what arrives: all that came together by one statement, each of it named, hashed and sealed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any

from transfer.arrivals import ArrivalKind
from transfer.identifiers import ArrivalId, CaseId, InstitutionId
from transfer.ledger import Tx, day_keys, rounds
from transfer.ledger.arrivals import NewArrival, Stored
from transfer.rounds import Dag
from transfer.sealing import SITE, KeyName, Keys


def store(tx: Tx, incoming: Sequence[NewArrival], *, received_at: datetime | None = None) -> list[Stored]:
    """Store all of it; durable once the transaction commits. What was stored before is a duplicate and not repeated.

    It is one statement, however many they are. A referral gets its case here. `received_at` is that of the first, where
    it is not now; each further one came a microsecond later. Call `owe_for` last in the same transaction.
    """
    if not incoming:
        return []
    while True:
        today = tx.now().date()
        values = brought(tx.keys, incoming, today)
        told = tx.rows(
            "SELECT * FROM transfer.store_arrivals(%s, %s, %s, %s, NULL, %s, %s::json, %b::bytea[])",
            *(today, received_at, len(incoming), values.institutions),
            *(values.written or None, values.said, values.payloads),
        )
        stored = values.stored({row.place: (row.arrival, row.subject) for row in told})
        if stored is not None:
            return stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What `transfer.store_arrivals` is given. It processes it in order of receipt, which is the order here."""

    #: whose it is, each once, sorted; the keys of their day are made
    institutions: list[str]
    #: the rounds that process it, each once, sorted: what, and about what
    due: list[list[str]]
    #: keys of what lies in the vault
    written: list[str]
    #: all of it but the payloads, in JSON
    said: str
    #: sealed, where there are any
    payloads: list[bytes | None] | None
    #: of each the arrival that it becomes, and what that is about
    becomes: list[tuple[ArrivalId, str | None]]

    def stored(self, before: Mapping[int, tuple[str, str | None]]) -> list[Stored] | None:
        """`before`: what was there before, by place, with the arrival that it is and what that is about. None: place 0
        says that the day ended before it was stored, and nothing was.
        """
        if 0 in before:
            return None
        found: list[Stored] = []
        for place, (arrival, subject) in enumerate(self.becomes, 1):
            if place in before:
                known, subject = before[place]
                arrival = ArrivalId(known)
            found.append(Stored(arrival=arrival, is_duplicate=place in before, subject=subject))
        return found


def brought(keys: Keys, incoming: Sequence[NewArrival], today: date) -> Brought:
    """All that came, named, sealed and hashed.

    Raises:
        Unavailable: the keys are away.
    """
    institutions = sorted({one.institution for one in incoming})
    names = {one: KeyName.day(one, today) for one in institutions}
    rows = _rows(keys, incoming, names)
    payloads: dict[InstitutionId, dict[str, bytes]] = {one: {} for one in institutions}
    for row, one in zip(rows, incoming, strict=True):
        if one.payload is not None:
            payloads[one.institution][row["arrival"]] = one.payload
    sealed: dict[str, bytes] = {}
    for institution, theirs in payloads.items():
        sealed |= day_keys.seal_each(keys, institution, today, theirs)
    due = {(row["dag"], row["owed"]) for row in rows}
    return Brought(
        institutions=[str(one) for one in institutions],
        due=[[str(dag), subject] for dag, subject in sorted(due)],
        written=[one.location.key for one in incoming if one.location],
        said=json.dumps(rows),
        payloads=[sealed.get(row["arrival"]) for row in rows] if sealed else None,
        becomes=[(row["arrival"], row["subject"]) for row in rows],
    )


def owe_for(tx: Tx, incoming: Sequence[NewArrival], stored: Sequence[Stored]) -> None:
    """Owe the rounds that process what is new."""
    new = [(one, kept) for one, kept in zip(incoming, stored, strict=True) if not kept.is_duplicate]
    owed = {_round_of(one, kept.subject) for one, kept in new}
    for dag, subject in sorted(owed):
        rounds.owe(tx, Dag(dag), subject)


def _round_of(one: NewArrival, subject: str | None) -> tuple[Dag, str]:
    if one.kind is ArrivalKind.REFERRAL and subject:
        return Dag.OPEN_CASE, subject
    if one.kind is ArrivalKind.RECEIPT and subject:
        return Dag.SETTLE_DELIVERY, subject
    return Dag.RECEIVE_ARRIVALS, "inbox"


def _rows(keys: Keys, incoming: Sequence[NewArrival], names: Mapping[InstitutionId, KeyName]) -> list[dict[str, Any]]:
    """What is brought, without its payload, for the database to read as JSON. The site's key is read once, however
    many they are.
    """
    said = [
        (
            f"arrival|{one.institution}|{one.door}|{one.business}".encode(),
            f"control|{one.institution}|{one.control}".encode(),
            one.content_sha256,
        )
        for one in incoming
    ]
    found = keys.hmacs(SITE, list(chain.from_iterable(said)))
    dedupes, controls, hashes = found[::3], found[1::3], found[2::3]
    rows: list[dict[str, Any]] = []
    first_with: dict[bytes, bytes] = {}
    for n, one in enumerate(incoming):
        subject = CaseId.draw() if one.kind is ArrivalKind.REFERRAL else one.subject
        dag, owed = _round_of(one, subject)
        row = {
            "place": n + 1,
            "arrival": ArrivalId.draw(),
            "institution": one.institution,
            "door": one.door,
            "kind": one.kind,
            "dedupe": dedupes[n].hex(),
            "control": controls[n].hex() if one.control else None,
            # the statement does not see its own rows
            "conflicts": bool(one.control) and first_with.setdefault(controls[n], dedupes[n]) != dedupes[n],
            "content_type": one.content_type,
            "size": one.size,
            "sha256": hashes[n].hex(),
            "vault_key": one.location.key if one.location else None,
            "vault_sha256": one.location.sha256 if one.location else None,
            "key": names[one.institution],
            "subject": subject,
            "dag": dag,
            "owed": owed,
        }
        rows.append(row)
    return rows
