"""What to type about a fault of the installation, where a command of ours helps."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from transfer.operation import FaultCode

if TYPE_CHECKING:
    from transfer.operation import Fault

F = FaultCode
COMMANDS: Final[Mapping[FaultCode, str]] = {
    F.PART_AWAY: "transfer status",
    F.KEYS_AWAY: "transfer keys restore",
    F.ARRIVALS_WAIT: "transfer status",
    F.ROUNDS_WAIT: "transfer status",
    F.LETTERS_WAIT: "transfer letter list",
    F.NO_BACKUP: "transfer backup FOLDER",
    F.BACKUP_OLD: "transfer backup FOLDER",
    F.BACKUP_UNFINISHED: "transfer backup FOLDER",
    F.NO_RESTORE_TEST: "transfer restore --test FOLDER",
    F.RESTORE_TEST_OLD: "transfer restore --test FOLDER",
    F.DOOR_KEY: "transfer keys smart --new ES384",
}


def remedy_line(fault: "Fault") -> str:
    """What to do, with the command that does it, if there is one, and the page that tells more."""
    from transfer.sentences.operation import REMEDIES

    remedy = REMEDIES[fault.code]
    command = COMMANDS.get(fault.code)
    return f"{remedy.says}: {f'{command}; ' if command else ''}{remedy.page}"
