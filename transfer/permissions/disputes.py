"""What a person finds wrong with a form by looking at it, and no reader can tell (45 CFR 164.508(b)(2))."""

from enum import StrEnum

from transfer.permissions.findings import Finding


class Dispute(StrEnum):
    """Each makes a form permit nothing while it stands."""

    #: combined with what it may not be combined with, (b)(2)(iv) and (b)(3)
    COMPOUND = "compound"
    #: made a condition of treatment, payment, enrolment or eligibility, (b)(2)(iv) and (b)(4)
    CONDITIONED = "conditioned"
    #: something material in it is known to be false, (b)(2)(v)
    FALSE = "false"
    #: it is another patient's
    WRONG_PATIENT = "wrong-patient"
    #: the event at which it expires is known to have occurred, (b)(2)(i)
    EVENT_OCCURRED = "event-occurred"

    @property
    def finding(self) -> Finding:
        return _FINDINGS[self]


_FINDINGS = {
    Dispute.COMPOUND: Finding.COMPOUND,
    Dispute.CONDITIONED: Finding.CONDITIONED,
    Dispute.FALSE: Finding.FALSE_MATERIAL,
    Dispute.WRONG_PATIENT: Finding.PATIENT_MISMATCH,
    Dispute.EVENT_OCCURRED: Finding.EXPIRED_EVENT,
}
