"""Looks at who a patient is, and at what is in their records: from where, and where somebody must say why."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from transfer.rights import Actor, Right

#: how long a reason counts that somebody gave for one case: as long as a session lasts at the most
REASON_COUNTS_FOR: Final = timedelta(hours=10)


class LookPlace(StrEnum):
    """Where somebody looked."""

    CASE = "case"
    DECISION = "decision"
    LIST = "list"
    FIND = "find"
    RECORD = "record"
    PACKET = "packet"
    #: of somebody of a receiving center, at its own pages
    CENTER = "center"
    #: what a courier brought, and what goes back
    PACKAGES = "packages"
    INCOMING = "incoming"
    #: the list of the day, written to a folder for when everything is down
    DOWNTIME_SHEET = "downtime-sheet"


class LookReason(StrEnum):
    """Why somebody looks (HL7 v3 PurposeOfUse, https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html)."""

    TREATMENT = "TREAT"
    PAYMENT = "HPAYMT"
    OPERATIONS = "HOPERAT"
    COMPLIANCE = "HCOMPL"
    LEGAL = "HLEGAL"
    PATIENT_ASKED = "PATRQT"


class PatientFlag(StrEnum):
    """Why whoever looks at a patient must say why."""

    #: works here
    EMPLOYEE = "employee"
    #: HL7 v2.5.1, PV1-16
    VIP = "vip"


def is_shown(actor: Actor, *, is_flagged: bool, has_reason: bool) -> bool:
    """Whether somebody may see who a patient is. `has_reason`: they said why, of this case, and it still counts."""
    if actor.may(Right.SEE_IDENTITY):
        return has_reason or not is_flagged
    return has_reason and actor.may(Right.SEE_IDENTITY_FOR_REASON)
