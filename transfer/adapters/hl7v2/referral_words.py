"""What a REF^I12 says for people: the diagnosis with its code and stage (DG1, OBX), and the person who refers (PRD).

Any of it may be absent, and nothing is decided by it. HL7 v2.5.1 chapters 6.5.2 and 11.6.3.
"""

from typing import Final

from transfer.adapters.hl7v2.message import Message, Segment

#: stage group, clinical, pathological and other (https://loinc.org/21908-9, 21902-2, 21914-7)
_STAGES: Final = frozenset({"21908-9", "21902-2", "21914-7"})
#: table 0396
_SYSTEMS: Final = {"I10": "ICD-10-CM ", "I10C": "ICD-10-CM ", "I10CM": "ICD-10-CM ", "SCT": "SNOMED CT "}
_MOST: Final = 300


def diagnosis(message: Message) -> str | None:
    """The diagnosis the referral is for, in words: the first neoplasm (ICD-10-CM C00-D49), else the first there is."""
    said = message.segments("DG1")
    if not said:
        return None
    dg1 = next((one for one in said if _is_neoplasm(one)), said[0])
    words = dg1.text(3, 2) or dg1.text(4) or ""
    code = f"{_SYSTEMS.get((dg1.text(3, 3) or '').upper(), '')}{dg1.text(3)}" if dg1.text(3) else ""
    stage = next((found for one in message.segments("OBX") if (found := _stage(one))), "")
    return _joined(f"{words} ({code})" if words and code else words or code, stage)


def referrer(message: Message) -> str | None:
    """The provider who refers (PRD with role RP, table 0286), with a telephone number."""
    for prd in message.segments("PRD"):
        if "RP" in {part.text(1) for part in prd.repetitions(1)}:
            # XPN: prefix, given, further given, family
            name = " ".join(part for part in (prd.text(2, 5), prd.text(2, 2), prd.text(2, 3), prd.text(2)) if part)
            telephone = prd.text(5) or prd.text(5, 12)
            return _joined(name, f"telephone {telephone}" if telephone else "")
    return None


def _is_neoplasm(dg1: Segment) -> bool:
    code = (dg1.text(3) or "").upper()
    return code[:1] == "C" or (code[:1] == "D" and code[1:2] in tuple("01234"))


def _stage(obx: Segment) -> str | None:
    if not _STAGES & {obx.text(3), obx.text(3, 4)}:
        return None
    words = obx.text(5, 2) or obx.text(5)
    return words if not words or "stage" in words.lower() else f"stage {words}"


def _joined(*parts: str) -> str | None:
    return ", ".join(" ".join(part.split()) for part in parts if part)[:_MOST] or None
