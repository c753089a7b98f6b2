"""Why the desk does not do something, as codes with fields. The words are in `transfer.sentences.desk`."""

from transfer.codes import Code, Coded


class RefusalCode(Code):
    NO_RIGHT = "no-right", "right"
    # cases
    NO_CASE = "no-case", "case"
    NO_OPENED_CASE = "no-opened-case", "case"
    NOT_OPENED = "not-opened", "case"
    CASE_IS_CLOSED = "case-is-closed", "case", "ending"
    PATIENT_IS_PURGED = "patient-is-purged"
    NO_SUCH_ENDING = "no-such-ending", "ending"
    NO_SUCH_LINE = "no-such-line", "checklist", "line"
    LACKS_LINES = "lacks-lines", "case", "lines"
    UNDECIDED_FIRST = "undecided-first", "case"
    SOURCE_OWES_MORE = "source-owes-more", "case"
    NOTHING_NEW = "nothing-new", "packet"
    NOTHING_TO_GIVE_UP = "nothing-to-give-up", "case"
    PACKET_MAY_HAVE_LEFT = "packet-may-have-left", "packet"
    NOTHING_TO_PACK = "nothing-to-pack", "case"
    CASE_NOT_ACTIVE = "case-not-active", "case", "status"
    HAS_NO_RECORDS = "has-no-records", "institution"
    NOTHING_TO_CHANGE = "nothing-to-change"
    NOTHING_TO_RECALL = "nothing-to-recall", "case"
    NEEDS_RECORD = "needs-record", "answer"
    TAKES_NO_RECORD = "takes-no-record", "answer"
    NOTE_IS_EMPTY = "note-is-empty"
    NOBODYS_NOTE = "nobodys-note"
    # decisions
    NO_DECISION = "no-decision", "hold"
    NO_SUCH_ANSWER = "no-such-answer", "question", "answer"
    ANSWERED_OTHERWISE = "answered-otherwise", "hold", "answer"
    ANSWER_TAKES_NO_CASE = "answer-takes-no-case", "answer"
    ANSWER_TAKES_NO_NOTE = "answer-takes-no-note"
    SUBJECT_IS_PURGED = "subject-is-purged"
    NAMES_NO_PATIENT = "names-no-patient"
    NOT_SAID_WHOSE = "not-said-whose"
    TAKES_NOTHING_IN = "takes-nothing-in", "case"
    NOT_OF_PATIENT = "not-of-patient", "case"
    # one patient or two
    NOT_MERGED = "not-merged", "case"
    BOTH_MERGED = "both-merged"
    MERGED_SINCE = "merged-since"
    PATIENT_UNDER_WAY = "patient-under-way"
    # requests
    NO_REQUEST = "no-request", "request"
    REQUEST_NOT_PERMITTED = "request-not-permitted", "request"
    REQUEST_CANNOT_MOVE = "request-cannot-move", "request", "state", "to"
    ANSWER_TAKES_LESS = "answer-takes-less", "answer"
    NO_SUCH_INSTITUTION = "no-such-institution"
    NAMES_NO_INSTITUTION = "names-no-institution", "request"
    HOLDS_NO_SUCH_THING = "holds-no-such-thing", "institution"
    # slides and blocks
    NO_ACCESSION = "no-accession"
    NO_SUCH_MATERIAL = "no-such-material", "case"
    SEVERAL_MATERIALS = "several-materials", "case"
    NOT_COME_YET = "not-come-yet", "material"
    OTHERWISE_ENTERED = "otherwise-entered", "material", "received"
    # referrals
    MAY_NOT_REFER = "may-not-refer", "institution"
    NO_REFERRAL = "no-referral", "found"
    REFERRAL_TOO_LARGE = "referral-too-large", "mebibytes"
    # permissions
    MAY_NOT_FILE_FORMS = "may-not-file-forms", "institution"
    FIELDS_NOT_UNDERSTOOD = "fields-not-understood", "mistake"
    PAPER_FORM_TOO_LARGE = "paper-form-too-large", "mebibytes"
    NO_SCAN = "no-scan"
    FORM_OF_ANOTHER = "form-of-another", "case"
    NO_PERMISSION = "no-permission", "permission"
    ENDED_FOR_GOOD = "ended-for-good", "permission", "end"
    SENDER_IS_SILENT = "sender-is-silent", "permission", "end"
    EMERGENCY_NEEDS_WORDS = "emergency-needs-words"


class Reason(Coded[RefusalCode]):
    """Why not, with what it is about."""
