"""What only a person can decide, by code. The sentences are in `transfer.sentences`."""

from enum import StrEnum


class HoldCode(StrEnum):
    # whose it is
    DOUBTFUL_PATIENT = "doubtful-patient"
    SEVERAL_PATIENTS = "several-patients"
    CONFLICTING_IDENTITY = "conflicting-identity"
    # what came
    UNREADABLE = "unreadable"
    UNEXPECTED = "unexpected-answer"
    TOO_LARGE = "too-large"
    SAME_NUMBER_OTHER_BYTES = "same-number-other-bytes"
    SAME_IMAGE_OTHER_PIXELS = "same-image-other-pixels"
    UNKNOWN_DISEASE = "unknown-disease"
    UNKNOWN_INSTITUTION = "unknown-institution"
    FORM_NEEDS_REVIEW = "form-needs-review"
    # asking
    NOT_FOUND = "confirm-not-found"
    FORBIDDEN = "source-refuses"
    SILENT = "source-does-not-answer"
    TURNED_AWAY = "credential-refused"
    # going out
    APPROVAL = "approval"
    PARTIAL_PACKET = "partial-packet"
    DELIVERY_UNKNOWN = "delivery-unknown"
    PACKET_DECLINED = "packet-declined"
    # permission
    CONFIRM_PURGE = "confirm-purge"
    PERMISSION_PAUSED = "permission-paused"
    FORM_IN_ERROR = "form-entered-in-error"
    EMERGENCY_REVIEW = "emergency-review"
    # machinery
    KEEPS_FAILING = "keeps-failing"
