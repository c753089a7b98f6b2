"""What a REF^I12 says: each diagnosis with its codes (DG1), and for people its stage (OBX) and who refers (PRD).

Any of it may be absent. The codes pick the checklist; nothing is decided by the words. HL7 v2.5.1 chapters 6.5.2 and
11.6.3.
"""

from dataclasses import replace
from typing import Final

from transfer.adapters.diagnoses import STAGES, by_telephone, diagnosis_of, in_a_line, staged
from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.values import coding_system, codings
from transfer.diagnoses import Diagnosis, in_words
from transfer.institutions import Institution

#: DG1-21, table 0206
_DELETED: Final = "D"


def diagnoses(message: Message, institution: Institution) -> tuple[Diagnosis, ...]:
    """Every diagnosis (DG1) that is not deleted, in the order of the message, each with first and alternate code.

    A code that names no system is of the coding method (DG1-2), which older senders give instead.
    """
    listed = (dg1 for dg1 in message.segments("DG1") if (dg1.text(21) or "").upper() != _DELETED)
    return tuple(_diagnosis(dg1, institution) for dg1 in listed)


def _diagnosis(dg1: Segment, institution: Institution) -> Diagnosis:
    said = codings(dg1.part(3), institution)
    if said and not dg1.text(3, 3):
        said[0] = replace(said[0], system=coding_system(dg1.text(2), institution))
    return diagnosis_of(said, dg1.text(3, 2) or dg1.text(4) or "")


def diagnosis(message: Message, institution: Institution) -> str | None:
    """What the referral is for, in words with its stage; None where it says none."""
    said = in_words(diagnoses(message, institution))
    if said is None:
        return None
    stage = next((found for one in message.segments("OBX") if (found := _stage(one))), "")
    return in_a_line(said, stage)


def referrer(message: Message) -> str | None:
    """The provider who refers (PRD with role RP, table 0286), with a telephone number."""
    for prd in message.segments("PRD"):
        if "RP" in {part.text(1) for part in prd.repetitions(1)}:
            # XPN: prefix, given, further given, family
            name = " ".join(part for part in (prd.text(2, 5), prd.text(2, 2), prd.text(2, 3), prd.text(2)) if part)
            telephone = prd.text(5) or prd.text(5, 12)
            return in_a_line(name, by_telephone(telephone))
    return None


def _stage(obx: Segment) -> str | None:
    if not STAGES & {obx.text(3), obx.text(3, 4)}:
        return None
    return staged(obx.text(5, 2) or obx.text(5))
