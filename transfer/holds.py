"""What only a person can decide, by code, and the answers that there are.

Which question takes which answer is in `transfer.hold_answers`. The sentences that explain each code are in
`transfer.sentences`. What an answer does is in `transfer.flow.desk`.
"""

from enum import StrEnum


class HoldCode(StrEnum):
    """Every question the machinery asks people."""

    # whose it is
    WHOSE_REFERRAL = "whose-referral"
    WHOSE_FORM = "whose-form"
    WHOSE_RECORD = "whose-record"
    WHOSE_ANSWER = "whose-answer"
    SAME_PATIENT = "same-patient"
    #: its patient was taken out of the one for whom it was opened
    WHOSE_CASE = "whose-case"
    IDENTITY_CHANGED = "identity-changed"
    PATIENT_DIED = "patient-died"
    # what came
    REFERRAL_UNREADABLE = "referral-unreadable"
    #: it opens no case: it is only planned, on hold, withdrawn, or about a referral that we do not know
    REFERRAL_NOT_ACTIVE = "referral-not-active"
    REFERRAL_OF_CLOSED = "referral-of-closed"
    # what became of the referral of an open case
    REFERRAL_WITHDRAWN = "referral-withdrawn"
    REFERRAL_ON_HOLD = "referral-on-hold"
    REFERRAL_COMPLETED = "referral-completed"
    REFERRAL_CHANGED = "referral-changed"
    REFERRAL_ASKED_ABOUT = "referral-asked-about"
    RECEIVER_CHANGED = "receiver-changed"
    DIAGNOSIS_UNKNOWN = "diagnosis-unknown"
    #: the referral lists something that was done to the patient, and not so that it can be asked for
    PROCEDURE_UNCLEAR = "procedure-unclear"
    APPOINTMENT_CANCELLED = "appointment-cancelled"
    APPOINTMENT_ELSEWHERE = "appointment-elsewhere"
    ARRIVAL_UNREADABLE = "arrival-unreadable"
    ARRIVAL_POISONOUS = "arrival-poisonous"
    BATCH_MISCOUNTED = "batch-miscounted"
    MESSAGE_NOT_TAKEN = "message-not-taken"
    CORRECTION_IN_PART = "correction-in-part"
    ENTRIES_UNUSABLE = "entries-unusable"
    ARRIVAL_LABEL_UNREAD = "arrival-label-unread"
    SOURCE_LABEL_UNREAD = "source-label-unread"
    DOCUMENTS_NOT_GIVEN = "documents-not-given"
    RECORDS_NOT_COVERED = "records-not-covered"
    IMAGES_MISPLACED = "images-misplaced"
    IMAGES_REJECTED = "images-rejected"
    IMAGES_CONFLICT = "images-conflict"
    IMAGES_GONE = "images-gone"
    DOCUMENT_UNREADABLE = "document-unreadable"
    IMAGES_LACKING = "images-lacking"
    LABELS_DIFFER = "labels-differ"
    #: a part that its report calls malignant has no slide or block
    PART_LACKING = "part-lacking"
    #: a study and its report bear different accession numbers
    IMAGES_UNLIKE_REPORT = "images-unlike-report"
    CONTROL_ID_CONFLICT = "control-id-conflict"
    #: somebody outside sent a file by our pages: a form, letters, a disc's papers
    UPLOADED = "uploaded"
    #: the service that faxes says something of a letter that no rule has
    FAX_REPORT_UNREAD = "fax-report-unread"
    #: somebody has a code of ours, and not the birth date
    LETTER_CODE_TRIED = "letter-code-tried"
    # asking
    SOURCE_REFUSES = "source-refuses"
    SOURCE_DOES_NOT_ANSWER = "source-does-not-answer"
    SOURCE_UNCLEAR = "source-unclear"
    SOURCE_FOUND_NOTHING = "source-found-nothing"
    SOURCE_WANTS_FORM = "source-wants-form"
    SOURCE_WANTS_AUTHORIZATION = "source-wants-authorization"
    SOURCE_WANTS_IDENTIFIER = "source-wants-identifier"
    SOURCE_WANTS_FEE = "source-wants-fee"
    SOURCE_SENT_BEFORE = "source-sent-before"
    SOURCE_NAMES_ANOTHER = "source-names-another"
    NOBODY_HOLDS_IT = "nobody-holds-it"
    SOURCE_WILL_NOT_RELEASE = "source-will-not-release"
    SOURCE_ANSWER_UNREAD = "source-answer-unread"
    ANSWERED_AFTER_RECORDS = "answered-after-records"
    # going out
    APPROVE_RELEASE = "approve-release"
    APPROVE_PARTIAL = "approve-partial"
    APPROVE_DELTA = "approve-delta"
    RELEASE_NOT_PERMITTED = "release-not-permitted"
    RECEIVER_HAS_NO_DOOR = "receiver-has-no-door"
    RECEIVER_REFUSED = "receiver-refused"
    PACKET_DECLINED = "packet-declined"
    CASE_DECLINED = "case-declined"
    NOTHING_TO_SEND = "nothing-to-send"
    NEEDS_UNANSWERED = "needs-unanswered"
    RECEIPTS_DISAGREE = "receipts-disagree"
    DELIVERED_VOID = "delivered-void"
    CENTER_NOT_TOLD = "center-not-told"
    CENTER_ASKS = "center-asks"
    # permission
    FORM_STOPPED = "form-stopped"
    SOURCE_OBJECTS = "source-objects"
    OBJECTION_OF_ANOTHER = "objection-of-another"
    OBJECTION_UNMATCHED = "objection-unmatched"
    CONFIRM_PURGE = "confirm-purge"
    REVIEW_EMERGENCY = "review-emergency"
    FORM_READ_ANEW = "form-read-anew"
    FORM_UNCLEAR = "form-unclear"
    FORM_DOUBTED = "form-doubted"
    #: a message says that a release is permitted, and brings no form
    CONSENT_WITHOUT_FORM = "consent-without-form"
    # machinery
    LEDGER_ALTERED = "ledger-altered"
    MACHINERY_BROKEN = "machinery-broken"


