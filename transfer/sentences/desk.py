"""What the desk did, why it did not, and what to do instead, in sentences for staff.

A sentence is a pattern with the fields of its code, or a function of them. It carries identifiers, codes and numbers
alone, and has no full stop: whoever shows it puts it into a line of theirs.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from transfer.actions import ActionCode, ActionResult
from transfer.codes import Code, Value
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.turns import TurnWait, TurnWaitCode

Pattern = str | Callable[[Mapping[str, Value]], str]
A, R, M, T = ActionCode, RefusalCode, RemedyCode, TurnWaitCode


def _counted(fields: Mapping[str, Value]) -> str:
    told = f"{fields['received']} of {fields['expected']}" if fields["expected"] else f"{fields['received']}"
    wrong = f": {fields['discrepancy']}" if fields["discrepancy"] else ""
    return f"{told} {fields['kind']}s in hand{wrong}"


def _wrong(fields: Mapping[str, Value]) -> str:
    found = fields["findings"]
    return f", and permits nothing: {', '.join(found)}" if isinstance(found, tuple) and found else ""


ACTIONS: Final[Mapping[ActionCode, Pattern]] = {
    A.REQUEST_MOVED: "request {request}: {state}; {outlook}",
    A.REQUEST_AS_BEFORE: "request {request}: {state}, as before",
    A.REQUEST_HEARD: "request {request}: {state}, as before; its records are here, and what was said is kept",
    A.APPROVED: "approved: packet {packet} is being put together",
    A.PACKET_ON_ITS_WAY: "packet {packet} is on its way already",
    A.RECALLED: "recalled: the links of packet {packet} work no more; {outlook}",
    A.RECALLED_BEFORE: "packet {packet} was recalled before",
    A.NOTED: "noted",
    A.NOTED_BEFORE: "noted before",
    A.CALL_LOGGED: lambda fields: (
        f"call logged ({fields['callee']}: {fields['outcome']})"
        + (f"; look again on {fields['next_action']}" if fields["next_action"] else "")
    ),
    A.CALL_LOGGED_BEFORE: "this call was logged before",
    A.ASSIGNED: "case {case} is the work of {to}",
    A.ASSIGNED_BEFORE: "case {case} is the work of {to}, as before",
    A.REASSIGNED: "{count} cases of {whose} are the work of {to}",
    A.PLANNED: "request {request} is looked after on {on}",
    A.PLANNED_BEFORE: "request {request} is looked after on {on}, as before",
    A.CLOSED: "closed: {ending}; {withdrawn} requests withdrawn",
    A.CLOSED_BEFORE: "closed before: {ending}",
    A.CASE_IS_OVER: "case {case} has ended meanwhile",
    A.CASE_GOES_ON: "case {case} goes on; {outlook}",
    A.CASE_CHANGED: "case {case} is changed; {outlook}",
    A.CASE_AS_BEFORE: "case {case} is so already",
    A.GIVEN_UP: "packet {packet} is given up: it goes to nobody; {outlook}",
    A.GIVEN_UP_BEFORE: "packet {packet} was given up before",
    A.LINE_ANSWERED: "line {line}: {answer}; {outlook}",
    A.LINE_ANSWERED_BEFORE: "line {line}: {answer}, said before",
    A.NEEDS_ADDED: "added: {lines}; {outlook}",
    A.NEEDS_ADDED_BEFORE: "added before: {lines}",
    A.NEED_DROPPED: "line {line} is not needed after all; {outlook}",
    A.NEED_DROPPED_BEFORE: "line {line} was dropped before",
    A.REFERRAL_STORED: "stored: case {case} is being opened",
    A.REFERRAL_STORED_BEFORE: "stored before: case {case}",
    A.PIECES_COUNTED: lambda fields: f"{_counted(fields)}; {fields['outlook']}",
    A.PIECES_COUNTED_BEFORE: lambda fields: f"{_counted(fields)}, entered before",
    A.ANSWERED: "{answer}",
    A.ANSWERED_BEFORE: "answered before: {answer}",
    A.OPINION_KEPT: "{answer}: kept; {more} more must say the same, it takes two people",
    A.OPINION_KEPT_BEFORE: "{answer}: kept before; {more} more must say the same, it takes two people",
    A.DECIDED_MEANWHILE: "decided meanwhile",
    A.REFERRAL_OF_PATIENT: "the referral is about the patient of {case}: {opening} is being opened",
    A.REFERRAL_OF_SOMEBODY_NEW: "the referral is about somebody new: {opening} is being opened",
    A.OF_PATIENT: "it is of the patient of {case}, and is taken in where a permission covers it",
    A.ANSWER_OF_PATIENT: "it is the patient: {institution} is asked again, now under its own number",
    A.ANSWER_OF_ANOTHER: "it is somebody else: nothing of it is taken from {institution}",
    A.MERGED: "the patient of {other} is that of {case}: their sources are asked again",
    A.MERGED_BEFORE: "the patient of {other} is that of {case}, as before",
    A.STAY_TWO: "the patients of {case} and {other} stay two",
    A.SPLIT_BEFORE: "the patient of {case} is somebody of their own again, as before",
    A.SPLIT: "the patient of {case} is somebody of their own again: the sources of both are asked again",
    A.OF_NOBODY: "it is of none of them: sealed, and purged after 72 hours unless another case claims it",
    A.STUDIES_TAKEN: "studies that are whole with it: {whole}; {outlook}",
    A.RECORD_TAKEN: "record {record} counts as it is, under your name; {outlook}",
    A.RECORD_OPENED_AGAIN: "record {record} is opened once more, now",
    A.RECORD_LEFT_OUT: "record {record} stays out of the packet; {outlook}",
    A.NOTHING_TO_COUNT: "there is nothing to count any more",
    A.NOTHING_TO_ASK: "there is nothing to ask any more",
    A.NO_PACKET_ANY_MORE: "there is no packet any more",
    A.MESSAGE_IS_PURGED: "what this is about is purged",
    A.ENFORCING: "it is being done",
    A.CASE_AGAIN: "case {case} is looked at again",
    A.PACKET_AGAIN: "packet {packet} is tried again",
    A.MESSAGE_AGAIN: "message {arrival} is read again",
    A.RUN_AGAIN: "the DAG {dag} starts again for {subject}",
    A.SET_ASIDE: "set aside",
    A.SET_ASIDE_AND_PURGED: "set aside, and purged after 72 hours",
    A.PERMISSION_ENDED: "permission {permission} is {end}; the stop is complete: no stream is open any more",
    A.PERMISSION_ENDED_BEFORE: "permission {permission} is {end} as before; the stop is complete",
    A.EVERYTHING_STOPPED: "everything of {case} is {end} ({permissions}); no stream is open any more",
    A.EVERYTHING_STOPPED_BEFORE: "everything of {case} is {end} as before ({permissions}); no stream is open",
    A.FORMS_STOPPED: "each form of {case} is {end} ({permissions}); the keys are away: do it again when they are back, "
    "for what goes without a form",
    A.PERMISSION_REVOKED: "permission {permission} is revoked; no stream may open under it",
    A.PERMISSION_RESUMED: "permission {permission} goes on; what it covers is asked for again",
    A.PERMISSION_REPLACED: "permission {permission} was replaced; what {replacement} covers is asked for again",
    A.NOT_PAUSED: "permission {permission} is not paused",
    A.LEGAL_HOLD_PLACED: "a legal hold stands: nothing of the patient is destroyed",
    A.LEGAL_HOLD_PLACED_BEFORE: "a legal hold stands already",
    A.LEGAL_HOLD_LIFTED: "the legal hold is lifted; what is to be destroyed is asked about again",
    A.LEGAL_HOLD_LIFTED_BEFORE: "no legal hold stands",
    A.PAPER_FORM_FILED: lambda fields: f"filed as permission {fields['permission']}{_wrong(fields)}",
    A.PAPER_FORM_UNCLEAR: "stored as {arrival} and not filed; a person decides about it: {findings}",
    A.PAPER_FORM_DOUBTFUL: "stored as {arrival} and not filed: people decide whose it is",
    A.PAPER_FORM_ENTERED_BEFORE: "entered before, as {arrival}",
    A.DISPUTED: "permission {permission} permits nothing while it is disputed ({dispute}); no stream is open any more",
    A.DISPUTED_BEFORE: "permission {permission} is disputed ({dispute}), as before",
    A.DISPUTE_WITHDRAWN: "permission {permission} is not disputed so any more ({dispute}); its cases look again",
    A.NOT_DISPUTED: "permission {permission} is not disputed so ({dispute})",
    A.LOCAL_ACCOUNT_SET: "the emergency account has this password",
    A.LOCAL_ACCOUNT_AS_BEFORE: "the emergency account had this password before",
    A.LOCAL_ACCOUNT_REMOVED: "the emergency account is removed: its open sessions end within ten hours",
    A.NO_LOCAL_ACCOUNT: "there is no emergency account",
    A.REASON_STATED: "kept: for ten hours you may see who the patient of case {case} is",
    A.REASON_STATED_BEFORE: "you said so of case {case} a moment ago",
    A.FLAGGED: "flagged ({flag}): who looks at the patient of case {case} must say why",
    A.FLAGGED_BEFORE: "the patient of case {case} was flagged ({flag}) before",
    A.UNFLAGGED: "flagged no more ({flag}): nobody need say why they look at the patient of case {case}",
    A.NOT_FLAGGED: "the patient of case {case} is not flagged ({flag})",
    A.EMERGENCY_DECLARED: "{institution} may release to {receiver} until the end of tomorrow; review it by then",
    A.EMERGENCY_DECLARED_BEFORE: "declared before: {institution} may release to {receiver}",
}

REFUSALS: Final[Mapping[RefusalCode, Pattern]] = {
    R.NO_RIGHT: "this needs the right {right}",
    R.PASSWORD_LENGTH: "the password has to have {shortest} to {longest} characters",
    R.TOO_MANY_TRIES: "too many wrong passwords were typed",
    R.NO_REASON: "who looks at the patient of case {case} must say why",
    R.NO_CASE: "no case {case}",
    R.NO_OPENED_CASE: "no opened case {case}",
    R.NOT_OPENED: "case {case} is not opened yet",
    R.CASE_IS_CLOSED: "case {case} is closed ({ending})",
    R.PATIENT_IS_PURGED: "the patient is purged",
    R.NO_SUCH_ENDING: "no case ends as {ending}",
    R.NO_SUCH_LINE: "checklist {checklist} has no line {line}",
    R.NOT_ADDED: "line {line} was not added to case {case}",
    R.HOLDS_NO_KIND: "{institution} has no department that holds {kind}",
    R.LACKS_LINES: "case {case} still lacks {lines}",
    R.UNDECIDED_FIRST: "case {case} has something that is still to be opened, or to be decided on",
    R.SOURCE_OWES_MORE: "case {case} has all its lines, and a source still owes more",
    R.NOTHING_NEW: "nothing came since {packet} was accepted",
    R.NOTHING_TO_GIVE_UP: "case {case} has no packet on its way that has left to nobody",
    R.PACKET_MAY_HAVE_LEFT: "packet {packet} may have left already",
    R.NOTHING_TO_PACK: "case {case} holds no record that could go",
    R.CASE_NOT_ACTIVE: "the referral of case {case} is {status}: nothing goes",
    R.HAS_NO_RECORDS: "{institution} has no department that holds records",
    R.NO_SUCH_TIME: "no appointment is at that time",
    R.NOTHING_TO_CHANGE: "nothing was named that is to change",
    R.NOTHING_TO_RECALL: "case {case} has no packet that could be recalled",
    R.NEEDS_RECORD: "{answer} needs a record of this case that still stands",
    R.TAKES_NO_RECORD: "{answer} names no record",
    R.NOTE_IS_EMPTY: "the note is empty",
    R.NOBODYS_NOTE: "there is no patient to keep a note with",
    R.NO_DECISION: "no decision {hold} is asked for",
    R.NO_SUCH_ANSWER: "{question} does not take the answer {answer}",
    R.ANSWERED_OTHERWISE: "{hold} was answered: {answer}",
    R.ANSWER_TAKES_NO_CASE: "{answer} names no case",
    R.ANSWER_TAKES_NO_NOTE: "a note cannot go with this",
    R.SUBJECT_IS_PURGED: "what this is about is purged; there is nothing left to decide",
    R.NAMES_NO_PATIENT: "nothing in it names a patient",
    R.NOT_SAID_WHOSE: "it is not said whose it is",
    R.TAKES_NOTHING_IN: "case {case} takes in nothing",
    R.NOT_OF_PATIENT: "it is not, or not only, about the patient of {case}",
    R.NOT_MERGED: "the patient of case {case} was merged into nobody",
    R.BOTH_MERGED: "others were merged into both patients",
    R.MERGED_SINCE: "others were merged into the same patient since",
    R.PATIENT_UNDER_WAY: "bytes of one of the patients are leaving, or a stop of theirs is not complete",
    R.NO_REQUEST: "no request {request}",
    R.REQUEST_NOT_PERMITTED: "request {request} has no permission in force",
    R.NOTHING_SOUGHT: "nobody could be found by this",
    R.NO_ACCOUNT: "that is no account",
    R.CANNOT_PLAN: "request {request} is {state}: it cannot be looked after on that day",
    R.REQUEST_CANNOT_MOVE: "request {request} is {state}: it cannot become {to}",
    R.ANSWER_TAKES_LESS: "the answer {answer} takes no such reason, fee, day or institution, or they are none",
    R.NO_SUCH_INSTITUTION: "no institution of that name has a file here",
    R.NAMES_NO_INSTITUTION: "nobody said who holds what {request} asks for",
    R.HOLDS_NO_SUCH_THING: "{institution} has no other department that holds what is asked for",
    R.NO_ACCESSION: "no accession number was given",
    R.NO_SUCH_MATERIAL: "case {case} awaits no such material",
    R.SEVERAL_MATERIALS: "case {case} awaits several materials",
    R.NOT_COME_YET: "material {material} has not come yet",
    R.OTHERWISE_ENTERED: "material {material}: {received} pieces were entered before",
    R.MAY_NOT_REFER: "{institution} may not send referrals",
    R.NO_REFERRAL: "the file is no referral but {found}",
    R.REFERRAL_TOO_LARGE: "a referral over {mebibytes} MiB",
    R.MAY_NOT_FILE_FORMS: "{institution} may not file release forms",
    R.FIELDS_NOT_UNDERSTOOD: "{mistake}",
    R.PAPER_FORM_TOO_LARGE: "a form with a scan over {mebibytes} MiB, or fields over 64 KiB",
    R.NO_SCAN: "the scan is no PDF",
    R.FORM_OF_ANOTHER: "the form does not name the patient of {case}",
    R.NO_PERMISSION: "no permission {permission} that can still be read",
    R.ENDED_FOR_GOOD: "permission {permission} has ended for good ({end})",
    R.SENDER_IS_SILENT: "permission {permission} is {end}; its stop is not complete: a sender does not answer",
    R.EMERGENCY_NEEDS_WORDS: "an emergency needs a clinician's name and a reason",
}

REMEDIES: Final[Mapping[RemedyCode, Pattern]] = {
    M.TRIED_AGAIN: "Nothing to do: it is tried again by itself",
    M.DO_AGAIN: "Do the same again, and see which part is stuck",
    M.LIST_CASES: "See the open ones",
    M.SHOW_CASE: "See what it awaits and what came",
    M.FIND_IN_CASE: "It is listed with its case",
    M.LIST_HOLDS: "See what needs a decision",
    M.SHOW_HOLD: "See what came of it",
    M.COMPARE_AGAIN: "Say not-ours and ask the sender, or compare again",
    M.VERIFY_TRAIL: "Only the trail is left",
    M.SHOW_STATUS: "See how each part stands",
    M.CHECK_BACKUP: "Take another one, and check whether it is whole",
    M.READ_LOGS: "Look into var/log/, and at the case",
    M.CHOOSE_ONE_OF: "It is one of {choices}",
    M.WRITE_SOMETHING: "Write something",
    M.TYPE_LABELS: "Type what stands on the labels",
    M.TYPE_BOTH: "Type both",
    M.TYPE_PASSPHRASE: "Type the passphrase that the copy of the keys was first made with",
    M.LEAVE_NOTE_AWAY: "Do it without a note",
    M.LEAVE_RECORD_AWAY: "Name no record",
    M.LEAVE_CASE_AWAY: "A case goes with ours only",
    M.NAME_RECORD: "Name a record that is listed with the case",
    M.NAME_LINES: "Wait, or name what it goes without",
    M.NAME_LINE: "Wait, or name a line that it goes without",
    M.NAME_CASE: "Name a case of the patient, of {cases}",
    M.NAME_OPEN_CASE: "Name an open case of the patient",
    M.NAME_MATERIAL: "Say which: {materials}",
    M.SAY_ANOTHER_PARCEL: "If these came in a further parcel, say so",
    M.GIVE_WITH_PARCEL: "Give the number with the parcel",
    M.GIVE_REFERRAL: "A referral is a ServiceRequest with its Task in JSON, or a REF^I12",
    M.GIVE_SCAN: "Scan the form as a PDF",
    M.TAKE_TEMPLATE: "Fill in the template",
    M.COMPARE_NAMES: "Compare names and birth date on the form with the case",
    M.NOTE_ON_CASE: "Write it on the case",
    M.MERGE_PATIENTS: "Where two of our patients are one person, say so",
    M.SPLIT_FIRST: "Take one of them apart first",
    M.ANSWER_REQUEST: "Say what it answered by telephone",
    M.WRITE_WORDS: "Leave it away, and write down in words who it is",
    M.EXPLAIN_ANSWERS: "Say with the answer only what it takes",
    M.ASK_ELSEWHERE: "Where somebody else holds it, ask there",
    M.END_AS_DIED: "Where it is so, end the case",
    M.CLOSE_CASE: "To send it back, close the case",
    M.GIVE_UP_PACKET: "To let another packet go instead, give it up",
    M.RECALL_FIRST: "To take back what may have left, recall it",
    M.NEW_CASE_FOR_OTHER: "For another center end this case and enter a new referral; what is held joins the new case",
    M.NAME_A_CHANGE: "Name what is to change: the receiver, the checklist, a source, the day, the appointment",
    M.ADD_SOURCE: "Ask another source, or end the case",
    M.SETTLE_REFERRAL: "Settle its referral first",
    M.ENTER_REFERRAL: "A new referral opens a new case",
    M.NEW_FORM: "Only a new release form begins another",
    M.STOP_FORM_FIRST: "Where it means a form of ours, end that form first",
    M.FORM_FIRST: "A valid release form is needed; the case says what is missing",
    M.SAY_WHO: "Give two letters of a name, a birth date with a year of four digits, or a number",
    M.NAME_ACCOUNT: "Name an account: letters, digits and . _ @ -, at most 64",
    M.TYPE_PASSWORD: "Take several words that nobody would guess",
    M.WAIT_A_MINUTE: "Wait a minute",
    M.STATE_REASON: "Say why you look",
    M.ASK_ROLE: "Ask somebody who has it: {roles}",
    M.GRANT_IN_FILE: "The file institutions/{institution}.yaml grants what it may say",
    M.CORRECT_FILE: "Correct the file, or its name in the institution's YAML file",
    M.ACCEPT_CREDENTIAL: "Ask the institution to accept our credential, or correct it in its YAML file",
    M.PUT_KEYS_BACK: "Put the keys back from their copy first",
    M.MOUNT_KEYS: "Mount the disk of this ledger's keys, or put them back from their copy",
    M.MOUNT_KEYS_COPY: "Mount it: what is purged is destroyed there, too; or begin another if it is destroyed itself",
    M.START: "Start it, or say where it runs",
    M.STOP: "Stop it first",
    M.UPGRADE: "Bring ledger and code to the same version: docs/operations.md, Upgrade",
    M.LEAVE_ARCHIVE: "Stop it first, or leave the archive as it was",
    M.CHOOSE_FOLDER: "Put this right, or name a folder of your own on a local disk",
    M.INSTALL_ORTHANC: "Install orthanc and orthanc-dicomweb, or take the sandbox's archive, which needs nothing",
}

TURN_WAITS: Final[Mapping[TurnWaitCode, Pattern]] = {
    T.IN_LINE: "waits for its turn at {department}: {before} before it",
    T.QUIET_HOURS: "waits for {department}: quiet until {until} ({zone})",
    T.DOES_NOT_REPLY: "waits: {department} does not answer, and is asked again at {again}",
}

_TABLES: Final[Mapping[type[Code], Mapping[Any, Pattern]]] = {A: ACTIONS, R: REFUSALS, M: REMEDIES, T: TURN_WAITS}


def sentence(of: ActionResult | Reason | Remedy | TurnWait) -> str:
    """What a code says with its fields. Several values are set apart by commas."""
    return filled(_TABLES[type(of.code)][of.code], of.fields)


def filled(pattern: Pattern, fields: Mapping[str, Value]) -> str:
    """A pattern with its fields in place."""
    if not isinstance(pattern, str):
        return pattern(fields)
    return pattern.format_map({k: ", ".join(v) if isinstance(v, tuple) else v for k, v in fields.items()})
