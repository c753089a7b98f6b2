"""Glass and blocks: what was sent, what came, whose it is and when it goes back.

Originals are loans with a due date, because the laboratory must keep them (42 CFR 493.1105). Recuts are consumed. On
receipt, the pieces that came are compared with those the sender announced, and their labels with what came with them. A
pathologist who looked at them goes before every count: laboratories send what is representative.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from transfer.errors import NeedsReview, NotAllowed
from transfer.identifiers import InstitutionId, MaterialId, ParcelId, PieceId


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


class LabelCheck(StrEnum):
    """What the labels say beside the report and the letter that came with them."""

    AGREE = "agree"
    #: another name, birth date or number is printed on them
    DIFFER = "differ"
    #: what is written by hand is not what is printed
    HANDWRITING_DIFFERS = "handwriting-differs"
    #: nothing says whose they are
    NONE = "none"


class Sufficiency(StrEnum):
    """What a pathologist says of the pieces under one accession, and needs besides."""

    SUFFICIENT = "sufficient"
    NEED_BLOCK = "need-block"
    NEED_UNSTAINED = "need-unstained"
    #: immunohistochemistry, as the laboratory made it
    NEED_IHC = "need-ihc"
    NEED_REPORT = "need-report"


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
    labels: LabelCheck = LabelCheck.AGREE
    #: what a pathologist said of them; None: nobody looked yet
    judged: Sufficiency | None = None

    def __post_init__(self) -> None:
        if self.expected < 0 or self.received < 0:
            raise ValueError("pieces are counted from 0")

    @property
    def is_here(self) -> bool:
        """In the receiving center's hands, complete or not."""
        return self.state in (MaterialState.RECEIVED, MaterialState.DISCREPANT)

    @property
    def is_on_loan(self) -> bool:
        """Lent, and not back at its laboratory: here, on its way back, or lost."""
        return self.loan and (self.is_here or self.state in (_M.RETURNING, _M.LOST))

    @property
    def is_complete(self) -> bool:
        """Whether every announced piece came, or a pathologist looked at those that came."""
        if self.judged:
            return self.received > 0
        return self.state in _CAME and 0 < self.expected == self.received


#: letters of what stands on one piece, or says where it is
MOST_LETTERS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedPiece:
    """One of the pieces that were counted: what its label says, from which block and with which stain it is, and where
    it is since when (UTC).

    Raises:
        ValueError: without a label nobody finds it; or something of it is longer than a label, or does not print.
    """

    id: PieceId
    label: str
    block: str = ""
    stain: str = ""
    place: str = ""
    since: datetime

    def __post_init__(self) -> None:
        said = (self.label, self.block, self.stain, self.place)
        if not self.label.strip() or any(len(one) > MOST_LETTERS or (one and not one.isprintable()) for one in said):
            raise ValueError(f"a piece has a label, and nothing of it is longer than {MOST_LETTERS} characters")

    def is_as(self, other: "DescribedPiece") -> bool:
        """Whether nothing but the time is said anew."""
        return replace(self, since=other.since) == other


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIn:
    """What somebody counted under one accession of one parcel: pieces by kind, and how many the sender's list says.

    `source` is the laboratory; None where only one is awaited. `due_back` is what the lender says, a day there.

    Raises:
        ValueError: nothing was counted, or no accession is named.
    """

    parcel: ParcelId
    accession: str
    counts: Mapping[MaterialKind, int]
    announced: Mapping[MaterialKind, int] = field(default_factory=dict)
    source: InstitutionId | None = None
    labels: LabelCheck = LabelCheck.AGREE
    with_report: bool = False
    our_accession: str = ""
    due_back: date | None = None
    #: of the specimen, that the labels name
    parts: tuple[str, ...] = ()
    #: a person says that the patient has this accession besides those that came before
    is_another_accession: bool = False

    def __post_init__(self) -> None:
        if not self.counts or min(self.counts.values()) < 1 or not self.accession.strip():
            raise ValueError("at least one piece, under an accession number")


