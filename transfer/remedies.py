"""What can be done instead, as codes with fields.

The words are in `transfer.sentences.desk`; the command line adds the command that does it, a page adds a link.
"""

from transfer.codes import Code, Coded


class RemedyCode(Code):
    # nothing, or later
    TRIED_AGAIN = "tried-again"
    DO_AGAIN = "do-again"
    # look
    LIST_CASES = "list-cases"
    SHOW_CASE = "show-case", "case"
    FIND_IN_CASE = "find-in-case"
    LIST_HOLDS = "list-holds"
    LIST_FACILITIES = "list-facilities"
    SHOW_HOLD = "show-hold", "hold"
    COMPARE_AGAIN = "compare-again", "hold"
    VERIFY_TRAIL = "verify-trail"
    SHOW_STATUS = "show-status"
    CHECK_BACKUP = "check-backup"
    READ_LOGS = "read-logs"
    TYPE_PASSWORD = "type-password"  # noqa: S105  a code
    WAIT_A_MINUTE = "wait-a-minute"
    TRY_IN_AN_HOUR = "try-in-an-hour"
    TYPE_MAIL = "type-mail"
    END_CENTER_ACCOUNT = "end-center-account"
    LIST_CENTER_ACCOUNTS = "list-center-accounts"
    STATE_REASON = "state-reason", "case"
    # say it otherwise
    CHOOSE_ONE_OF = "choose-one-of", "choices"
    WRITE_SOMETHING = "write-something"
    TYPE_LABELS = "type-labels"
    TYPE_BOTH = "type-both"
    TYPE_PASSPHRASE = "type-passphrase"  # noqa: S105  a code
    LEAVE_NOTE_AWAY = "leave-note-away"
    LEAVE_RECORD_AWAY = "leave-record-away"
    LEAVE_CASE_AWAY = "leave-case-away"
    NAME_RECORD = "name-record", "case", "line", "answer"
    NAME_LINES = "name-lines", "case", "lines"
    NAME_LINE = "name-line", "case"
    NAME_CASE = "name-case", "hold", "cases"
    NAME_OPEN_CASE = "name-open-case"
    NAME_MATERIAL = "name-material", "materials"
    SAY_ANOTHER_PARCEL = "say-another-parcel"
    GIVE_WITH_PARCEL = "give-with-parcel", "case"
    GIVE_REFERRAL = "give-referral"
    GIVE_SCAN = "give-scan"
    TAKE_TEMPLATE = "take-template"
    COMPARE_NAMES = "compare-names", "case"
    NOTE_ON_CASE = "note-on-case"
    # act
    MERGE_PATIENTS = "merge-patients"
    SPLIT_FIRST = "split-first", "case"
    ANSWER_REQUEST = "answer-request", "request"
    WRITE_WORDS = "write-words"
    EXPLAIN_ANSWERS = "explain-answers"
    ASK_ELSEWHERE = "ask-elsewhere", "request"
    CLOSE_CASE = "close-case", "case"
    END_AS_DIED = "end-as-died", "case"
    GIVE_UP_PACKET = "give-up-packet", "case"
    RECALL_FIRST = "recall-first", "case"
    NEW_CASE_FOR_OTHER = "new-case-for-other", "case"
    NAME_A_CHANGE = "name-a-change"
    CHANGE_CONTACT = "change-contact", "institution"
    ADD_SOURCE = "add-source", "case"
    SETTLE_REFERRAL = "settle-referral", "case"
    ENTER_REFERRAL = "enter-referral"
    NEW_FORM = "new-form"
    FORM_FIRST = "form-first"
    STOP_FORM_FIRST = "stop-form-first"
    SAY_WHO = "say-who"
    NAME_ACCOUNT = "name-account"
    ASK_ROLE = "ask-role", "roles"
    # set right
    GRANT_IN_FILE = "grant-in-file", "institution"
    CORRECT_FILE = "correct-file"
    CORRECT_PARTNER = "correct-partner", "institution"
    ACCEPT_CREDENTIAL = "accept-credential"
    PUT_KEYS_BACK = "put-keys-back"
    MOUNT_KEYS = "mount-keys"
    MOUNT_KEYS_COPY = "mount-keys-copy"
    START = "start"
    STOP = "stop"
    UPGRADE = "upgrade"
    LEAVE_ARCHIVE = "leave-archive"
    CHOOSE_FOLDER = "choose-folder"
    INSTALL_ORTHANC = "install-orthanc"


class Remedy(Coded[RemedyCode]):
    """What somebody can do, with what it is done to."""
