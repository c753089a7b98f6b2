"""Glass and blocks: what was sent, what came, whose it is and when it goes back.

Originals are loans with a due date, because the laboratory must keep them (42 CFR 493.1105). Recuts are consumed. On
receipt, the pieces that came are compared with those the sender announced.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from transfer.errors import NeedsReview, NotAllowed
from transfer.identifiers import MaterialId


class MaterialKind(StrEnum):
    SLIDE = "slide"
    BLOCK = "block"
    RECUT = "recut"
    UNSTAINED = "unstained"
    SCROLL = "scroll"
    SMEAR = "smear"

    @property
    def is_original(self) -> bool:
        """The laboratory's own piece, which must go back."""
        return self in (self.SLIDE, self.BLOCK, self.SMEAR)


class MaterialState(StrEnum):
    """Where it is: the custody events that change what we wait for."""

    WANTED = "wanted"
    REQUESTED = "asked-for"
    APPROVED = "approved"
    #: a pathologist ruled that it may not leave
    REFUSED = "refused"
    PULLED = "pulled"
    IN_TRANSIT = "in-transit"
    RECEIVED = "in-hand"
    #: what came is not what was expected
    DISCREPANT = "discrepant"
    RETURNING = "returning"
    RETURNED = "returned"
    CONSUMED = "consumed"
    LOST = "lost"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Pieces of one kind under one accession. The accession number itself is kept elsewhere: here is its HMAC."""

    id: MaterialId
    accession_hmac: str
    kind: MaterialKind
    #: pieces the sender's list announced; 0 = not known yet
    expected: int
    received: int = 0
    state: MaterialState = MaterialState.WANTED
    loan: bool = True
    due_back: date | None = None

    def __post_init__(self) -> None:
        if self.expected < 0 or self.received < 0:
            raise ValueError("pieces are counted from 0")

    @property
    def is_here(self) -> bool:
        """In the receiving center's hands, complete or not."""
        return self.state in (MaterialState.RECEIVED, MaterialState.DISCREPANT)

    @property
    def is_complete(self) -> bool:
        """Whether every announced piece came. False where nothing was announced."""
        return self.state in _CAME and 0 < self.expected == self.received


class Discrepancy(StrEnum):
    """What is not as it should be. A person settles it with the laboratory."""

    TOO_FEW = "pieces-too-few"
    TOO_MANY = "pieces-too-many"


_M = MaterialState
_ARRIVES = frozenset({_M.RECEIVED, _M.DISCREPANT})
#: states in which the pieces were found complete, or are on their way back
_CAME = frozenset({_M.RECEIVED, _M.RETURNING, _M.RETURNED, _M.CONSUMED})

#: allowed custody moves; every other move is an error. A parcel may come unannounced, so every state before arrival
#: leads to arrival
MOVES: Mapping[MaterialState, frozenset[MaterialState]] = MappingProxyType(
    {
        _M.WANTED: _ARRIVES | {_M.REQUESTED, _M.IN_TRANSIT, _M.CANCELLED},
        _M.REQUESTED: _ARRIVES | {_M.APPROVED, _M.REFUSED, _M.PULLED, _M.IN_TRANSIT, _M.LOST, _M.CANCELLED},
        _M.APPROVED: _ARRIVES | {_M.REFUSED, _M.PULLED, _M.IN_TRANSIT, _M.LOST, _M.CANCELLED},
        _M.REFUSED: _ARRIVES | {_M.REQUESTED, _M.CANCELLED},
        _M.PULLED: _ARRIVES | {_M.IN_TRANSIT, _M.LOST, _M.CANCELLED},
        _M.IN_TRANSIT: _ARRIVES | {_M.LOST},
        _M.RECEIVED: frozenset({_M.RECEIVED, _M.DISCREPANT, _M.RETURNING, _M.RETURNED, _M.CONSUMED, _M.LOST}),
        _M.DISCREPANT: frozenset({_M.RECEIVED, _M.DISCREPANT, _M.RETURNING, _M.RETURNED, _M.LOST}),
        # undeliverable, and back with us
        _M.RETURNING: _ARRIVES | {_M.RETURNED, _M.LOST},
        _M.LOST: _ARRIVES | {_M.RETURNED},
        _M.RETURNED: frozenset(),
        _M.CONSUMED: frozenset(),
        _M.CANCELLED: _ARRIVES,
    }
)


def move(material: Material, to: MaterialState) -> Material:
    """The material in its new state of custody. Arrivals go through `receive`, which counts.

    Raises:
        NotAllowed: the table has no such move, or a loan would be used up, or a piece that is no loan returned.
    """
    if to not in MOVES[material.state] or to in _ARRIVES:
        raise NotAllowed(f"material {material.id} cannot go from {material.state} to {to}")
    if (to is _M.CONSUMED) is material.loan and to in (_M.CONSUMED, _M.RETURNING, _M.RETURNED):
        raise NotAllowed(f"material {material.id} is {'a loan' if material.loan else 'no loan'}: it cannot be {to}")
    return replace(material, state=to)


def receive(material: Material, *, pieces: int, accession_hmac: str) -> Material:
    """Count a parcel in, by what its labels say. A second parcel adds to the first.

    Pieces labelled with another accession number are not this material, however many are awaited.

    Raises:
        NeedsReview: the labels carry another accession number. Nothing is counted.
        NotAllowed: no pieces, or what has gone back or was used up cannot come.
    """
    if accession_hmac != material.accession_hmac:
        raise NeedsReview(f"the labels are not those of material {material.id}")
    if pieces < 1 or _M.RECEIVED not in MOVES[material.state]:
        raise NotAllowed(f"material {material.id} cannot be received in state {material.state}")
    # What came back undelivered had been counted before.
    before = 0 if material.state in (_M.RETURNING, _M.LOST) else material.received
    counted = replace(material, received=before + pieces, state=_M.RECEIVED)
    return replace(counted, state=_M.DISCREPANT) if discrepancy(counted) else counted


def announce(material: Material, expected: int) -> Material:
    """The count on the sender's list. Where the parcel came first, the count is compared with what was counted.

    Raises:
        NotAllowed: fewer than one piece.
    """
    if expected < 1:
        raise NotAllowed(f"material {material.id}: a list announces at least one piece")
    announced = replace(material, expected=expected)
    if not material.is_here:
        return announced
    return replace(announced, state=_M.DISCREPANT if discrepancy(announced) else _M.RECEIVED)


def discrepancy(material: Material) -> Discrepancy | None:
    """How what came differs from what was announced. None where they agree, or either is still unknown."""
    if not material.expected or not material.received or material.expected == material.received:
        return None
    return Discrepancy.TOO_FEW if material.received < material.expected else Discrepancy.TOO_MANY


def is_labelled_as(accession: str, numbers: Iterable[str]) -> bool:
    """Whether a label bears one of these accession numbers, however it is spelled; part, block and slide may follow."""
    label = _spelled(accession)
    return any(number and re.match(rf"{re.escape(number)}(?!\d)", label) for number in map(_spelled, numbers))


def _spelled(number: str) -> str:
    """In capitals, without zeros before a digit; what stands between letters and digits is one sign."""
    plain = re.sub(r"[^A-Z0-9]+", "-", number.upper()).strip("-")
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", plain)


def is_overdue(material: Material, today: date) -> bool:
    """A loan still out after the day it was due back. `today` is the day at the lending laboratory."""
    out = material.loan and (material.is_here or material.state in (_M.RETURNING, _M.LOST))
    return out and material.due_back is not None and material.due_back < today
