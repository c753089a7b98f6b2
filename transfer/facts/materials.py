"""Facts of glass and blocks: awaited, counted, described. They stand in a case's chain."""

from dataclasses import dataclass

from transfer.facts.frame import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialAwaited(Fact, kind="material-awaited"):
    material: str
    institution: str
    line: str
    pieces: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceDescribed(Fact, kind="piece-described"):
    """Somebody said what stands on one of the pieces, and where it is: that is sealed with its material. `change`:
    *moved*, if it is elsewhere than before, else *described*.
    """

    material: str
    piece: str
    change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialReceived(Fact, kind="material-received"):
    """Pieces of one kind as they stand from now on: counted, judged, lent for longer, on their way back.

    `parcel`: what was counted came in it, with its report or without. `labels`: how they disagree with the papers
    (`transfer.materials.LabelCheck`). `judged`: by a pathologist. `carrier`: who takes them back.
    """

    material: str
    institution: str
    line: str
    received: int
    expected: int
    state: str
    parcel: str | None = None
    labels: str | None = None
    judged: str | None = None
    with_report: bool | None = None
    due_back: str | None = None
    carrier: str | None = None
