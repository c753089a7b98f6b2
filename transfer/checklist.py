"""What a second opinion on a disease needs: reviewed YAML files in `checklists/`.

A line is one thing the receiving center asks for. Only a *required* line can keep a case waiting. A list is a default:
a receiving center may want something else (`transfer.center_needs`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from transfer import reviewed
from transfer.arrivals import Priority
from transfer.body_parts import BodyPart
from transfer.diagnoses import CodeSystem, Diagnosis, DiagnosisCode
from transfer.errors import Unknown
from transfer.materials import MaterialKind
from transfer.records import RecordKind
from transfer.reviewed import ReviewedPart

#: the checklist of a case whose disease is not known, or covered by no other
COMMON = "common"

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]


#: `icd-10-cm|C18` (with all below it) or `snomed|363406005`
ListedCode = Annotated[
    str,
    Field(pattern=r"^(icd-10-cm\|[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?|snomed\|[0-9]{6,18})$"),
]


class Necessity(StrEnum):
    REQUIRED = "required"
    #: required where a person says that `condition` holds
    CONDITIONAL = "conditional"
    OPTIONAL = "optional"


class NeededFor(StrEnum):
    """By when the receiving center wants it."""

    #: before it gives the patient an appointment
    SCHEDULING = "scheduling"
    VISIT = "visit"


class DaysFrom(ReviewedPart):
    """How far a record may be from the one that answers another line, before or after it."""

    line: Key
    days: Annotated[int, Field(gt=0)]


class Sections(ReviewedPart):
    """Unstained sections that are taken where no block comes, at least so many, each so many micrometers thick."""

    unstained: Annotated[int, Field(gt=0, le=200)]
    micron: Annotated[int, Field(gt=0, le=20)]


class ChecklistLine(ReviewedPart):
    """One thing asked for.

    `modalities`, `body` and `codes` are hints: what a record is known to be otherwise does not answer the line, and of
    what is known in part only a person says that it does.
    """

    key: Key
    label: Annotated[str, Field(min_length=3, max_length=120)]
    #: a record of one of these kinds may answer it
    kinds: Annotated[frozenset[RecordKind], Field(min_length=1)]
    necessity: Necessity
    needed_for: NeededFor = NeededFor.VISIT
    #: one of these, as DICOM writes them (0008,0060)
    modalities: frozenset[Annotated[str, Field(pattern=r"^[A-Z]{2,12}$")]] = frozenset()
    #: one of these parts of the body
    body: frozenset[BodyPart] = frozenset()
    #: one of these tests or documents, as `loinc|2857-1`
    codes: frozenset[Annotated[str, Field(pattern=r"^loinc\|[0-9]{3,6}-[0-9]$")]] = frozenset()
    #: one is not enough: all that there are, from all who were asked
    every: bool = False
    #: older than this does not answer it
    max_age_days: Annotated[int, Field(gt=0)] | None = None
    #: nor what is further than this from the record that answers another line
    max_days_from: DaysFrom | None = None
    #: of the lines with this word, one that is answered is enough
    one_of: Key | None = None
    #: pieces are counted (material), not documents
    counted: bool = False
    #: what is asked for, where pieces are counted
    pieces: MaterialKind = MaterialKind.SLIDE
    #: what is taken instead of a block
    instead: Sections | None = None
    #: whole slide images answer it, too, where the center takes them
    digital_slides: bool = False
    #: when a conditional line is required, in words, for the person who decides whether it holds
    condition: str | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.condition is not None) is not (self.necessity is Necessity.CONDITIONAL):
            raise ValueError("a conditional line says its condition, and no other line has one")
        if self.needed_for is NeededFor.SCHEDULING and self.necessity is Necessity.OPTIONAL:
            raise ValueError("what is optional keeps no appointment waiting: leave needed_for out")
        if self.counted is not (self.kinds == {RecordKind.MATERIAL}):
            raise ValueError("a line is counted exactly where it is about material and nothing else")
        of_pieces = self.pieces is not MaterialKind.SLIDE or self.instead or self.digital_slides
        of_records = self.has_hints or self.every or self.max_age_days or self.max_days_from
        if of_records if self.counted else of_pieces:
            raise ValueError("pieces and instead are for material, age, hints and every for records")
        if self.instead and self.pieces is not MaterialKind.BLOCK:
            raise ValueError("sections are taken instead of a block")
        return self

    @property
    def is_required(self) -> bool:
        """Whatever anybody says of the case."""
        return self.necessity is Necessity.REQUIRED

    @property
    def has_hints(self) -> bool:
        return bool(self.modalities or self.body or self.codes)

    @property
    def asks(self) -> str:
        """What is asked for, in words, with what is taken instead."""
        if self.instead is None:
            return self.label
        return f"{self.label}; without a block {self.instead.unstained} unstained sections of {self.instead.micron} µm"


class PriorityDefault(ReviewedPart):
    """How urgent a case with one of these diagnoses is at least, whatever its referral says."""

    priority: Priority
    codes: Annotated[tuple[ListedCode, ...], Field(min_length=1)]


class Checklist(ReviewedPart):
    """The lines of one disease. Its `codes` pick it; without any, only a person does."""

    id: Key
    version: Annotated[str, Field(min_length=1)]
    title: Annotated[str, Field(min_length=3)]
    #: the clinician who confirmed it for patients, and when; None: nobody has
    confirmed_by: Annotated[str, Field(min_length=3)] | None = None
    codes: tuple[ListedCode, ...]
    priority_default: PriorityDefault | None = None
    lines: Annotated[tuple[ChecklistLine, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        known = {line.key: line for line in self.lines}
        if len(known) < len(self.lines):
            raise ValueError("two lines have the same key")
        if not any(line.is_required for line in self.lines):
            raise ValueError("no line is required: every case would be complete at once")
        for line in self.lines:
            other = known.get(line.max_days_from.line) if line.max_days_from else None
            if line.max_days_from and (other is None or other.counted or other.max_days_from or other is line):
                raise ValueError(f"{line.key}: max_days_from names no line of records with an age of its own")
        if 1 in Counter(line.one_of for line in self.lines if line.one_of).values():
            raise ValueError("one_of stands on a single line")
        return self

    def at_least(self, asked: Priority, listed: Iterable[Diagnosis]) -> Priority:
        """How urgent a case with these diagnoses is: as asked, or as this list has it if that is more."""
        default = self.priority_default
        if default is None:
            return asked
        ours = [_code(text) for text in default.codes]
        is_theirs = any(one.picks(code) for one in ours for said in listed for code in said.codes)
        return min(asked, default.priority, key=lambda one: one.rank) if is_theirs else asked

    def line(self, key: str) -> ChecklistLine:
        """The line of that key.

        Raises:
            Unknown: there is none; this version of the checklist does not have it.
        """
        for line in self.lines:
            if line.key == key:
                return line
        raise Unknown(f"checklist {self.id} has no such line")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenList:
    """The list that a referral's diagnoses pick, and the others that they fit."""

    checklist: Checklist
    others: tuple[str, ...] = ()


