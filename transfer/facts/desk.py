"""Facts of the desk: who signed in, and who looked at what. They stand in a chain for each day (UTC)."""

from dataclasses import dataclass

from transfer.facts.frame import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBegun(Fact, kind="signed-in"):
    """A session began. `is_local`: by the emergency account, for nobody else's sign-in was to be had."""

    roles: tuple[str, ...]
    is_local: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideSessionBegun(Fact, kind="outside-signed-in"):
    """A session of somebody of outside began (`transfer.outside_sessions.Outsider`), for this institution."""

    outsider: str
    institution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CenterAccountSet(Fact, kind="center-account-set"):
    """Somebody of a receiving center was invited to our pages, has another PIN, or signs in there no more."""

    center_account: str
    institution: str
    is_usable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAccountSet(Fact, kind="local-account-set"):
    """The emergency account has a password, another one, or none any more."""

    is_usable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonStated(Fact, kind="reason-stated"):
    """Somebody said why they look at the patient of a case (`transfer.looks.LookReason`)."""

    case: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFlagged(Fact, kind="patient-flagged"):
    """Whoever looks at the patient of this case must say why, or need not any more (`transfer.looks.PatientFlag`)."""

    case: str
    flag: str
    is_set: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityViewed(Fact, kind="identity-viewed"):
    """Somebody was shown who the patients of these cases are, all on one page (`transfer.looks.LookPlace`)."""

    cases: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentViewed(Fact, kind="content-viewed"):
    """Somebody was shown what is written. `about`: the record, message, form or packet; of notes the case."""

    about: str
    place: str
    case: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientsSought(Fact, kind="patients-sought"):
    """Somebody looked for a patient: by what (name, birth-date, number), and the cases that they were shown."""

    by: tuple[str, ...]
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMade(Fact, kind="report-made"):
    """Somebody took a list along as a file: of which days, how long it is, and the SHA-256 of its bytes.

    `report`: `transfer.reports.ReportKind`. `case`: the one that it is about. `seed`: of a sample, which whoever has
    it draws again.
    """

    report: str
    form: str
    first: str
    last: str
    rows: int
    sha256: str
    case: str | None = None
    seed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountingAsked(Fact, kind="accounting-asked"):
    """Somebody asked for an accounting of what was disclosed of the patient of a case, from `first` to `last`
    (45 CFR 164.528(c)).
    """

    accounting: str
    case: str
    asked_on: str
    first: str
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountingDelayed(Fact, kind="accounting-delayed"):
    """It takes thirty days longer, and who asked was told why (`transfer.accounting.DelayReason`)."""

    accounting: str
    case: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountingGiven(Fact, kind="accounting-given"):
    """It was given: so many lines, the SHA-256 of the file, and the fee in US cents."""

    accounting: str
    case: str
    given_on: str
    rows: int
    sha256: str
    fee: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelReceived(Fact, kind="parcel-received"):
    """A parcel came. `place`: the receiving center that it came to; None: the desk. `number_hmac`: under the site key,
    of the courier's number.
    """

    parcel: str
    carrier: str
    condition: str
    place: str | None = None
    number_hmac: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailViewed(Fact, kind="trail-viewed"):
    """Somebody read all that was written about a case, or by a run. `about`: which."""

    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodReviewed(Fact, kind="period-reviewed"):
    """Somebody has looked through a list of these days (45 CFR 164.308(a)(1)(ii)(D)). `finding`:
    `transfer.reports.ReviewFinding`. `entries`: how many stood in the list then.
    """

    report: str
    first: str
    last: str
    finding: str
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainsVerified(Fact, kind="chains-verified"):
    """Somebody walked all chains. `broken`: how many are not what was written; `unanchored`: lines that no packet has
    carried out yet.
    """

    chains: int
    lines: int
    unanchored: int
    broken: int
