"""Facts of the installation: facilities that staff added, papers before they are anybody's, ended days, backups."""

from dataclasses import dataclass

from transfer.facts.frame import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmatchedPurged(Fact, kind="unmatched-purged"):
    """How many sealed messages of one institution's day lapsed unread. They leave no other trace."""

    institution: str
    day: str
    count: int
    key_destroyed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityAdded(Fact, kind="facility-added"):
    """Staff added a facility that no reviewed file names (`transfer.facilities`). Nobody called there yet."""

    institution: str
    name: str
    city: str
    time_zone: str
    holds: tuple[str, ...]
    telephone: str
    fax: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityContactChanged(Fact, kind="facility-contact-changed"):
    """A facility is reached so from now on, and nobody called there since."""

    institution: str
    telephone: str
    fax: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityCalledBack(Fact, kind="facility-called-back"):
    """Somebody called the facility, and had just this read back."""

    institution: str
    telephone: str
    fax: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupBegun(Fact, kind="backup-begun"):
    """From now on a backup may hold what is purged, be it ever finished or not. Begun again, it lapses later."""

    backup: str
    lapses: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp(Fact, kind="backed-up"):
    """A backup was made; by the day it lapses it is to be destroyed."""

    backup: str
    lapses: str
    objects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupDestroyed(Fact, kind="backup-destroyed"):
    """A backup is gone: what is purged from now on does not lie in it."""

    backup: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored(Fact, kind="restored"):
    """The ledger is that of a backup again: what was written after the backup was taken is not in it. `stopped` are
    permissions that had ended since, `forgotten` patients whose key was destroyed since, `unread` messages that were in
    it and went with the key of their day: institution, day and how many.
    """

    backup: str
    taken: str
    stopped: tuple[str, ...]
    forgotten: tuple[str, ...]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreTested(Fact, kind="restore-tested"):
    """A backup was restored into a database made for that, to see that it can be. Nothing of this ledger changed.
    `taken` is when the backup was; `chains` were walked and found whole.
    """

    backup: str
    taken: str
    objects: int
    chains: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperStored(Fact, kind="paper-stored"):
    """A paper came, on this line, with so many pages."""

    incoming: str
    line: str
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscStored(Fact, kind="disc-stored"):
    """A disc with images came, on this line, with so many studies."""

    incoming: str
    line: str
    studies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StudiesLeftOut(Fact, kind="studies-left-out"):
    """Studies of a disc become no record: nobody needs them, or they are of nobody here
    (`transfer.incoming.PagesBecame`).
    """

    incoming: str
    studies: str
    became: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTaken(Fact, kind="paper-taken"):
    """Somebody took the paper or the disc: they see what is on it from now on."""

    incoming: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesLeftOut(Fact, kind="pages-left-out"):
    """Pages become no record: they are cover sheets or blank, or misdirected (`transfer.incoming.PagesBecame`)."""

    incoming: str
    pages: str
    became: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSentBack(Fact, kind="paper-sent-back"):
    """What was misdirected of the paper or the disc went back to its sender on this day here, or was shredded and the
    sender told (`transfer.incoming.SentBackHow`).
    """

    incoming: str
    how: str
    on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperDestroyed(Fact, kind="paper-destroyed"):
    """The paper or the disc is gone as it came. Records that were made of its pages are not."""

    incoming: str