class Checklists(Mapping[str, Checklist]):
    """All checklists, by id."""

    def __init__(self, known: Iterable[Checklist]) -> None:
        self._by_id = {checklist.id: checklist for checklist in known}
        self._codes = [(_code(text), one) for one in self._by_id.values() for text in one.codes]

    def __getitem__(self, checklist: str) -> Checklist:
        try:
            return self._by_id[checklist]
        except KeyError:
            raise Unknown("no such checklist; see the files in checklists/") from None

    def __contains__(self, checklist: object) -> bool:
        return checklist in self._by_id

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def for_diagnoses(self, listed: Sequence[Diagnosis]) -> ChosenList | None:
        """The list that a referral's diagnoses pick, in their order. None: no list is for any of them.

        The first diagnosis that fits a list decides. One that says no more than that it is cancer decides last.
        """
        fitting = [found for one in listed if (found := self._for(one))]
        if not fitting:
            return None
        first, *others = dict.fromkeys(sorted((one.id for one in fitting), key=lambda key: key == COMMON))
        return ChosenList(checklist=self[first], others=tuple(one for one in others if one != COMMON))

    def _for(self, diagnosis: Diagnosis) -> Checklist | None:
        """Of one diagnosis: ICD-10-CM before SNOMED CT, and the longest code of a list that is for it."""
        for system in CodeSystem:
            said = [code for code in diagnosis.codes if code.system is system]
            found = [(ours, of) for ours, of in self._codes for code in said if ours.picks(code)]
            if found:
                return max(found, key=lambda pair: len(pair[0].code))[1]
        return None


def _code(text: str) -> DiagnosisCode:
    """Raises `ValueError`: no code as a list spells it."""
    system, _, code = text.partition("|")
    return DiagnosisCode(CodeSystem(system), code.replace(".", ""))


def load(folder: Path) -> Checklists:
    """Read every `*.yaml` in `folder`.

    Raises:
        ValueError: names the file, the place in it and what is wrong; values are not repeated.
    """
    known: dict[str, Checklist] = {}
    for path in reviewed.files(folder):
        checklist = _read(path)
        for other in known.values():
            if set(other.codes) & set(checklist.codes):
                raise ValueError(f"{path.name}: shares a code with {other.id}.yaml")
        known[checklist.id] = checklist
    return Checklists(known.values())


@lru_cache(maxsize=128)
def _parsed(text: bytes, name: str) -> Checklist:
    """By what the file says, not by its name alone: a file that was changed is read anew."""
    return reviewed.validated(Checklist, reviewed.parse(text, name), name)


def _read(path: Path) -> Checklist:
    checklist = _parsed(path.read_bytes(), path.name)
    if checklist.id != path.stem:
        raise ValueError(f"{path.name}: the file is not named by its id")
    return checklist
