"""What the desk did, as codes with fields. The words are in `transfer.sentences.desk`.

`outlook` is how the case stands after it, as a run's note says it.
"""

from transfer.codes import Code, Coded


class ActionCode(Code):
    # requests
    REQUEST_MOVED = "request-moved", "request", "state", "outlook"
    REQUEST_AS_BEFORE = "request-as-before", "request", "state"
    REQUEST_HEARD = "request-heard", "request", "state"
    # cases
    APPROVED = "approved", "packet"
    PACKET_ON_ITS_WAY = "packet-on-its-way", "packet"
    RECALLED = "recalled", "packet", "outlook"
    RECALLED_BEFORE = "recalled-before", "packet"
    NOTED = "noted"
    FILED_IN_CHART = "filed-in-chart", "about"
    FILED_IN_CHART_BEFORE = "filed-in-chart-before", "about"
    MISDIRECTION_RECORDED = "misdirection-recorded", "case"
    MISDIRECTION_RECORDED_BEFORE = "misdirection-recorded-before", "case"
    NOTED_BEFORE = "noted-before"
    # `next_action` is empty where nobody has to look again
    CALL_LOGGED = "call-logged", "callee", "outcome", "next_action"
    CALL_LOGGED_BEFORE = "call-logged-before"
    ASSIGNED = "assigned", "case", "to"
    ASSIGNED_BEFORE = "assigned-before", "case", "to"
    REASSIGNED = "reassigned", "count", "whose", "to"
    PLANNED = "planned", "request", "on"
    PLANNED_BEFORE = "planned-before", "request", "on"
    # `holder` has the code that is told
    CODE_GIVEN = "code-given", "code", "holder", "until"
    OWN_PIN_GIVEN = "own-pin-given", "pin", "holder", "until"
    CODES_ENDED = "codes-ended", "holder", "count"
    CLOSED = "closed", "ending", "withdrawn"
    CLOSED_BEFORE = "closed-before", "ending"
    CASE_IS_OVER = "case-is-over", "case"
    CASE_GOES_ON = "case-goes-on", "case", "outlook"
    CASE_CHANGED = "case-changed", "case", "outlook"
    CASE_AS_BEFORE = "case-as-before", "case"
    APPOINTMENT_SET = "appointment-set", "case", "appointment"
    APPOINTMENT_CANCELLED = "appointment-cancelled", "case", "appointment"
    APPOINTMENT_AS_BEFORE = "appointment-as-before", "case"
    GIVEN_UP = "given-up", "packet", "outlook"
    GIVEN_UP_BEFORE = "given-up-before", "packet"
    LINE_ANSWERED = "line-answered", "line", "answer", "outlook"
    LINE_ANSWERED_BEFORE = "line-answered-before", "line", "answer"
    NEEDS_ADDED = "needs-added", "lines", "outlook"
    NEEDS_ADDED_BEFORE = "needs-added-before", "lines"
    NEED_DROPPED = "need-dropped", "line", "outlook"
    NEED_DROPPED_BEFORE = "need-dropped-before", "line"
    REFERRAL_STORED = "referral-stored", "case"
    REFERRAL_STORED_BEFORE = "referral-stored-before", "case"
    # facilities that no file names
    FACILITY_ADDED = "facility-added", "institution"
    FACILITY_ADDED_BEFORE = "facility-added-before", "institution"
    CONTACT_CHANGED = "contact-changed", "institution"
    CONTACT_AS_BEFORE = "contact-as-before", "institution"
    CALLED_BACK = "called-back", "institution"
    CALLED_BACK_BEFORE = "called-back-before", "institution"
    # letters
    LETTER_QUEUED = "letter-queued", "letter", "which", "way"
    LETTER_QUEUED_BEFORE = "letter-queued-before", "letter"
    LETTER_CANCELLED = "letter-cancelled", "letter"
    LETTER_CANCELLED_BEFORE = "letter-cancelled-before", "letter"
    LETTER_BY_HAND = "letter-by-hand", "letter"
    LETTER_BY_HAND_BEFORE = "letter-by-hand-before", "letter"
    # slides and blocks; `expected` is 0 where nobody said, `discrepancy` empty where all agrees
    PIECES_COUNTED = "pieces-counted", "kind", "received", "expected", "discrepancy", "outlook"
    PIECES_COUNTED_BEFORE = "pieces-counted-before", "kind", "received", "expected", "discrepancy"
    PARCEL_RECEIVED = "parcel-received", "parcel"
    PARCEL_RECEIVED_BEFORE = "parcel-received-before", "parcel"
    LOGGED_IN = "logged-in", "pieces", "discrepancies", "outlook"
    LOGGED_IN_BEFORE = "logged-in-before", "pieces"
    PIECE_DESCRIBED = "piece-described", "piece"
    PIECE_DESCRIBED_BEFORE = "piece-described-before", "piece"
    PIECES_MOVED = "pieces-moved", "state"
    PIECES_MOVED_BEFORE = "pieces-moved-before", "state"
    PIECES_ASKED_FOR = "pieces-asked-for", "outlook"
    KEPT_LONGER = "kept-longer", "until"
    KEPT_LONGER_BEFORE = "kept-longer-before", "until"
    JUDGED = "judged", "said", "outlook"
    JUDGED_BEFORE = "judged-before", "said"
    # decisions
    ANSWERED = "answered", "answer"
    ANSWERED_BEFORE = "answered-before", "answer"
    OPINION_KEPT = "opinion-kept", "answer", "more"
    OPINION_KEPT_BEFORE = "opinion-kept-before", "answer", "more"
    DECIDED_MEANWHILE = "decided-meanwhile"
    REFERRAL_OF_PATIENT = "referral-of-patient", "case", "opening"
    REFERRAL_OF_SOMEBODY_NEW = "referral-of-somebody-new", "opening"
    OF_PATIENT = "of-patient", "case"
    ANSWER_OF_PATIENT = "answer-of-patient", "institution"
    ANSWER_OF_ANOTHER = "answer-of-another", "institution"
    MERGED = "merged", "case", "other"
    MERGED_BEFORE = "merged-before", "case", "other"
    STAY_TWO = "stay-two", "case", "other"
    SPLIT = "split", "case"
    SPLIT_BEFORE = "split-before", "case"
    OF_NOBODY = "of-nobody"
    STUDIES_TAKEN = "studies-taken", "whole", "outlook"
    RECORD_TAKEN = "record-taken", "record", "outlook"
    RECORD_LEFT_OUT = "record-left-out", "record", "outlook"
    RECORD_OPENED_AGAIN = "record-opened-again", "record"
    PAGES_WITHHELD = "pages-withheld", "record", "pages"
    PAGES_WITHHELD_BEFORE = "pages-withheld-before", "record", "pages"
    NOTHING_TO_COUNT = "nothing-to-count"
    NOTHING_TO_ASK = "nothing-to-ask"
    NO_PACKET_ANY_MORE = "no-packet-any-more"
    MESSAGE_IS_PURGED = "message-is-purged"
    ENFORCING = "enforcing"
    CASE_AGAIN = "case-again", "case"
    PACKET_AGAIN = "packet-again", "packet"
    MESSAGE_AGAIN = "message-again", "arrival"
    RUN_AGAIN = "run-again", "dag", "subject"
    SET_ASIDE = "set-aside"
    SET_ASIDE_AND_PURGED = "set-aside-and-purged"
    # papers
    PAPER_STORED = "paper-stored", "incoming", "pages"
    PAPER_STORED_BEFORE = "paper-stored-before", "incoming", "pages"
    PAPER_TAKEN = "paper-taken", "incoming"
    PAPER_TAKEN_BEFORE = "paper-taken-before", "incoming"
    PAGES_INDEXED = "pages-indexed", "pages", "case", "arrival"
    PAGES_INDEXED_BEFORE = "pages-indexed-before", "pages", "case"
    PAGES_LEFT_OUT = "pages-left-out", "pages", "became"
    PAGES_LEFT_OUT_BEFORE = "pages-left-out-before", "pages", "became"
    SENT_BACK = "sent-back", "incoming", "how"
    SENT_BACK_BEFORE = "sent-back-before", "incoming", "how"
    DISC_STORED = "disc-stored", "incoming", "studies"
    DISC_STORED_BEFORE = "disc-stored-before", "incoming", "studies"
    STUDIES_INDEXED = "studies-indexed", "studies", "case"
    STUDIES_INDEXED_BEFORE = "studies-indexed-before", "studies", "case"
    # permissions
    PERMISSION_ENDED = "permission-ended", "permission", "end"
    PERMISSION_ENDED_BEFORE = "permission-ended-before", "permission", "end"
    EVERYTHING_STOPPED = "everything-stopped", "case", "end", "permissions"
    EVERYTHING_STOPPED_BEFORE = "everything-stopped-before", "case", "end", "permissions"
    FORMS_STOPPED = "forms-stopped", "case", "end", "permissions"
    PERMISSION_REVOKED = "permission-revoked", "permission"
    PERMISSION_RESUMED = "permission-resumed", "permission"
    PERMISSION_REPLACED = "permission-replaced", "permission", "replacement"
    EVERYTHING_RESUMED = "everything-resumed", "case", "permissions"
    NOTHING_TO_RESUME = "nothing-to-resume", "case"
    NOT_PAUSED = "not-paused", "permission"
    LEGAL_HOLD_PLACED = "legal-hold-placed"
    LEGAL_HOLD_PLACED_BEFORE = "legal-hold-placed-before"
    LEGAL_HOLD_LIFTED = "legal-hold-lifted"
    LEGAL_HOLD_LIFTED_BEFORE = "legal-hold-lifted-before"
    PAPER_FORM_FILED = "paper-form-filed", "permission", "findings"
    PAPER_FORM_UNCLEAR = "paper-form-unclear", "arrival", "findings"
    PAPER_FORM_DOUBTFUL = "paper-form-doubtful", "arrival"
    PAPER_FORM_ENTERED_BEFORE = "paper-form-entered-before", "arrival"
    DISPUTED = "disputed", "permission", "dispute"
    DISPUTED_BEFORE = "disputed-before", "permission", "dispute"
    DISPUTE_WITHDRAWN = "dispute-withdrawn", "permission", "dispute"
    NOT_DISPUTED = "not-disputed", "permission", "dispute"
    # signing in
    LOCAL_ACCOUNT_SET = "local-account-set"
    LOCAL_ACCOUNT_AS_BEFORE = "local-account-as-before"
    LOCAL_ACCOUNT_REMOVED = "local-account-removed"
    NO_LOCAL_ACCOUNT = "no-local-account"
    # receiving centers' people; the PIN is shown once and told by telephone
    CENTER_INVITED = "center-invited", "pin"
    CENTER_INVITED_BEFORE = "center-invited-before"
    CENTER_PIN_RENEWED = "center-pin-renewed", "pin"
    CENTER_ACCOUNT_ENDED = "center-account-ended"
    CENTER_ACCOUNT_ENDED_BEFORE = "center-account-ended-before"
    # looks
    REASON_STATED = "reason-stated", "case"
    REASON_STATED_BEFORE = "reason-stated-before", "case"
    FLAGGED = "flagged", "case", "flag"
    FLAGGED_BEFORE = "flagged-before", "case", "flag"
    UNFLAGGED = "unflagged", "case", "flag"
    NOT_FLAGGED = "not-flagged", "case", "flag"
    # audits
    REVIEWED = "reviewed", "report", "entries"
    REVIEWED_BEFORE = "reviewed-before", "report"
    ACCOUNTING_ASKED = "accounting-asked", "accounting", "due"
    ACCOUNTING_ASKED_BEFORE = "accounting-asked-before", "accounting"
    ACCOUNTING_DELAYED = "accounting-delayed", "accounting", "due"
    ACCOUNTING_DELAYED_BEFORE = "accounting-delayed-before", "accounting"
    EMERGENCY_DECLARED = "emergency-declared", "institution", "receiver"
    EMERGENCY_DECLARED_BEFORE = "emergency-declared-before", "institution", "receiver"


