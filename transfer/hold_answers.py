"""Which answers each question takes, and what follows from each."""

from collections.abc import Mapping
from types import MappingProxyType

from transfer.holds import HoldAnswer, HoldCode

_APPROVE = {
    HoldAnswer.APPROVE: "the packet goes as it is, under your name",
    HoldAnswer.WAIT: "it does not go now; you are asked again when something changes, at the latest in a day",
}
_AGAIN = {HoldAnswer.AGAIN: "the same is tried again, now"}
_SEEN = {HoldAnswer.SEEN: "you know of it; nothing else happens"}
_TRIED_TOMORROW = {HoldAnswer.SEEN: "you know of it; the packet is tried again in a day, unless it is given up"}
_ASK_AGAIN = {
    HoldAnswer.AGAIN: "the department is asked again, now",
    HoldAnswer.SEEN: "it is not asked again",
}
_ASKS = {
    HoldAnswer.AGAIN: "what they asked for is done: the department is asked again, or awaited",
    HoldAnswer.DO_WITHOUT: "nothing is awaited from this department any more; its lines stay open",
}
_WHOSE = {
    HoldAnswer.OURS: "it belongs to the patient of the case you name",
    HoldAnswer.NOT_OURS: "it is sealed, and purged after 72 hours unless another patient's case claims it",
}
_READ_AGAIN = {
    HoldAnswer.AGAIN: "it is read again (correct the institution's file before)",
    HoldAnswer.SEEN: "nothing can be made of it: it is set aside, and purged after 72 hours where it is nobody's",
}

_END_OR_KEEP = {
    HoldAnswer.END: "the case ends: what is asked is withdrawn, the links of its packets work no more",
    HoldAnswer.KEEP: "the case goes on all the same",
}
_END_OR_WAIT = {
    HoldAnswer.END: _END_OR_KEEP[HoldAnswer.END],
    HoldAnswer.WAIT: "nothing happens now; you are asked again when something changes, at the latest in a day",
}

