"""Facts of a patient: who was recognised, and what may be released until when."""

from dataclasses import dataclass

from transfer.facts.frame import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientKnown(Fact, kind="patient-known"):
    """First met, in this arrival. The identity itself stands in the purgeable table."""

    arrival: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchDecided(Fact, kind="match-decided"):
    """A person compared an arrival, or the answer to a request, with this patient. `answer`: ours or not-ours.

    Each of two has one.
    """

    hold: str
    answer: str
    match_rule: str
    arrival: str | None = None
    request: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientsMerged(Fact, kind="patients-merged"):
    """Two people said that two patients are one person. What was the absorbed one's is the other's. In both chains."""

    absorbed: str
    kept: str
    hold: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientsSplit(Fact, kind="patients-split"):
    """They are two after all. What was the absorbed one's before is so again. In both chains."""

    absorbed: str
    kept: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionFiled(Fact, kind="permission-filed"):
    """`form` is an HMAC of the form's JSON as it was sealed then: to compare, unseal those bytes. A new dump of the
    form has the names of today.
    """

    permission: str
    arrival: str
    form: str
    expires_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFormEntered(Fact, kind="paper-form-entered"):
    """A person entered a form from paper. `signature` is what stands there, or *missing*; who looked at it is an
    account.
    """

    arrival: str
    institution: str
    signature: str
    looked_at_by: str | None = None
    looked_at_on: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeEntered(Fact, kind="dispute-entered"):
    """A person found this wrong with the form that came in `arrival`. From this line on it permits nothing."""

    permission: str
    arrival: str
    dispute: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeWithdrawn(Fact, kind="dispute-withdrawn"):
    permission: str
    arrival: str
    dispute: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionEnded(Fact, kind="permission-ended"):
    """`end`: revoked, paused, replaced, entered-in-error or expired. From this line on no egress may open under it."""

    permission: str
    end: str
    arrival: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyDeclared(Fact, kind="emergency-declared"):
    """A named clinician said that a release cannot wait. `clinician` is the note that says who and why."""

    discloser: str
    recipient: str
    clinician: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionResumed(Fact, kind="permission-resumed"):
    permission: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopCompleted(Fact, kind="stop-completed"):
    """Open egress is zero; from here on nothing is read for release under the permission."""

    permission: str
    milliseconds: int
    in_reliance: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldPlaced(Fact, kind="legal-hold-placed"):
    """From this line on nothing of the patient is destroyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldLifted(Fact, kind="legal-hold-lifted"):
    """What waited to be purged is asked about again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsPurged(Fact, kind="records-purged"):
    """What a person confirmed (or a delay) removed. `spared` are records another live permission covers."""

    permission: str
    records: tuple[str, ...]
    spared: tuple[str, ...]
    key_destroyed: bool
    #: backups that hold what was purged, sealed under the patient's key, each with the day it lapses
    backups: tuple[str, ...] = ()
