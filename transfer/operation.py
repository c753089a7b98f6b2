"""How an installation runs: what is measured of it, and which faults the measures show.

Nothing here is of a patient: names of our own parts, of DAGs, files and institutions, and numbers. Times are UTC.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from transfer.rounds import OVERDUE

#: the part that reads the words on pages that came on paper, if anything does
READER: Final = "tesseract"


class PartState(StrEnum):
    """How one part stands. `NOT_ASKED`: no setting says where it tells how it is."""

    UP = "up"
    AWAY = "away"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStanding:
    """A process or a service. `note` says why it is not up, in our own words."""

    name: str
    state: PartState
    note: str = ""
    version: str | None = None
    #: its last sign of life, where it gives one
    last_beat: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A disk by what of ours lies on it. Bytes."""

    name: str
    free: int
    size: int

    @property
    def free_percent(self) -> int:
        return 100 * self.free // self.size if self.size else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits in one place, and since when the oldest of it does; None: nothing waits."""

    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits for our machinery at a moment of the ledger's clock."""

    at: datetime
    #: stored at a door, and read by nobody yet
    arrivals: Waiting
    #: rounds that are due and not posted as runs
    rounds: Waiting
    #: runs that Airflow has and no worker has taken
    runs: Waiting
    #: letters that may go and have not
    letters: Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupTimes:
    """When a backup was last whole, when one was last begun, and when one was last restored to see that it can be."""

    made: datetime | None = None
    begun: datetime | None = None
    tested: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerStanding:
    """The ledger as its database tells it. Backlog and `backed_up` are None while migrations are pending."""

    server: str
    #: number of its newest migration
    migration: str
    #: migrations of this version that it lacks; or, with `is_newer`, none, for it has some that are not known here
    pending: tuple[str, ...]
    is_newer: bool
    #: how far its clock is ahead of ours
    ahead: timedelta
    backlog: Backlog | None = None
    backed_up: BackupTimes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DagStanding:
    """One of our DAGs in Airflow. `is_known`: it has read the file at least once."""

    name: str
    is_known: bool
    is_paused: bool = False
    has_import_errors: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEnd:
    """Until when a certificate holds, by the setting or the file that names it. None: it cannot be read."""

    name: str
    ends: datetime | None


class DoorsOf(StrEnum):
    """Which doors of an institution are tried for whoever asks the gateway: the beginning of the path."""

    #: departments that we go to
    SOURCES = "sources"
    #: where it is handed packets, as a receiving center
    CENTERS = "centers"


