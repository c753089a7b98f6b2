"""What a referral is for and from whom, in whichever language it came: a diagnosis by its codes, words for people."""

from collections.abc import Sequence
from typing import Final

from transfer.diagnoses import CodeSystem, Diagnosis, DiagnosisCode
from transfer.records import Coding

#: LOINC codes: stage group, clinical, pathological and other (https://loinc.org/21908-9, 21902-2, 21914-7)
STAGES: Final = frozenset({"21908-9", "21902-2", "21914-7"})
#: characters of what people are told in a line
_MOST: Final = 300

_NAMES: Final = {CodeSystem.ICD_10_CM: "ICD-10-CM ", CodeSystem.SNOMED_CT: "SNOMED CT "}


def diagnosis_of(said: Sequence[Coding], name: str) -> Diagnosis:
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


def staged(stage: str | None) -> str:
    """A stage as people read it behind a diagnosis; empty where there is none."""
    words = stage or ""
    return words if not words or "stage" in words.lower() else f"stage {words}"


def by_telephone(number: str | None) -> str:
    """A telephone number as people read it behind a name; empty where there is none."""
    return f"telephone {number}" if number else ""


def in_a_line(*parts: str | None) -> str | None:
    """What there is of these, with commas; None where there is nothing."""
    return ", ".join(" ".join(part.split()) for part in parts if part)[:_MOST] or None
