"""What one case needs beyond its checklist: something a person added, or the records of what was done to the patient.

Each is a line of this case alone, asked of one institution, and answered by records of that institution alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from transfer.checklist import Checklist, ChecklistLine, Necessity
from transfer.completeness.needs import CollectedRecord, Completeness, Wait, WaitCode, Waiver
from transfer.completeness.rules import assess
from transfer.identifiers import InstitutionId, RecordId
from transfer.materials import Material, MaterialKind, MaterialState
from transfer.partial_dates import PartialDate
from transfer.procedures import ProcedureKind
from transfer.records import DocumentStatus, RecordKind
from transfer.requests import Request

_K = RecordKind
#: the records that each leaves behind: an expected item of its own for each
LEAVES_BEHIND: Mapping[ProcedureKind, tuple[RecordKind, ...]] = MappingProxyType(
    {
        ProcedureKind.BIOPSY: (_K.PATHOLOGY_REPORT,),
        ProcedureKind.OPERATION: (_K.OPERATIVE_NOTE, _K.PATHOLOGY_REPORT),
        ProcedureKind.ENDOSCOPY: (_K.PROCEDURE_REPORT,),
        ProcedureKind.SCAN: (_K.IMAGES, _K.IMAGING_REPORT),
    }
)
#: pieces that people call otherwise
_PIECES: Mapping[MaterialKind, str] = MappingProxyType({MaterialKind.UNSTAINED: "Unstained slides"})
#: a report is dated by the day that it was written, which may be so long after what it is about
WRITTEN_WITHIN = timedelta(days=45)
#: an instant in UTC may be of the next day, or of the one before, where it was written
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedNeed:
    """One of them. `day` is when it was done, as far as it is known."""

    key: str
    kind: RecordKind
    institution: InstitutionId
    procedure: ProcedureKind | None = None
    day: PartialDate | None = None
    #: records that the case held when it was added
    before: frozenset[RecordId] = frozenset()
    #: which glass or tissue, and how many; None: slides, however many there are
    pieces: MaterialKind | None = None
    count: int | None = None

    @property
    def line(self) -> ChecklistLine:
        """As a line of a checklist. Its label names nobody: packets say it."""
        what = self._in_words
        return ChecklistLine(
            key=self.key,
            label=f"{what} of the {self.procedure}" if self.procedure else f"{what}, needed for this patient",
            kinds=frozenset({self.kind}),
            necessity=Necessity.REQUIRED,
            counted=self.kind is RecordKind.MATERIAL,
            pieces=self.pieces or MaterialKind.SLIDE,
        )

    @property
    def _in_words(self) -> str:
        if self.pieces is None:
            return self.kind.replace("-", " ").capitalize()
        named = _PIECES.get(self.pieces, self.pieces.capitalize())
        return f"{named}, {self.count} of them" if self.count else named

    def fitting(self, records: Sequence[CollectedRecord]) -> list[CollectedRecord]:
        """The records that may answer it. One of which nobody can say whether it does answers nothing by itself.

        With a day it is a record of that day, or one that was written soon after. Without one it is a record that came
        after it was added. A person's word goes before.
        """
        of_kind = [one for one in records if one.kind is self.kind and one.source == self.institution]
        return [
            one if self._is_meant(one) or one.status.is_void else replace(one, status=DocumentStatus.UNKNOWN)
            for one in of_kind
            if self._may_be_meant(one)
        ]

    def _may_be_meant(self, record: CollectedRecord) -> bool:
        if self.day and record.at:
            return self._is_meant(record)
        return record.id not in self.before

    def _is_meant(self, record: CollectedRecord) -> bool:
        if self.day is None:
            return record.id not in self.before
        if record.at is None:
            return False
        soon = _ONE_DAY if self.kind is RecordKind.IMAGES else WRITTEN_WITHIN
        return self.day.first - _ONE_DAY <= record.at.date() <= self.day.last + soon


def assess_added(
    needs: Sequence[AddedNeed],
    checklist: Checklist,
    listed: Completeness,
    *,
    requests: Sequence[Request],
    records: Sequence[CollectedRecord],
    materials: Mapping[str, Sequence[Material]],
    waivers: Mapping[str, Waiver],
    now: datetime,
) -> Completeness:
    """What the case's checklist was found to lack (`listed`), and these needs with it; arguments as of `assess`.

    Each is judged alone. A record that answers a line of the checklist may answer one of these as well: that line asks
    for any of its kind, this one for a certain one.
    """
    found = (
        _asked_by_phone(
            need,
            materials.get(need.key, ()),
            assess(
                checklist.model_copy(update={"lines": (need.line,)}),
                requests=requests,
                records=need.fitting(records),
                materials={need.key: materials.get(need.key, ())},
                waivers=waivers,
                now=now,
            ),
        )
        for need in needs
    )
    return _together([listed, *found])


def _asked_by_phone(need: AddedNeed, pieces: Sequence[Material], found: Completeness) -> Completeness:
    """Pieces that a pathologist needs besides are asked for by a person: until that is done, it is the desk's turn."""
    if need.pieces is None or all(one.state is not MaterialState.WANTED for one in pieces):
        return found
    awaited = Wait(WaitCode.MATERIAL)
    waits = (Wait(WaitCode.MATERIAL_TO_ASK, need.institution) if one == awaited else one for one in found.waits)
    return replace(found, waits=tuple(waits))


def _together(found: Sequence[Completeness]) -> Completeness:
    waits = {wait for one in found for wait in one.waits}
    is_complete = all(one.is_complete for one in found)
    return Completeness(
        needs=tuple(need for one in found for need in one.needs),
        is_complete=is_complete,
        unanswered=tuple(key for one in found for key in one.unanswered),
        lacks_only_material=not is_complete and all(one.has_all_electronic for one in found),
        is_schedulable=found[0].is_schedulable,
        waits=tuple(sorted(waits, key=lambda w: (w.code, w.institution or "", w.department or ""))),
    )