#: the answers to each question, and what each does
ANSWERS: Mapping[HoldCode, Mapping[HoldAnswer, str]] = MappingProxyType(
    {
        HoldCode.WHOSE_REFERRAL: {
            HoldAnswer.OURS: "it is about the patient of the case you name, and opens a further case",
            HoldAnswer.NOT_OURS: "it is about somebody new, for whom a case is opened",
        },
        HoldCode.WHOSE_FORM: _WHOSE,
        HoldCode.WHOSE_RECORD: _WHOSE,
        HoldCode.WHOSE_ANSWER: {
            HoldAnswer.OURS: "it is this patient: what they hold is taken in, and their number is known from now on",
            HoldAnswer.NOT_OURS: "it is somebody else: nothing of it is taken",
            HoldAnswer.AGAIN: "the department is asked again, now",
        },
        HoldCode.SAME_PATIENT: {
            HoldAnswer.OURS: "they are one person: what is the other's is this patient's",
            HoldAnswer.NOT_OURS: "they are two people: nothing changes",
        },
        HoldCode.WHOSE_CASE: _END_OR_KEEP,
        HoldCode.IDENTITY_CHANGED: {HoldAnswer.SEEN: "you know of it; the message is purged after 72 hours"},
        HoldCode.PATIENT_DIED: {HoldAnswer.SEEN: "it is not so, or the case goes on; nobody is asked again"},
        HoldCode.REFERRAL_UNREADABLE: {
            HoldAnswer.AGAIN: "it is read again (correct the checklist's or institution's file before)",
        },
        HoldCode.REFERRAL_NOT_ACTIVE: {
            HoldAnswer.AGAIN: "it is read again",
            HoldAnswer.SEEN: "it is set aside; the referral opens a case when it comes as an active one",
        },
        HoldCode.REFERRAL_OF_CLOSED: {
            HoldAnswer.APPROVE: "a new case is opened from it",
            HoldAnswer.SEEN: "it is set aside, and no case is opened",
        },
        HoldCode.REFERRAL_WITHDRAWN: _END_OR_KEEP,
        HoldCode.REFERRAL_ON_HOLD: _END_OR_KEEP,
        HoldCode.REFERRAL_COMPLETED: _END_OR_KEEP,
        HoldCode.REFERRAL_CHANGED: _SEEN,
        HoldCode.REFERRAL_ASKED_ABOUT: _SEEN,
        HoldCode.RECEIVER_CHANGED: {
            HoldAnswer.APPROVE: "the other center gets the records; where a packet may have left, this case ends and a "
            "new one is opened for it",
            HoldAnswer.KEEP: "the case stays as it is, and nothing of the change is taken",
        },
        HoldCode.DIAGNOSIS_UNKNOWN: {HoldAnswer.SEEN: "the list common to all diseases stays"},
        HoldCode.PROCEDURE_UNCLEAR: {HoldAnswer.SEEN: "you listed what is to be asked for, or nothing is"},
        HoldCode.APPOINTMENT_CANCELLED: _SEEN,
        HoldCode.APPOINTMENT_ELSEWHERE: _SEEN,
        HoldCode.ARRIVAL_UNREADABLE: _READ_AGAIN,
        HoldCode.ARRIVAL_POISONOUS: _READ_AGAIN,
        HoldCode.BATCH_MISCOUNTED: {
            HoldAnswer.APPROVE: "its messages are taken as they are",
            HoldAnswer.SEEN: "none of its messages is taken: it is set aside, and purged after 72 hours",
        },
        HoldCode.CORRECTION_IN_PART: {
            HoldAnswer.WHOLE: "it is the whole report: what it leaves out stands no more",
            HoldAnswer.PART: "it is what changed: the other results of the earlier report stand",
        },
        HoldCode.MESSAGE_NOT_TAKEN: _READ_AGAIN,
        HoldCode.ENTRIES_UNUSABLE: _SEEN,
        HoldCode.ARRIVAL_LABEL_UNREAD: {
            HoldAnswer.AGAIN: "it is read again (write the label into the institution's file before)",
            HoldAnswer.SEEN: "it stays sealed, and nothing of it is collected",
        },
        HoldCode.SOURCE_LABEL_UNREAD: {
            HoldAnswer.AGAIN: "the department is asked again, now (write the label into the institution's file before)",
            HoldAnswer.SEEN: "what carries the label stays there; the rest was collected",
        },
        HoldCode.DOCUMENTS_NOT_GIVEN: _ASK_AGAIN,
        HoldCode.UPLOADED: {HoldAnswer.SEEN: "you looked at it, and entered what is to be entered"},
        HoldCode.FAX_REPORT_UNREAD: {HoldAnswer.SEEN: "you read their mail; send the letter again if it did not go"},
        HoldCode.LETTER_CODE_TRIED: {
            HoldAnswer.SEEN: "the code goes on working; end it first where its letter went astray"
        },
        HoldCode.RECORDS_NOT_COVERED: {HoldAnswer.SEEN: "they wait sealed, and are collected once a form covers them"},
        HoldCode.IMAGES_MISPLACED: {
            HoldAnswer.APPROVE: "the images belong to the study: it counts as whole once all of it is here",
            HoldAnswer.SEEN: "the study stays out of the packet; you are asked again when its department is",
        },
        HoldCode.IMAGES_REJECTED: {HoldAnswer.SEEN: "you know of it; what the archive rejected goes nowhere"},
        HoldCode.IMAGES_GONE: {HoldAnswer.SEEN: "what came goes all the same; you asked the film room"},
        HoldCode.IMAGES_CONFLICT: {HoldAnswer.SEEN: "the first of each goes; the packet names them"},
        HoldCode.DOCUMENT_UNREADABLE: {
            HoldAnswer.APPROVE: "it counts all the same and goes as it is; the packet says that you took it",
            HoldAnswer.LEAVE_OUT: "it answers nothing and stays out of the packet",
            HoldAnswer.OPEN_AGAIN: "it is opened once more, now; you are asked again if it still cannot be read",
            HoldAnswer.AGAIN: "it stays out, and its department is asked for it again",
        },
        HoldCode.IMAGES_LACKING: {
            HoldAnswer.APPROVE: "the study counts as it came; the packet says how many images are lacking",
            HoldAnswer.LEAVE_OUT: "the study stays out of the packet; you are asked again when its department is",
            HoldAnswer.AGAIN: "the department is asked again, now",
        },
        HoldCode.LABELS_DIFFER: {HoldAnswer.SEEN: "you asked the laboratory; you are not asked about these again"},
        HoldCode.PART_LACKING: {HoldAnswer.SEEN: "you asked the laboratory; you are not asked about this report again"},
        HoldCode.IMAGES_UNLIKE_REPORT: {
            HoldAnswer.SEEN: "you asked the film room; you are not asked about this study again"
        },
        HoldCode.CONTROL_ID_CONFLICT: _SEEN,
        HoldCode.SOURCE_REFUSES: _ASK_AGAIN,
        HoldCode.SOURCE_DOES_NOT_ANSWER: _ASK_AGAIN,
        HoldCode.SOURCE_UNCLEAR: _ASK_AGAIN,
        HoldCode.SOURCE_FOUND_NOTHING: _ASKS,
        HoldCode.SOURCE_WANTS_FORM: {
            HoldAnswer.SENT: "their form was sent to them: they are asked again, or awaited",
            **_ASKS,
        },
        HoldCode.SOURCE_WANTS_AUTHORIZATION: _ASKS,
        HoldCode.SOURCE_WANTS_IDENTIFIER: _ASKS,
        HoldCode.SOURCE_WANTS_FEE: {
            HoldAnswer.APPROVE: "the fee is approved under your name: they are asked again, or awaited",
            HoldAnswer.DISPUTE: "the fee is disputed under your name: they are asked again, or awaited",
            HoldAnswer.DO_WITHOUT: _ASKS[HoldAnswer.DO_WITHOUT],
        },
        HoldCode.SOURCE_SENT_BEFORE: _ASKS,
        HoldCode.SOURCE_NAMES_ANOTHER: _ASKS,
        HoldCode.NOBODY_HOLDS_IT: _ASKS,
        HoldCode.SOURCE_WILL_NOT_RELEASE: _ASKS,
        HoldCode.SOURCE_ANSWER_UNREAD: _ASKS,
        HoldCode.ANSWERED_AFTER_RECORDS: _ASK_AGAIN,
        HoldCode.APPROVE_RELEASE: _APPROVE,
        HoldCode.APPROVE_PARTIAL: _APPROVE,
        HoldCode.APPROVE_DELTA: _APPROVE,
        HoldCode.RELEASE_NOT_PERMITTED: {**_AGAIN, **_TRIED_TOMORROW},
        HoldCode.RECEIVER_HAS_NO_DOOR: {**_AGAIN, **_TRIED_TOMORROW},
        HoldCode.RECEIVER_REFUSED: {**_AGAIN, **_TRIED_TOMORROW},
        HoldCode.PACKET_DECLINED: {
            HoldAnswer.AGAIN: "the case goes on: what its sources can be asked is asked again",
            HoldAnswer.SEEN: "you know of it; the case waits for what you do next",
        },
        HoldCode.CENTER_NOT_TOLD: {
            HoldAnswer.AGAIN: "the center is told again, by itself",
            HoldAnswer.SEEN: "you told the center yourself; it is not told again",
        },
        HoldCode.CENTER_ASKS: {
            HoldAnswer.REPLY: "the center reads your note at its pages, as you wrote it",
            HoldAnswer.SEEN: "the center sees that you have read it; you call, or nothing is to be said",
        },
        HoldCode.CASE_DECLINED: {HoldAnswer.SEEN: "whoever referred the patient knows of it"},
        HoldCode.NOTHING_TO_SEND: _END_OR_WAIT,
        HoldCode.NEEDS_UNANSWERED: _END_OR_WAIT,
        HoldCode.RECEIPTS_DISAGREE: _SEEN,
        HoldCode.DELIVERED_VOID: {
            HoldAnswer.DELTA: "a further packet goes, under your name: it says what it replaces and what is withdrawn",
            HoldAnswer.RECALL: "the packet is taken back; another may go once a person approves it",
            HoldAnswer.TELL: "you tell the center yourself, and your name stands under it; nothing is sent",
        },
        HoldCode.FORM_STOPPED: {
            HoldAnswer.REVOKE: "the form is revoked; somebody confirms what is destroyed",
            HoldAnswer.RESUME: "the form goes on; what it covers is asked for again",
        },
        HoldCode.SOURCE_OBJECTS: {
            HoldAnswer.KEEP: "the institution's own records stay stopped",
            HoldAnswer.RESUME: "they go on, under whatever form covers them",
        },
        HoldCode.OBJECTION_OF_ANOTHER: {HoldAnswer.SEEN: "nothing is stopped by it"},
        HoldCode.OBJECTION_UNMATCHED: {
            HoldAnswer.AGAIN: "it is read and matched again, now",
            HoldAnswer.SEEN: "it stops nothing: it is set aside, and purged after 72 hours where it is nobody's",
        },
        HoldCode.CONFIRM_PURGE: {
            HoldAnswer.PURGE: "what no other permission covers is destroyed once a second person has said so",
            HoldAnswer.KEEP: "it is kept, unread, and nothing of it is released",
        },
        HoldCode.REVIEW_EMERGENCY: {HoldAnswer.SEEN: "you reviewed it; your name stands under it"},
        HoldCode.LEDGER_ALTERED: {
            HoldAnswer.AGAIN: "how permissions ended is set right by the facts, and the packet is tried again",
            HoldAnswer.SEEN: "you know of it; nothing is released, and it is tried again in a day",
        },
        HoldCode.FORM_READ_ANEW: {
            HoldAnswer.RESUME: "you looked at the form: it goes on as it was read before",
            HoldAnswer.KEEP: "it stays paused: only a new form lets the release go on",
        },
        HoldCode.FORM_UNCLEAR: {
            HoldAnswer.AGAIN: "it is read again (correct the institution's file before)",
            HoldAnswer.SEEN: "nothing is released under it; where it is nobody's, it is purged after 72 hours",
        },
        HoldCode.CONSENT_WITHOUT_FORM: {
            HoldAnswer.SEEN: "you know of it; nothing is released for what the message says"
        },
        HoldCode.FORM_DOUBTED: {HoldAnswer.SEEN: "you know of it; nothing that is in doubt is released under the form"},
        HoldCode.MACHINERY_BROKEN: _AGAIN,
    }
)
