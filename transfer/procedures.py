"""What was done to a patient, as a referral lists it: a biopsy, an operation, an endoscopy, a scan, where and when.

Codes tell first, then the words, then the category. What none of them tells is a person's.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from transfer.identifiers import InstitutionId
from transfer.partial_dates import PartialDate


class ProcedureKind(StrEnum):
    """What was done to the patient (https://hl7.org/fhir/R4/procedure.html, and a scan, which is one there, too)."""

    BIOPSY = "biopsy"
    OPERATION = "operation"
    ENDOSCOPY = "endoscopy"
    SCAN = "scan"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProcedure:
    """One of a referral: what it is, where it was done, and when, as far as it is said. `words` are for people.

    A colonoscopy with a biopsy is of two kinds.
    """

    kinds: tuple[ProcedureKind, ...]
    institution: InstitutionId
    day: PartialDate | None
    words: str

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError("a procedure of no kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedures:
    """All that a referral lists. `unclear`: each in words, of which nobody but a person can tell what, where or whose
    it is.
    """

    listed: tuple[ListedProcedure, ...] = ()
    unclear: tuple[str, ...] = ()


NONE_LISTED: Final = Procedures()
#: of more nobody reads each: a person looks at the referral
MOST_PROCEDURES: Final = 40
#: of a longer description nobody reads on to learn what was done
_MOST_LETTERS: Final = 300

_B, _O, _E, _S = ProcedureKind.BIOPSY, ProcedureKind.OPERATION, ProcedureKind.ENDOSCOPY, ProcedureKind.SCAN
_ICD_10_PCS: Final = frozenset(
    {
        "http://hl7.org/fhir/sid/icd-10-pcs",
        "http://www.cms.gov/Medicare/Coding/ICD10",
        "urn:oid:2.16.840.1.113883.6.4",
    }
)
_CPT: Final = frozenset({"http://www.ama-assn.org/go/cpt", "urn:oid:2.16.840.1.113883.6.12"})
_SNOMED_CT: Final = frozenset({"http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96"})

#: procedures of SNOMED CT, which has no prefixes (https://hl7.org/fhir/R4/valueset-procedure-category.html and below)
_BY_SNOMED_CT: Final = {
    "86273004": _B,  # biopsy
    "122548005": _B,  # of breast
    "65575008": _B,  # of prostate
    "396487001": _B,  # of the sentinel node
    "387713003": _O,  # surgical procedure
    "65801008": _O,  # excision
    "392021009": _O,  # lumpectomy
    "423827005": _E,  # endoscopy
    "73761001": _E,  # colonoscopy
    "10847001": _E,  # bronchoscopy
    "363679005": _S,  # imaging
    "77477000": _S,  # computed tomography
    "113091000": _S,  # magnetic resonance
    "71651007": _S,  # mammography
    "16310003": _S,  # ultrasound
    "82918005": _S,  # positron emission tomography
}
#: sections of CPT (https://www.ama-assn.org/practice-management/cpt). Guidance of another procedure is none of them.
_BY_CPT: Final = (
    *((first, last, _B) for first, last in ((10004, 10021), (11102, 11107), (19081, 19101), (38220, 38222))),
    *((first, last, _B) for first, last in ((38500, 38531), (47000, 47001), (50200, 50205), (55700, 55706))),
    *((first, last, _E) for first, last in ((31505, 31579), (31615, 31661), (43180, 43278), (44360, 44408))),
    *((first, last, _E) for first, last in ((45300, 45398), (46600, 46615), (52000, 52356))),
    *((first, last, _S) for first, last in ((70010, 76499), (76506, 76886), (77046, 77067), (78012, 78999))),
)
_SHAPE_OF_PCS: Final = re.compile(r"[0-9A-HJ-NP-Z]{7}")

_WORDS: Final = {
    _B: "biopsy biopsies fna aspirate aspiration",
    _O: "surgery operation resection excision craniotomy laparotomy thoracotomy laparoscopy thoracoscopy debulking",
    _E: "endoscopy endoscopic egd ercp eus ebus",
    _S: "ct cta mri mra pet ultrasound sonography ultrasonography mammogram mammography tomosynthesis radiograph "
    "radiography ray scan tomography scintigraphy fluoroscopy imaging",
}
_BY_WORD: Final = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_BY_ENDING: Final = {"ectomy": _O, "scopy": _E}
#: these end alike and are none
_NOT_ENDOSCOPIC: Final = frozenset({"microscopy", "arthroscopy", "dermoscopy"})


def kinds_by_code(system: str, code: str) -> frozenset[ProcedureKind]:
    """What a code says, by the URI of its system: ICD-10-PCS by its axes, CPT by its sections, SNOMED CT where it is
    known here. Nothing where it does not say.

    https://www.cms.gov/medicare/coding-billing/icd-10-codes
    """
    plain = code.strip().upper()
    if system in _ICD_10_PCS and _SHAPE_OF_PCS.fullmatch(plain):
        return frozenset(_by_axes(plain))
    if system in _CPT and re.fullmatch(r"[0-9]{5}", plain):
        return frozenset(kind for first, last, kind in _BY_CPT if first <= int(plain) <= last)
    known = _BY_SNOMED_CT.get(plain) if system in _SNOMED_CT else None
    return frozenset({known} if known else ())


def _by_axes(code: str) -> Iterable[ProcedureKind]:
    """ICD-10-PCS: section, body system, root operation, body part, approach, device, qualifier.

    Sections B and C are imaging and nuclear medicine. Qualifier X is diagnostic. Approaches 7 and 8 go through a
    natural opening; 0 and 4 are open and percutaneous endoscopic.
    """
    section, root, approach, qualifier = code[0], code[2], code[4], code[6]
    if section in "BC":
        yield _S
    if section != "0":
        return
    if approach in "78":
        yield _E
    if qualifier == "X" and root in "B9D":
        yield _B
    elif approach in "04":
        yield _O


def kinds_in_words(text: str | None) -> frozenset[ProcedureKind]:
    """What a description names. A scan beside anything else guided that, and is none of its own."""
    words = re.findall(r"[a-z]+", (text or "")[:_MOST_LETTERS].lower())
    found = {kind for word in words if (kind := _by_word(word))}
    return frozenset(found - {_S} or found)


def _by_word(word: str) -> ProcedureKind | None:
    if known := _BY_WORD.get(word):
        return known
    if word in _NOT_ENDOSCOPIC:
        return None
    return next((kind for ending, kind in _BY_ENDING.items() if word.endswith(ending)), None)


def kinds_of(
    codes: Iterable[tuple[str, str]], words: str | None, category: Iterable[tuple[str, str]] = ()
) -> tuple[ProcedureKind, ...]:
    """What was done: by its codes, each with the URI of its system; else in words; else by its category's codes."""
    by_code = frozenset[ProcedureKind]().union(*(kinds_by_code(*one) for one in codes))
    by_category = frozenset[ProcedureKind]().union(*(kinds_by_code(*one) for one in category))
    return tuple(sorted(by_code or kinds_in_words(words) or by_category))


def gathered(found: Iterable[ListedProcedure | str | None]) -> Procedures:
    """What a message lists, in its order; None is of nothing that was done. Of more than `MOST_PROCEDURES` the rest is
    a person's.
    """
    said = [one for one in found if one is not None]
    rest = len(said) - MOST_PROCEDURES
    unclear = [one for one in said[:MOST_PROCEDURES] if isinstance(one, str)]
    return Procedures(
        listed=tuple(dict.fromkeys(one for one in said[:MOST_PROCEDURES] if isinstance(one, ListedProcedure))),
        unclear=(*dict.fromkeys(unclear), *([f"and {rest} more"] if rest > 0 else ())),
    )
