"""Parcels: taken in once, by their numbers; what was counted of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from transfer import facts
from transfer.facts import Chain
from transfer.identifiers import CaseId, MaterialId, ParcelId
from transfer.ledger import Row, Tx
from transfer.parcels import Carrier, Condition, Parcel, as_number, kept_until
from transfer.sealing import SITE

#: characters of a courier's number whose last four are not the half of it
_LONG: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many pieces of a material came in a parcel, as they were counted last."""

    case: CaseId
    material: MaterialId
    pieces: int


def take_in(
    tx: Tx,
    carrier: Carrier,
    condition: Condition,
    *,
    number: str,
    shelf: str,
    place: str | None,
    by: str,
    today: date,
) -> tuple[ParcelId, bool]:
    """The parcel of this number, and whether it is new. Without a number each one is new."""
    plain, parcel = as_number(number), ParcelId.draw()
    hidden = _hidden(tx, plain) if plain else None
    new = tx.run(
        """INSERT INTO parcels (parcel, place, carrier, condition, number, number_end, shelf, kept_until, received_by)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (place, number) DO NOTHING""",
        *(parcel, place or "", carrier, condition, hidden, _end(plain), shelf, kept_until(today), by),
    )
    if not new:
        known = _by_number(tx, plain, place)
        assert known is not None  # it is what stood in the way
        return ParcelId(known.parcel), False
    fact = facts.ParcelReceived(
        parcel=parcel, carrier=carrier, condition=condition, place=place, number_hmac=hidden.hex() if hidden else None
    )
    tx.append(Chain.desk(tx.now().date()), fact)
    return parcel, True


def by_number(tx: Tx, number: str, place: str | None) -> Parcel | None:
    """The parcel of this courier's number, if it came here."""
    plain = as_number(number)
    row = _by_number(tx, plain, place) if plain else None
    return _parcel(row) if row else None


def _by_number(tx: Tx, plain: str, place: str | None) -> Row | None:
    return tx.row("SELECT * FROM parcels WHERE place = %s AND number = %s", place or "", _hidden(tx, plain))


def get(tx: Tx, parcel: ParcelId, place: str | None) -> Parcel | None:
    """The parcel, if it came here."""
    row = tx.row("SELECT * FROM parcels WHERE parcel = %s AND place = %s", parcel, place or "")
    return _parcel(row) if row else None


def unmatched(tx: Tx, place: str | None, limit: int) -> Sequence[Parcel]:
    """Those of which nothing was counted yet, the oldest first."""
    rows = tx.rows(
        """SELECT * FROM parcels WHERE place = %s AND NOT is_counted
           ORDER BY received_at, parcel LIMIT %s""",
        *(place or "", limit),
    )
    return [_parcel(row) for row in rows]


def newest(tx: Tx, place: str | None, limit: int) -> Sequence[Parcel]:
    """Those of which something was counted, the newest first."""
    rows = tx.rows(
        """SELECT * FROM parcels WHERE place = %s AND is_counted
           ORDER BY received_at DESC, parcel LIMIT %s""",
        *(place or "", limit),
    )
    return [_parcel(row) for row in rows]


def contents(tx: Tx, parcel: ParcelId) -> list[Counted]:
    """What was counted of it, case by case."""
    rows = tx.rows(
        """SELECT case_id, material, pieces FROM parcel_contents JOIN materials USING (material)
           WHERE parcel = %s ORDER BY case_id, institution, line, nth, kind""",
        parcel,
    )
    return [Counted(case=CaseId(row.case_id), material=MaterialId(row.material), pieces=row.pieces) for row in rows]


def came_to(tx: Tx, material: MaterialId, place: str) -> bool:
    """Whether some of these pieces came in a parcel of this receiving center."""
    return bool(
        tx.rows(
            "SELECT 1 FROM parcel_contents JOIN parcels USING (parcel) WHERE material = %s AND place = %s LIMIT 1",
            *(material, place),
        )
    )


def counted(tx: Tx, parcel: ParcelId, material: MaterialId) -> int:
    """How many pieces of the material were counted of it before."""
    found = tx.value("SELECT pieces FROM parcel_contents WHERE parcel = %s AND material = %s", parcel, material)
    return found or 0


def keep_count(tx: Tx, parcel: ParcelId, material: MaterialId, pieces: int) -> None:
    """The count of a material in it, whatever was counted before."""
    tx.run(
        """INSERT INTO parcel_contents (parcel, material, pieces) VALUES (%s, %s, %s)
           ON CONFLICT (parcel, material) DO UPDATE SET pieces = excluded.pieces""",
        *(parcel, material, pieces),
    )
    tx.run("UPDATE parcels SET is_counted = true WHERE parcel = %s AND NOT is_counted", parcel)


def _end(number: str) -> str:
    """By what people tell parcels apart; of a short number it would be too much of it."""
    return number[-4:] if len(number) >= _LONG else ""


def _parcel(row: Row) -> Parcel:
    return Parcel(
        id=ParcelId(row.parcel),
        carrier=Carrier(row.carrier),
        condition=Condition(row.condition),
        received_at=row.received_at,
        kept_until=row.kept_until,
        place=row.place or None,
        number_end=row.number_end,
        shelf=row.shelf,
        by=row.received_by,
    )


def _hidden(tx: Tx, number: str) -> bytes:
    return tx.keys.hmac(SITE, f"parcel|{number}".encode())
