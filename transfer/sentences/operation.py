"""What is wrong with an installation, and what to do, for whoever runs it: a sentence, and the page of `docs/` on it.

The command line adds its commands (`transfer/cli/fault_commands.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from transfer.operation import Fault, FaultCode

F = FaultCode


@dataclass(frozen=True, slots=True)
class OperatorRemedy:
    """What to do about a fault. `page` is a path in the repository, with its section."""

    says: str
    page: str


#: what is wrong: a pattern of the fields of a fault
FAULTS: Final[Mapping[FaultCode, str]] = MappingProxyType(
    {
        F.PART_AWAY: "{about} does not work: {why}",
        F.KEYS_AWAY: "the keys cannot be used: {why}",
        F.SCANS_UNREAD: "no text is read from scans: {why}",
        F.FILE_MISTAKEN: "a reviewed file has a mistake: {why}",
        F.DISK_FILLS: "the disk of {about} has {amount} % free",
        F.MIGRATIONS_PENDING: "migrations of this version that the ledger lacks: {amount}, from {why} on",
        F.LEDGER_IS_NEWER: "the ledger has migration {why}, which this version does not know",
        F.CLOCK_DIFFERS: "the clock of {about} differs from that of this machine by {amount} s",
        F.ARRIVALS_WAIT: "messages that are stored and read by nobody yet: {amount}",
        F.ROUNDS_WAIT: "rounds that are due and not posted as runs: {amount}",
        F.RUNS_WAIT: "runs that are posted and taken by no worker: {amount}",
        F.LETTERS_WAIT: "letters that may go and have not: {amount}",
        F.MAIL_WAITS: "mails in the folder outbox that nobody carried on: {amount}",
        F.DAG_PAUSED: "the DAG {about} is paused: its runs stay queued",
        F.DAG_UNREADABLE: "Airflow cannot import the file of the DAG {about}",
        F.DAG_UNKNOWN: "Airflow does not know the DAG {about}",
        F.CERTIFICATE_ENDS: "the certificate of {about} ends in {amount} days",
        F.CERTIFICATE_UNREADABLE: "the certificate of {about} is not there, or its file holds none",
        F.NO_BACKUP: "there is no backup",
        F.BACKUP_OLD: "the last backup is too old",
        F.BACKUP_UNFINISHED: "a backup was begun and is not whole",
        F.NO_RESTORE_TEST: "no backup was ever restored as a test",
        F.RESTORE_TEST_OLD: "the last test of a restore is too old",
        F.DOOR_FILE: "{about}: a file named under tls cannot be used: {why}",
        F.DOOR_NAME: "{about}: its name does not resolve",
        F.DOOR_PORT: "{about}: nobody takes a connection there: {why}",
        F.DOOR_TLS: "{about}: TLS fails: {why}",
        F.DOOR_TLS_NAME: "{about}: TLS fails: {why}",
        F.DOOR_TLS_ENDED: "{about}: TLS fails: {why}",
        F.DOOR_TLS_NONE: "{about}: TLS fails: {why}",
        F.DOOR_KEY: "{about}: {why}",
        F.DOOR_CREDENTIAL: "{about}: our credential is refused: {why}",
        F.DOOR_BUSY: "{about}: it does not serve us now: {why}",
        F.DOOR_ANSWER: "{about}: it does not answer as its interface promises: {why}",
        F.DOOR_CERTIFICATE_ENDS: "{about}: the certificate that it shows ends in {amount} days",
        F.DOOR_CLOCK_DIFFERS: "{about}: its clock differs from ours by {amount} s",
    }
)

_OPERATIONS: Final = "docs/operations.md"
_TRIED: Final = f"{_OPERATIONS}#when-a-door-fails"
_CONNECTING: Final = "docs/connecting-an-institution.md"
_TLS: Final = f"{_CONNECTING}#trying-it"
_KEYS: Final = f"{_CONNECTING}#a-server-that-gives-tokens-for-a-key"

REMEDIES: Final[Mapping[FaultCode, OperatorRemedy]] = MappingProxyType(
    {
        F.PART_AWAY: OperatorRemedy("See its log and start it", f"{_OPERATIONS}#when-a-service-ends"),
        F.KEYS_AWAY: OperatorRemedy("Mount their disk, or put them back", f"{_OPERATIONS}#whose-keys-they-are"),
        F.SCANS_UNREAD: OperatorRemedy("Install it, or unset TRANSFER_TESSERACT", f"{_OPERATIONS}#words-on-scans"),
        F.FILE_MISTAKEN: OperatorRemedy(
            "Correct it; the doors do not open with it", "docs/connecting-an-institution.md"
        ),
        F.DISK_FILLS: OperatorRemedy("Make room, or give it a larger disk", f"{_OPERATIONS}#when-a-disk-fills"),
        F.MIGRATIONS_PENDING: OperatorRemedy("Finish the upgrade", f"{_OPERATIONS}#upgrade-of-one-machine"),
        F.LEDGER_IS_NEWER: OperatorRemedy("Run the newer version", f"{_OPERATIONS}#upgrade-of-one-machine"),
        F.CLOCK_DIFFERS: OperatorRemedy("Set the clocks by NTP", f"{_OPERATIONS}#when-clocks-differ"),
        F.ARRIVALS_WAIT: OperatorRemedy(
            "See whether dispatcher and workers work", f"{_OPERATIONS}#what-a-red-run-means"
        ),
        F.ROUNDS_WAIT: OperatorRemedy("See the dispatcher's log", f"{_OPERATIONS}#what-a-red-run-means"),
        F.RUNS_WAIT: OperatorRemedy("See scheduler and workers", f"{_OPERATIONS}#what-a-red-run-means"),
        F.LETTERS_WAIT: OperatorRemedy("See why they do not go", f"{_OPERATIONS}#what-a-red-run-means"),
        F.MAIL_WAITS: OperatorRemedy("Set TRANSFER_SMTP_URL, or carry them on", f"{_OPERATIONS}#settings"),
        F.DAG_PAUSED: OperatorRemedy("Unpause it on Airflow's page", f"{_OPERATIONS}#what-a-red-run-means"),
        F.DAG_UNREADABLE: OperatorRemedy("Mend its file", f"{_OPERATIONS}#what-a-red-run-means"),
        F.DAG_UNKNOWN: OperatorRemedy("See Airflow's folder of DAGs", f"{_OPERATIONS}#what-a-red-run-means"),
        F.CERTIFICATE_ENDS: OperatorRemedy("Renew it in time", f"{_OPERATIONS}#when-a-certificate-ends"),
        F.CERTIFICATE_UNREADABLE: OperatorRemedy("Put the file there", f"{_OPERATIONS}#when-a-certificate-ends"),
        F.NO_BACKUP: OperatorRemedy("Take one each night", f"{_OPERATIONS}#backups"),
        F.BACKUP_OLD: OperatorRemedy("See the nightly job", f"{_OPERATIONS}#backups"),
        F.BACKUP_UNFINISHED: OperatorRemedy("Go on with it in the same folder", f"{_OPERATIONS}#backups"),
        F.NO_RESTORE_TEST: OperatorRemedy("Try one", f"{_OPERATIONS}#backups"),
        F.DOOR_FILE: OperatorRemedy("Correct tls in its file", _TLS),
        F.DOOR_NAME: OperatorRemedy("Correct the address in its file, or your resolver", _TRIED),
        F.DOOR_PORT: OperatorRemedy("Call its interface team; look at firewalls", _TRIED),
        F.DOOR_TLS: OperatorRemedy("Name its authority under tls in its file", _TLS),
        F.DOOR_TLS_NAME: OperatorRemedy("Write the name that its certificate has into its address", _TRIED),
        F.DOOR_TLS_ENDED: OperatorRemedy("Have its interface team renew it; compare our clock", _TRIED),
        F.DOOR_TLS_NONE: OperatorRemedy("Compare its port; name certificate and key under tls if it wants one", _TRIED),
        F.DOOR_KEY: OperatorRemedy("Make one, and have them read it", _KEYS),
        F.DOOR_CREDENTIAL: OperatorRemedy("Have its interface team accept us, or change the setting", _TRIED),
        F.DOOR_BUSY: OperatorRemedy("Try again later; where it stays so, call its interface team", _TRIED),
        F.DOOR_ANSWER: OperatorRemedy("Compare the address in its file; call its interface team", _TRIED),
        F.DOOR_CERTIFICATE_ENDS: OperatorRemedy("Tell its interface team", f"{_OPERATIONS}#when-a-certificate-ends"),
        F.DOOR_CLOCK_DIFFERS: OperatorRemedy("Set ours by NTP, or tell its interface team", _TRIED),
        F.RESTORE_TEST_OLD: OperatorRemedy("Try one", f"{_OPERATIONS}#backups"),
    }
)


def fault_sentence(fault: Fault) -> str:
    """What is wrong, without a full stop; since when stands apart. A name that it begins with stays as it is."""
    pattern = FAULTS[fault.code]
    said = pattern.format(about=fault.about, amount=fault.amount, why=fault.why)
    return said if pattern.startswith("{about}") else said[:1].upper() + said[1:]
