"""What a second opinion on a disease needs: reviewed YAML files in `checklists/`.

A line is one thing the receiving center asks for. Only a *required* line can keep a case waiting.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from transfer import reviewed
from transfer.errors import NeedsReview, Unknown
from transfer.records import RecordKind
from transfer.reviewed import ReviewedPart

# Spellings of the two code systems that pick a checklist.
_SYSTEMS = {
    "http://hl7.org/fhir/sid/icd-10-cm": "icd-10-cm",
    "http://hl7.org/fhir/sid/icd-10": "icd-10-cm",
    "urn:oid:2.16.840.1.113883.6.90": "icd-10-cm",
    "I10C": "icd-10-cm",
    "I10": "icd-10-cm",
    "http://snomed.info/sct": "snomed",
    "urn:oid:2.16.840.1.113883.6.96": "snomed",
    "SCT": "snomed",
}
_ICD_10_CM = re.compile(r"[A-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?")

#: the checklist of a case whose disease is not known, or covered by no other
COMMON = "common"

Code = Annotated[str, Field(pattern=r"^(icd-10-cm\|[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?|snomed\|[0-9]{6,18})$")]


class Necessity(StrEnum):
    REQUIRED = "required"
    #: required where a person says that `condition` holds
    CONDITIONAL = "conditional"
    OPTIONAL = "optional"


class ChecklistLine(ReviewedPart):
    """One thing asked for."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
    label: Annotated[str, Field(min_length=3, max_length=120)]
    #: a record of one of these kinds may answer it
    kinds: Annotated[frozenset[RecordKind], Field(min_length=1)]
    necessity: Necessity
    #: older than this does not answer it
    max_age_days: Annotated[int, Field(gt=0)] | None = None
    #: pieces are counted (material), not documents
    counted: bool = False
    #: when a conditional line is required, in words, for the person who decides whether it holds
    condition: str | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.condition is not None) is not (self.necessity is Necessity.CONDITIONAL):
            raise ValueError("a conditional line says its condition, and no other line has one")
        if self.counted is not (self.kinds == {RecordKind.MATERIAL}):
            raise ValueError("a line is counted exactly where it is about material and nothing else")
        return self


class Checklist(ReviewedPart):
    """The lines of one disease. `codes` pick it, as `icd-10-cm|C18` (with all below it) or `snomed|363406005`."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
    disease: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
    version: Annotated[str, Field(min_length=1)]
    title: Annotated[str, Field(min_length=3)]
    codes: Annotated[tuple[Code, ...], Field(min_length=1)]
    lines: Annotated[tuple[ChecklistLine, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if len({line.key for line in self.lines}) < len(self.lines):
            raise ValueError("two lines have the same key")
        if not any(line.necessity is Necessity.REQUIRED for line in self.lines):
            raise ValueError("no line is required: every case would be complete at once")
        if sum(line.counted for line in self.lines) > 1:
            raise ValueError("material is counted on one line")
        return self

    def line(self, key: str) -> ChecklistLine:
        """The line of that key.

        Raises:
            Unknown: there is none; this version of the checklist does not have it.
        """
        for line in self.lines:
            if line.key == key:
                return line
        raise Unknown(f"checklist {self.id} has no such line")


class Checklists(Mapping[str, Checklist]):
    """All checklists, by id."""

    def __init__(self, known: Iterable[Checklist]) -> None:
        self._by_id = {checklist.id: checklist for checklist in known}

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

    def for_disease(self, code: str) -> Checklist:
        """The checklist a referral's disease code picks.

        `code` is text from outside: a bare code (`C18.7`, `363406005`), one with its system (`icd-10-cm|C18.7`,
        `http://snomed.info/sct|363406005`) or a checklist's own disease word (`colorectal`).

        Raises:
            NeedsReview: no checklist covers it. A person picks one, or sends the referral back.
        """
        system, bare = _said(code)
        for checklist in self._by_id.values():
            own_word = system is None and bare.lower() == checklist.disease
            if own_word or any(_picks(known, system, bare) for known in checklist.codes):
                return checklist
        raise NeedsReview("no checklist covers this disease")


def _said(code: str) -> tuple[str | None, str]:
    """System (ours; None where not said) and bare code."""
    said, separator, bare = code.strip().rpartition("|")
    return (_SYSTEMS.get(said.strip(), said.strip()) if separator else None), bare.strip()


def _picks(known: str, system: str | None, bare: str) -> bool:
    """ICD-10-CM codes are picked with everything below them: `C18` picks `C18.7` and `C187`, and not `C180` of `C1`."""
    of, _, ours = known.partition("|")
    if system is not None and system != of:
        return False
    if of == "icd-10-cm":
        plain = bare.upper().replace(".", "")
        return bool(_ICD_10_CM.fullmatch(bare.upper())) and plain.startswith(ours.replace(".", ""))
    return bare == ours


def load(folder: Path) -> Checklists:
    """Read every `*.yaml` in `folder`.

    Raises:
        ValueError: names the file, the place in it and what is wrong; values are not repeated.
    """
    known: dict[str, Checklist] = {}
    for path in sorted(folder.glob("*.yaml")):
        checklist = _read(path)
        for other in known.values():
            if other.disease == checklist.disease or set(other.codes) & set(checklist.codes):
                raise ValueError(f"{path.name}: shares its disease or a code with {other.id}.yaml")
        known[checklist.id] = checklist
    return Checklists(known.values())


def _read(path: Path) -> Checklist:
    try:
        checklist = Checklist.model_validate(reviewed.read(path))
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise ValueError(f"{path.name}: {places}") from None
    if checklist.id != path.stem:
        raise ValueError(f"{path.name}: the file is not named by its id")
    return checklist
