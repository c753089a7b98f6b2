"""Where a referral stands."""

from enum import StrEnum


class ReferralStatus(StrEnum):
    """Where a referral stands, as https://hl7.org/fhir/R4/valueset-request-status.html says it."""

    #: planned or proposed: nobody is asked yet
    DRAFT = "draft"
    ACTIVE = "active"
    ON_HOLD = "on-hold"
    #: withdrawn, entered in error, or it says not to do what it names
    REVOKED = "revoked"
    COMPLETED = "completed"
    #: expired, rejected, or said in no word we know
    UNKNOWN = "unknown"