class HoldAnswer(StrEnum):
    """What a person may answer."""

    APPROVE = "approve"
    WAIT = "wait"
    PURGE = "purge"
    KEEP = "keep"
    #: it is the patient's whose case is named
    OURS = "ours"
    NOT_OURS = "not-ours"
    SEEN = "seen"
    AGAIN = "again"
    #: a program of ours opens it once more
    OPEN_AGAIN = "open-again"
    #: what a source asks for was sent to it
    SENT = "sent"
    DISPUTE = "dispute"
    #: nothing is awaited from this source any more
    DO_WITHOUT = "do-without"
    LEAVE_OUT = "leave-out"
    WHOLE = "whole"
    PART = "part"
    #: the form is taken back in writing
    REVOKE = "revoke"
    #: what was stopped goes on
    RESUME = "resume"
    #: the case ends
    END = "end"
    #: a further packet goes, which says what it replaces
    DELTA = "delta"
    #: the packet is taken back
    RECALL = "recall"
    #: the center is told by a person
    TELL = "tell"
    #: who asked reads the note at our pages
    REPLY = "reply"


class SystemAnswer(StrEnum):
    """How a question ends that nobody answers: what it asks came about by itself, or is gone."""

    ANSWERED = "answered"
    APPROVED = "approved"
    PERMITTED = "permitted"
    PURGED = "purged"
    #: more is to be compared than the question showed, or with another patient
    ASKED_ANEW = "asked-anew"
    CLOSED = "closed"
    #: the packet that it is about
    GIVEN_UP = "given-up"


#: the questions that compare a message with patients, side by side; some need two people
COMPARED = frozenset(
    {HoldCode.WHOSE_REFERRAL, HoldCode.WHOSE_FORM, HoldCode.WHOSE_RECORD, HoldCode.WHOSE_ANSWER, HoldCode.SAME_PATIENT}
)
#: the questions about a permission that an objection stopped, or a reader that does not carry its form
STOPPED = frozenset({HoldCode.FORM_STOPPED, HoldCode.SOURCE_OBJECTS, HoldCode.FORM_READ_ANEW})
#: the questions about a patient's permissions: they do not end with the case on which they are asked
OF_PERMISSIONS = STOPPED | {HoldCode.OBJECTION_OF_ANOTHER, HoldCode.CONFIRM_PURGE}
#: the questions about what became of a referral that is understood
OF_REFERRALS = frozenset(
    {
        HoldCode.REFERRAL_NOT_ACTIVE,
        HoldCode.REFERRAL_OF_CLOSED,
        HoldCode.REFERRAL_WITHDRAWN,
        HoldCode.REFERRAL_ON_HOLD,
        HoldCode.REFERRAL_COMPLETED,
        HoldCode.REFERRAL_CHANGED,
        HoldCode.REFERRAL_ASKED_ABOUT,
        HoldCode.RECEIVER_CHANGED,
        HoldCode.DIAGNOSIS_UNKNOWN,
        HoldCode.PROCEDURE_UNCLEAR,
        HoldCode.APPOINTMENT_CANCELLED,
        HoldCode.APPOINTMENT_ELSEWHERE,
    }
)
#: the questions about a packet that cannot leave
OF_STUCK_PACKETS = frozenset(
    {
        HoldCode.RELEASE_NOT_PERMITTED,
        HoldCode.RECEIVER_HAS_NO_DOOR,
        HoldCode.RECEIVER_REFUSED,
        HoldCode.LEDGER_ALTERED,
    }
)
#: the questions about what a source gave, or did not: somebody is on it
OF_SOURCES = frozenset(
    {
        HoldCode.SOURCE_REFUSES,
        HoldCode.SOURCE_DOES_NOT_ANSWER,
        HoldCode.SOURCE_UNCLEAR,
        HoldCode.SOURCE_LABEL_UNREAD,
        HoldCode.WHOSE_ANSWER,
        HoldCode.IMAGES_MISPLACED,
        HoldCode.IMAGES_REJECTED,
        HoldCode.IMAGES_LACKING,
        HoldCode.DOCUMENT_UNREADABLE,
        HoldCode.ENTRIES_UNUSABLE,
        HoldCode.SOURCE_FOUND_NOTHING,
        HoldCode.NOBODY_HOLDS_IT,
    }
)
#: the questions that closing a case does not settle
OUTLASTING = OF_PERMISSIONS | {HoldCode.DELIVERED_VOID}
#: the questions that are answered by approving, or by waiting on
APPROVALS = frozenset({HoldCode.APPROVE_RELEASE, HoldCode.APPROVE_PARTIAL, HoldCode.APPROVE_DELTA})
#: the questions whose `about` is what was found on a form, as codes of `transfer.permissions.Finding`
ABOUT_FORMS = frozenset({HoldCode.FORM_UNCLEAR, HoldCode.FORM_DOUBTED})
