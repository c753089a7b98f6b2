"""Coded diagnoses of a referral: ICD-10-CM and SNOMED CT pick the checklist, other code systems do not.

https://www.cms.gov/medicare/coding-billing/icd-10-codes · https://hl7.org/fhir/R4/snomedct.html
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self


class CodeSystem(StrEnum):
    """A system that picks a checklist. Of one diagnosis the first that fits decides: SNOMED CT is matched by equality
    alone, ICD-10-CM with all below a code.
    """

    ICD_10_CM = "icd-10-cm"
    SNOMED_CT = "snomed"


#: the URIs of each; ICD-10 has the same codes for neoplasms as far as a checklist names them
_URIS: Final = {
    "http://hl7.org/fhir/sid/icd-10-cm": CodeSystem.ICD_10_CM,
    "http://hl7.org/fhir/sid/icd-10": CodeSystem.ICD_10_CM,
    "urn:oid:2.16.840.1.113883.6.90": CodeSystem.ICD_10_CM,
    "http://snomed.info/sct": CodeSystem.SNOMED_CT,
    "urn:oid:2.16.840.1.113883.6.96": CodeSystem.SNOMED_CT,
}
_SHAPES: Final = {
    CodeSystem.ICD_10_CM: re.compile(r"[A-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?"),
    CodeSystem.SNOMED_CT: re.compile(r"[0-9]{6,18}"),
}


@dataclass(frozen=True, slots=True)
class DiagnosisCode:
    """A code as a checklist spells it: in capitals, and of ICD-10-CM without its dot."""

    system: CodeSystem
    code: str

    def __post_init__(self) -> None:
        if not _SHAPES[self.system].fullmatch(self.code) or "." in self.code:
            raise ValueError("no code of its system, as it is spelled here")

    @classmethod
    def read(cls, system: str, code: str) -> Self | None:
        """The code that a message gives under the URI of its system. None: of another system, or of no such shape."""
        known, plain = _URIS.get(system), code.strip().upper()
        if known is None or not _SHAPES[known].fullmatch(plain):
            return None
        return cls(known, plain.replace(".", ""))

    def picks(self, other: "DiagnosisCode") -> bool:
        """Whether a checklist that names this code is for the other: `C18` for `C187`, and not the other way round."""
        if self.system is not other.system:
            return False
        is_icd = self.system is CodeSystem.ICD_10_CM
        return other.code.startswith(self.code) if is_icd else other.code == self.code

    @property
    def is_neoplasm(self) -> bool | None:
        """ICD-10-CM chapter 2, C00 to D49. None: a SNOMED CT code does not say."""
        return re.match(r"C|D[0-4]", self.code) is not None if self.system is CodeSystem.ICD_10_CM else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One diagnosis that a referral lists, in all codes that it has. `words` are for people, with the code."""

    codes: tuple[DiagnosisCode, ...]
    words: str

    @property
    def is_of_another_kind(self) -> bool:
        """Its ICD-10-CM codes say that it is no neoplasm."""
        said = {code.is_neoplasm for code in self.codes}
        return False in said and True not in said


def in_words(listed: Iterable[Diagnosis]) -> str | None:
    """What a referral is for, as people read it: all that it lists and may be a neoplasm, else the first diagnosis."""
    said = [one for one in listed if one.words]
    chosen = [one for one in said if not one.is_of_another_kind] or said[:1]
    return "; ".join(dict.fromkeys(one.words for one in chosen)) or None
