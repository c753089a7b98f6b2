"""What to do instead, as a command: the sentence of a remedy, and the command that does it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from transfer.codes import Value
from transfer.remedies import RemedyCode

if TYPE_CHECKING:
    from transfer.remedies import Remedy
    from transfer.sentences.patterns import Pattern

M = RemedyCode


def _without(fields: Mapping[str, Value]) -> str:
    lines = fields["lines"]
    assert isinstance(lines, tuple)  # the code declares several
    return f"transfer case approve {fields['case']} " + " ".join(f"--without {line}" for line in lines)


#: the command that does it; None: there is none, the sentence says it all
COMMANDS: Final["Mapping[RemedyCode, Pattern | None]"] = {
    M.TRIED_AGAIN: None,
    M.DO_AGAIN: "transfer status",
    M.LIST_CASES: "transfer case list",
    M.SHOW_CASE: "transfer case show {case}",
    M.FIND_IN_CASE: "transfer case show",
    M.LIST_HOLDS: "transfer hold list",
    M.LIST_LETTERS: "transfer letter list",
    M.LIST_FACILITIES: "transfer institution added",
    M.SHOW_HOLD: "transfer hold show {hold}",
    M.COMPARE_AGAIN: "transfer hold show {hold} --identity",
    M.LIST_INCOMING: "transfer incoming list",
    M.VERIFY_TRAIL: "transfer trail verify",
    M.SHOW_STATUS: "transfer status",
    M.CHECK_BACKUP: "transfer restore --check",
    M.READ_LOGS: "transfer case show",
    M.TYPE_PASSWORD: None,
    M.WAIT_A_MINUTE: None,
    M.TRY_IN_AN_HOUR: None,
    M.TYPE_MAIL: None,
    M.WAIT_FOR_REPLY: None,
    M.END_CENTER_ACCOUNT: "transfer center end",
    M.LIST_ACCOUNTINGS: "transfer audit accountings",
    M.MAKE_SMART_KEY: "transfer keys smart --new ES384",
    M.LIST_CENTER_ACCOUNTS: "transfer center list",
    M.STATE_REASON: "transfer patient reason {case} REASON",
    M.CHOOSE_ONE_OF: None,
    M.WRITE_SOMETHING: None,
    M.TYPE_LABELS: None,
    M.TYPE_BOTH: None,
    M.TYPE_PASSPHRASE: None,
    M.LEAVE_NOTE_AWAY: None,
    M.LEAVE_RECORD_AWAY: None,
    M.LEAVE_CASE_AWAY: None,
    M.NAME_RECORD: "transfer case waive {case} {line} {answer} --record RECORD",
    M.NAME_LINES: _without,
    M.NAME_LINE: "transfer case approve {case} --without LINE",
    M.NAME_CASE: "transfer hold resolve {hold} ours CASE",
    M.NAME_OPEN_CASE: "transfer case list",
    M.NAME_MATERIAL: "--material",
    M.SAY_ANOTHER_PARCEL: "--another-parcel",
    M.SAY_ANOTHER_ACCESSION: "--besides",
    M.TAKE_PARCEL_IN: "transfer material parcel --carrier CARRIER",
    M.CALL_SLIDE_FILE: "transfer case call {case} facility OUTCOME",
    M.ASK_SLIDE_FILE: "transfer material ask {case} {material}",
    M.GIVE_WITH_PARCEL: "transfer material receive {case} --pieces N --announced N",
    M.GIVE_REFERRAL: None,
    M.GIVE_SCAN: None,
    M.GIVE_PAPER: None,
    M.NAME_PAGES: None,
    M.GIVE_DISC: None,
    M.COMPARE_DISC: "transfer incoming disc {incoming}",
    M.TAKE_TEMPLATE: "transfer permission file --template",
    M.COMPARE_NAMES: "transfer case show {case} --identity",
    M.NOTE_ON_CASE: "transfer case note",
    M.TAKE_PAPER: "transfer incoming take {incoming}",
    M.MERGE_PATIENTS: "transfer patient merge CASE OTHER",
    M.SPLIT_FIRST: "transfer patient split {case}",
    M.ANSWER_REQUEST: "transfer request answer {request} ANSWER",
    M.WRITE_WORDS: "--note",
    M.NAME_OTHER_PAGES: "--pages 3-4",
    M.EXPLAIN_ANSWERS: None,
    M.ASK_ELSEWHERE: "transfer request answer {request} ask-elsewhere --institution INSTITUTION",
    M.END_AS_DIED: "transfer case close {case} --ending died",
    M.CLOSE_CASE: "transfer case close {case} --ending ENDING",
    M.GIVE_UP_PACKET: "transfer case give-up {case}",
    M.ASSIGN_IT: "transfer case assign {case}",
    M.SEE_STOP: "transfer case show {case}",
    M.RECALL_FIRST: "transfer case recall {case}",
    M.NEW_CASE_FOR_OTHER: "transfer case close {case} --ending not-coming",
    M.NAME_A_CHANGE: None,
    M.CALL_BACK: "transfer institution call-back {institution}",
    M.CHANGE_CONTACT: "transfer institution contact {institution}",
    M.ADD_SOURCE: "transfer case change {case} --source INSTITUTION",
    M.SETTLE_REFERRAL: "transfer case show {case}",
    M.ENTER_REFERRAL: "transfer open",
    M.NEW_FORM: None,
    M.FORM_FIRST: "transfer case show",
    M.STOP_FORM_FIRST: "transfer permission revoke PERMISSION",
    M.SAY_WHO: None,
    M.NAME_ACCOUNT: None,
    M.ASK_ROLE: None,
    M.GRANT_IN_FILE: None,
    M.CORRECT_FILE: None,
    M.SET_LETTERS: None,
    M.CORRECT_PARTNER: None,
    M.ACCEPT_CREDENTIAL: None,
    M.PUT_KEYS_BACK: "transfer restore --keys",
    M.MOUNT_KEYS: "transfer keys restore",
    M.MOUNT_KEYS_COPY: None,
    M.START: "transfer up, or --var",
    M.STOP: "transfer down",
    M.UPGRADE: None,
    M.LEAVE_ARCHIVE: "transfer down",
    M.CHOOSE_FOLDER: "--var",
    M.INSTALL_ORTHANC: "apt-get install orthanc orthanc-dicomweb",
}


def command(remedy: "Remedy") -> str | None:
    """What to type, as far as it is known; None where typing nothing helps."""
    from transfer.sentences.patterns import filled

    pattern = COMMANDS[remedy.code]
    return filled(pattern, remedy.fields) if pattern else None


def line(remedy: "Remedy") -> str:
    """The remedy in one sentence, with its command."""
    from transfer.sentences import sentence

    typed = command(remedy)
    return f"{sentence(remedy)}: {typed}." if typed else f"{sentence(remedy)}."