class DoorStep(StrEnum):
    """How far a try of somebody's door went: the step that failed."""

    #: a file that is named for TLS cannot be used
    FILE = "file"
    #: its name does not resolve
    NAME = "name"
    #: nobody takes a connection there
    PORT = "port"
    #: its certificate is not by an authority we trust
    TLS = "tls"
    #: its certificate is for another name or address
    TLS_NAME = "tls-name"
    #: its certificate has ended
    TLS_ENDED = "tls-ended"
    #: it speaks no TLS that we do, or does not take our certificate
    TLS_NONE = "tls-none"
    #: we have no key by which it would give us a token
    KEY = "key"
    #: it does not accept who we are
    CREDENTIAL = "credential"
    #: it answers "not now", or not in time
    BUSY = "busy"
    #: it answers what its interface does not promise
    ANSWER = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorTried:
    """A harmless try of one door of an institution, or of our own. Nothing was asked about anybody."""

    #: the institution and department, as `mercy-imaging, film-room`
    name: str
    #: by which way it is asked: a kind of `asked.by` in its file, `receives`, `http` or `mllp`
    how: str
    #: None: all went well
    failed: DoorStep | None = None
    why: str = ""
    #: when the certificate ends that it showed
    certificate_ends: datetime | None = None
    #: how far its clock is ahead of ours; None: it did not say
    ahead: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One look at an installation. A part that could not be asked leaves its measures empty, and says so itself."""

    #: by the clock of this machine
    at: datetime
    #: of our code; with the commit where it is known
    version: str
    parts: tuple[PartStanding, ...]
    volumes: tuple[Volume, ...]
    certificates: tuple[CertificateEnd, ...]
    ledger: LedgerStanding | None
    dags: tuple[DagStanding, ...]
    #: mail that lies in a folder for whoever carries it on
    mail: Waiting
    #: what is wrong with reviewed files, each with the file and the place
    mistakes: tuple[str, ...] = ()
    #: how far the object store's clock is ahead of ours; None: it did not say
    store_ahead: timedelta | None = None


class FaultCode(StrEnum):
    """What can be wrong with an installation. `transfer.sentences.operation` says each, and what to do."""

    PART_AWAY = "part-away"
    KEYS_AWAY = "keys-away"
    SCANS_UNREAD = "scans-unread"
    FILE_MISTAKEN = "file-mistaken"
    DISK_FILLS = "disk-fills"
    MIGRATIONS_PENDING = "migrations-pending"
    LEDGER_IS_NEWER = "ledger-is-newer"
    CLOCK_DIFFERS = "clock-differs"
    ARRIVALS_WAIT = "arrivals-wait"
    ROUNDS_WAIT = "rounds-wait"
    RUNS_WAIT = "runs-wait"
    LETTERS_WAIT = "letters-wait"
    MAIL_WAITS = "mail-waits"
    DAG_PAUSED = "dag-paused"
    DAG_UNREADABLE = "dag-unreadable"
    DAG_UNKNOWN = "dag-unknown"
    CERTIFICATE_ENDS = "certificate-ends"
    CERTIFICATE_UNREADABLE = "certificate-unreadable"
    NO_BACKUP = "no-backup"
    BACKUP_OLD = "backup-old"
    BACKUP_UNFINISHED = "backup-unfinished"
    NO_RESTORE_TEST = "no-restore-test"
    RESTORE_TEST_OLD = "restore-test-old"
    # a door that was tried
    DOOR_FILE = "door-file"
    DOOR_NAME = "door-name"
    DOOR_PORT = "door-port"
    DOOR_TLS = "door-tls"
    DOOR_TLS_NAME = "door-tls-name"
    DOOR_TLS_ENDED = "door-tls-ended"
    DOOR_TLS_NONE = "door-tls-none"
    DOOR_KEY = "door-key"
    DOOR_CREDENTIAL = "door-credential"
    DOOR_BUSY = "door-busy"
    DOOR_ANSWER = "door-answer"
    DOOR_CERTIFICATE_ENDS = "door-certificate-ends"
    DOOR_CLOCK_DIFFERS = "door-clock-differs"


#: what trying doors shows; all others are shown by measuring
DOOR_FAULTS: Final = frozenset(code for code in FaultCode if code.startswith("door-"))
MEASURED_FAULTS: Final = frozenset(FaultCode) - DOOR_FAULTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that somebody should do something about."""

    code: FaultCode
    #: the part, disk, DAG, file or institution it is about, by a name of ours; empty: the installation
    about: str = ""
    #: UTC; None: nobody knows since when
    since: datetime | None = None
    #: a number to the code: percent, megabytes, days, seconds, how many
    amount: int | None = None
    #: why, in our own words
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultLimits:
    """From which measure on it is a fault."""

    #: of each disk, percent that are free
    free_percent: int = 10
    certificate: timedelta = timedelta(days=30)
    #: a night's backup, and half a day for a night that took long
    backup: timedelta = timedelta(hours=36)
    restore_test: timedelta = timedelta(days=100)
    #: rules compare times of the database alone; logs and tokens compare ours
    clock: timedelta = timedelta(seconds=5)
    #: of an institution: tokens with a time in them are refused soon beyond
    door_clock: timedelta = timedelta(minutes=2)
    arrivals: timedelta = timedelta(minutes=15)
    rounds: timedelta = timedelta(minutes=5)
    runs: timedelta = OVERDUE
    letters: timedelta = timedelta(hours=1)
    mail: timedelta = timedelta(minutes=15)


LIMITS: Final = FaultLimits()


def faults(measured: Measured, limits: FaultLimits = LIMITS) -> tuple[Fault, ...]:
    """What is wrong, what stops everything first."""
    found = [*_of_parts(measured), *_of_ledger(measured, limits), *_of_dags(measured)]
    found += [Fault(code=FaultCode.FILE_MISTAKEN, why=one) for one in measured.mistakes]
    found += [*_of_volumes(measured, limits), *_of_certificates(measured, limits)]
    if _is_old(measured.mail, measured.at, limits.mail):
        found.append(_waits(FaultCode.MAIL_WAITS, measured.mail))
    return tuple(found)


def faults_of_doors(tried: Iterable[DoorTried], now: datetime, limits: FaultLimits = LIMITS) -> tuple[Fault, ...]:
    """What is wrong with doors that were tried, in their order. `now` is the time of the try, UTC."""
    return tuple(fault for one in tried for fault in _of_door(one, now, limits))