#: it had been done before, and nothing was written
_UNCHANGED = frozenset(
    {
        ActionCode.REQUEST_AS_BEFORE,
        ActionCode.PACKET_ON_ITS_WAY,
        ActionCode.RECALLED_BEFORE,
        ActionCode.NOTED_BEFORE,
        ActionCode.FILED_IN_CHART_BEFORE,
        ActionCode.MISDIRECTION_RECORDED_BEFORE,
        ActionCode.CALL_LOGGED_BEFORE,
        ActionCode.ASSIGNED_BEFORE,
        ActionCode.PLANNED_BEFORE,
        ActionCode.CLOSED_BEFORE,
        ActionCode.CASE_IS_OVER,
        ActionCode.APPOINTMENT_AS_BEFORE,
        ActionCode.CASE_AS_BEFORE,
        ActionCode.GIVEN_UP_BEFORE,
        ActionCode.LINE_ANSWERED_BEFORE,
        ActionCode.NEEDS_ADDED_BEFORE,
        ActionCode.NEED_DROPPED_BEFORE,
        ActionCode.REFERRAL_STORED_BEFORE,
        ActionCode.FACILITY_ADDED_BEFORE,
        ActionCode.LETTER_QUEUED_BEFORE,
        ActionCode.LETTER_CANCELLED_BEFORE,
        ActionCode.LETTER_BY_HAND_BEFORE,
        ActionCode.CONTACT_AS_BEFORE,
        ActionCode.CALLED_BACK_BEFORE,
        ActionCode.PIECES_COUNTED_BEFORE,
        ActionCode.PARCEL_RECEIVED_BEFORE,
        ActionCode.LOGGED_IN_BEFORE,
        ActionCode.PIECE_DESCRIBED_BEFORE,
        ActionCode.PIECES_MOVED_BEFORE,
        ActionCode.KEPT_LONGER_BEFORE,
        ActionCode.JUDGED_BEFORE,
        ActionCode.ANSWERED_BEFORE,
        ActionCode.OPINION_KEPT_BEFORE,
        ActionCode.DECIDED_MEANWHILE,
        ActionCode.MERGED_BEFORE,
        ActionCode.SPLIT_BEFORE,
        ActionCode.PAPER_STORED_BEFORE,
        ActionCode.PAPER_TAKEN_BEFORE,
        ActionCode.PAGES_INDEXED_BEFORE,
        ActionCode.PAGES_LEFT_OUT_BEFORE,
        ActionCode.SENT_BACK_BEFORE,
        ActionCode.PERMISSION_ENDED_BEFORE,
        ActionCode.EVERYTHING_STOPPED_BEFORE,
        ActionCode.NOTHING_TO_RESUME,
        ActionCode.NOT_PAUSED,
        ActionCode.LEGAL_HOLD_PLACED_BEFORE,
        ActionCode.LEGAL_HOLD_LIFTED_BEFORE,
        ActionCode.PAPER_FORM_ENTERED_BEFORE,
        ActionCode.DISPUTED_BEFORE,
        ActionCode.NOT_DISPUTED,
        ActionCode.EMERGENCY_DECLARED_BEFORE,
        ActionCode.FLAGGED_BEFORE,
        ActionCode.NOT_FLAGGED,
        ActionCode.NO_LOCAL_ACCOUNT,
        ActionCode.LOCAL_ACCOUNT_AS_BEFORE,
        ActionCode.CENTER_INVITED_BEFORE,
        ActionCode.CENTER_ACCOUNT_ENDED_BEFORE,
        ActionCode.REASON_STATED_BEFORE,
        ActionCode.REVIEWED_BEFORE,
        ActionCode.ACCOUNTING_ASKED_BEFORE,
        ActionCode.ACCOUNTING_DELAYED_BEFORE,
    }
)


class ActionResult(Coded[ActionCode]):
    """What a verb did. Nothing of the patient stands in it."""

    @property
    def changed(self) -> bool:
        """False: it had been done before, and nothing was written."""
        return self.code not in _UNCHANGED

    @property
    def needs_another(self) -> bool:
        """It takes effect when another person says the same."""
        return self.code in (ActionCode.OPINION_KEPT, ActionCode.OPINION_KEPT_BEFORE)