class Discrepancy(StrEnum):
    """What is not as it should be. A person settles it with the laboratory."""

    TOO_FEW = "pieces-too-few"
    TOO_MANY = "pieces-too-many"
    #: the labels do not say that they are this patient's
    LABELS = "pieces-labels"


_M = MaterialState
_ARRIVES = frozenset({_M.RECEIVED, _M.DISCREPANT})
#: how long pieces are lent where nobody said otherwise: blocks are cut and go back at once
LENT_FOR: Final[Mapping[MaterialKind, timedelta]] = MappingProxyType(
    {
        MaterialKind.SLIDE: timedelta(days=60),
        MaterialKind.SMEAR: timedelta(days=60),
        MaterialKind.BLOCK: timedelta(days=14),
    }
)
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


def receive(
    material: Material,
    *,
    pieces: int,
    accession_hmac: str,
    labels: LabelCheck = LabelCheck.AGREE,
    instead_of: int = 0,
) -> Material:
    """Count a parcel in, by what its labels say. A second parcel adds to the first; a second count of the same parcel
    stands `instead_of` so many that were counted of it before.

    Pieces labelled with another accession number are not this material, however many are awaited.

    Raises:
        NeedsReview: the labels carry another accession number. Nothing is counted.
        NotAllowed: no pieces, or more taken off than were counted, or what has gone back or was used up cannot come.
    """
    if accession_hmac != material.accession_hmac:
        raise NeedsReview(f"the labels are not those of material {material.id}")
    if pieces < 1 or _M.RECEIVED not in MOVES[material.state]:
        raise NotAllowed(f"material {material.id} cannot be received in state {material.state}")
    # What came back undelivered had been counted before.
    before = 0 if material.state in (_M.RETURNING, _M.LOST) else material.received
    if instead_of > before:
        raise NotAllowed(f"material {material.id}: fewer pieces were counted than are taken off")
    counted = replace(material, received=before - instead_of + pieces, state=_M.RECEIVED, labels=labels)
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


def judge(material: Material, said: Sufficiency) -> Material:
    """What a pathologist says of the pieces. Their number settles nothing any more.

    Raises:
        NotAllowed: none came, so nobody can have looked.
    """
    if not material.received:
        raise NotAllowed(f"material {material.id} has not come")
    return replace(material, judged=said)


def keep_until(material: Material, day: date) -> Material:
    """The lender lets the pieces stay until this day, at the lending laboratory.

    Raises:
        NotAllowed: they are no loan, are not here, or the day is before the one agreed.
    """
    if not material.is_on_loan:
        raise NotAllowed(f"material {material.id} is no loan that is here")
    if material.due_back is not None and day < material.due_back:
        raise NotAllowed(f"material {material.id} is due back later than that")
    return replace(material, due_back=day)


def due_back(kind: MaterialKind, came: date) -> date | None:
    """When pieces that came on this day go back unless their lender says otherwise; None: they do not."""
    days = LENT_FOR.get(kind)
    return came + days if days else None


def discrepancy(material: Material) -> Discrepancy | None:
    """How what came differs from what was announced, or its labels from what came with it. None where they agree, or
    the number is still unknown.
    """
    if material.received and material.labels is not LabelCheck.AGREE:
        return Discrepancy.LABELS
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


def described(pieces: Sequence[DescribedPiece], said: DescribedPiece) -> tuple[DescribedPiece, ...]:
    """The pieces with this one as it is said now. It is where it is since then only if it is elsewhere than before."""
    before = next((one for one in pieces if one.id == said.id), None)
    if before is None:
        return (*pieces, said)
    now = replace(said, since=before.since) if said.place == before.place else said
    return tuple(now if one.id == said.id else one for one in pieces)


def is_overdue(material: Material, today: date) -> bool:
    """A loan still out after the day it was due back. `today` is the day at the lending laboratory."""
    return material.is_on_loan and material.due_back is not None and material.due_back < today