def _of_door(one: DoorTried, now: datetime, limits: FaultLimits) -> Iterator[Fault]:
    if one.failed:
        yield Fault(code=FaultCode(f"door-{one.failed}"), about=one.name, why=one.why)
    if one.certificate_ends and one.certificate_ends - now < limits.certificate:
        days = (one.certificate_ends - now).days
        yield Fault(code=FaultCode.DOOR_CERTIFICATE_ENDS, about=one.name, amount=days)
    if one.ahead is not None and abs(one.ahead) > limits.door_clock:
        yield Fault(code=FaultCode.DOOR_CLOCK_DIFFERS, about=one.name, amount=round(one.ahead.total_seconds()))


#: what else it is, where it is more than a part that does not work
_AWAY: Final = {"keys": FaultCode.KEYS_AWAY, READER: FaultCode.SCANS_UNREAD}


def _of_parts(measured: Measured) -> Iterator[Fault]:
    for one in measured.parts:
        if one.state is PartState.AWAY:
            code = _AWAY.get(one.name, FaultCode.PART_AWAY)
            yield Fault(code=code, about=one.name, since=one.last_beat, why=one.note)


def _of_ledger(measured: Measured, limits: FaultLimits) -> Iterator[Fault]:
    found = measured.ledger
    clocks = {"store": measured.store_ahead, "ledger": found.ahead if found else None}
    for name, ahead in clocks.items():
        if ahead is not None and abs(ahead) > limits.clock:
            yield Fault(code=FaultCode.CLOCK_DIFFERS, about=name, amount=round(ahead.total_seconds()))
    if found is None:
        return
    if found.is_newer:
        yield Fault(code=FaultCode.LEDGER_IS_NEWER, about="ledger", why=found.migration)
    elif found.pending:
        pending = found.pending
        yield Fault(code=FaultCode.MIGRATIONS_PENDING, about="ledger", amount=len(pending), why=pending[0])
    if found.backlog:
        yield from _of_backlog(found.backlog, limits)
    if found.backed_up and found.backlog:
        yield from _of_backups(found.backed_up, found.backlog.at, limits)


def _of_backlog(found: Backlog, limits: FaultLimits) -> Iterator[Fault]:
    for code, waiting, limit in (
        (FaultCode.ARRIVALS_WAIT, found.arrivals, limits.arrivals),
        (FaultCode.ROUNDS_WAIT, found.rounds, limits.rounds),
        (FaultCode.RUNS_WAIT, found.runs, limits.runs),
        (FaultCode.LETTERS_WAIT, found.letters, limits.letters),
    ):
        if _is_old(waiting, found.at, limit):
            yield _waits(code, waiting)


def _is_old(waiting: Waiting, now: datetime, limit: timedelta) -> bool:
    return waiting.oldest is not None and now - waiting.oldest > limit


def _waits(code: FaultCode, waiting: Waiting) -> Fault:
    return Fault(code=code, since=waiting.oldest, amount=waiting.count)


def _of_backups(found: BackupTimes, now: datetime, limits: FaultLimits) -> Iterator[Fault]:
    if found.made is None:
        yield Fault(code=FaultCode.NO_BACKUP)
    elif now - found.made > limits.backup:
        yield Fault(code=FaultCode.BACKUP_OLD, since=found.made)
    if found.begun and (found.made is None or found.begun > found.made) and now - found.begun > limits.backup:
        yield Fault(code=FaultCode.BACKUP_UNFINISHED, since=found.begun)
    if found.made is None:
        return
    if found.tested is None:
        yield Fault(code=FaultCode.NO_RESTORE_TEST)
    elif now - found.tested > limits.restore_test:
        yield Fault(code=FaultCode.RESTORE_TEST_OLD, since=found.tested)


def _of_dags(measured: Measured) -> Iterator[Fault]:
    for one in measured.dags:
        if not one.is_known:
            yield Fault(code=FaultCode.DAG_UNKNOWN, about=one.name)
        if one.has_import_errors:
            yield Fault(code=FaultCode.DAG_UNREADABLE, about=one.name)
        if one.is_paused:
            yield Fault(code=FaultCode.DAG_PAUSED, about=one.name)


def _of_volumes(measured: Measured, limits: FaultLimits) -> Iterator[Fault]:
    for one in measured.volumes:
        if one.free_percent < limits.free_percent:
            yield Fault(code=FaultCode.DISK_FILLS, about=one.name, amount=one.free_percent)


def _of_certificates(measured: Measured, limits: FaultLimits) -> Iterator[Fault]:
    for one in measured.certificates:
        if one.ends is None:
            yield Fault(code=FaultCode.CERTIFICATE_UNREADABLE, about=one.name)
        elif one.ends - measured.at < limits.certificate:
            yield Fault(code=FaultCode.CERTIFICATE_ENDS, about=one.name, amount=(one.ends - measured.at).days)
