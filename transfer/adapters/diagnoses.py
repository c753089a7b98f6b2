"""A diagnosis of a referral from the codes that its message gives, whichever language it came in."""

from collections.abc import Sequence
from typing import Final

from transfer.diagnoses import CodeSystem, Diagnosis, DiagnosisCode
from transfer.records import Coding

_NAMES: Final = {CodeSystem.ICD_10_CM: "ICD-10-CM ", CodeSystem.SNOMED_CT: "SNOMED CT "}


def diagnosis_of(said: Sequence[Coding], name: str = "") -> Diagnosis:
    """`said` are codes of one diagnosis, `name` is what it is called where none of them has a display.

    People are told the ICD-10-CM code where there is one, that of a neoplasm first, else the first code.
    """
    read = [(DiagnosisCode.read(one.system, one.code), one) for one in said]
    by_icd = [(code, one) for code, one in read if code and code.system is CodeSystem.ICD_10_CM]
    first = [pair for pair in by_icd if pair[0].is_neoplasm] or by_icd or read
    code, told = first[0] if first else (None, None)
    number = f"{_NAMES[code.system] if code else ''}{told.code}" if told and told.code else ""
    displays = [one.display for one in (*([told] if told else []), *said) if one.display]
    words = displays[0] if displays else name
    return Diagnosis(
        codes=tuple(dict.fromkeys(code for code, _ in read if code)),
        words=" ".join((f"{words} ({number})" if words and number else words or number).split()),
    )
