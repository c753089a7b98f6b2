"""Whose is this?

A record joins a case only by a named match rule. People compare side by side what disagrees, or rests on name and birth
date alone. The rest is not ours and is not read. `transfer.copies` says whether we have it already.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from transfer.identifiers import PatientId
from transfer.patients import Demographics, IssuedIdentifier, PersonName, fold

__all__ = [
    "Candidate",
    "Match",
    "MatchRule",
    "MatchVerdict",
    "identify",
    "lookup_terms",
]


class MatchVerdict(StrEnum):
    OURS = "ours"
    DOUBTFUL = "doubtful"
    NOT_OURS = "not-ours"


class MatchRule(StrEnum):
    """The rule by which a record is or is not a patient's. The first three make it ours."""

    IDENTIFIER = "identifier"
    FORMER_IDENTITY = "former-identity"
    STUDY = "study"
    #: people compared it with the patient's own data and said that it is the patient's
    DECIDED = "decided"
    #: two people decide
    NAME_AND_BIRTH_DATE = "name-and-birth-date"
    #: conflicts: the same number with another person's birth date or name
    CONFLICTING_BIRTH_DATE = "conflicting-birth-date"
    CONFLICTING_NAME = "conflicting-name"
    CONFLICTING_IDENTIFIER = "conflicting-identifier"
    #: a number agrees, and nothing else can be compared
    UNCONFIRMED = "unconfirmed"
    SEVERAL_PATIENTS = "several-patients"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A patient with an open case, with all present and former names and numbers."""

    patient: PatientId
    current: Demographics
    former: tuple[Demographics, ...] = ()
    #: study, accession and report numbers known to be this patient's
    study_identifiers: frozenset[IssuedIdentifier] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """`patients` are those meant: one where it is ours, those to compare with where it is doubtful."""

    verdict: MatchVerdict
    match_rule: MatchRule
    patients: tuple[PatientId, ...] = ()

    @property
    def patient(self) -> PatientId | None:
        """The patient it belongs to; None where any doubt is left."""
        return self.patients[0] if self.verdict is MatchVerdict.OURS else None

    @property
    def deciders(self) -> int:
        """How many people must decide."""
        if self.verdict is not MatchVerdict.DOUBTFUL:
            return 0
        return 2 if self.match_rule in (MatchRule.NAME_AND_BIRTH_DATE, MatchRule.SEVERAL_PATIENTS) else 1


# What systems write for an unknown value. It agrees with nobody and contradicts nobody.
_NO_BIRTH_DATE = frozenset({date(1, 1, 1), date(1800, 1, 1), date(1900, 1, 1), date(1901, 1, 1), date(9999, 12, 31)})
_NO_NAME = frozenset({"UNKNOWN", "UNK", "NONAME", "NA", "NONE", "ANONYMOUS", "ANON"})


class _Agreement(StrEnum):
    AGREES = "agrees"
    #: the same family name with an initial, or with no given name at all
    COMPATIBLE = "compatible"
    #: one side says nothing
    UNSAID = "unsaid"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What one message and one patient have in common."""

    patient: PatientId
    #: shares a number of the patient's own
    identifier: bool
    study: bool
    name: _Agreement
    birth_date: _Agreement
    #: an issuer that gave both a number gave two different ones
    other_number: bool
    #: only by what the patient was formerly called or numbered
    former: bool

    @property
    def is_numbered(self) -> bool:
        return self.identifier or self.study

    @property
    def verdict(self) -> tuple[MatchVerdict, MatchRule]:
        both = self.name is _Agreement.AGREES and self.birth_date is _Agreement.AGREES
        either = _Agreement.AGREES in (self.name, self.birth_date)
        if not self.is_numbered:
            return self._unnumbered
        if self.birth_date is _Agreement.DIFFERS:
            return MatchVerdict.DOUBTFUL, MatchRule.CONFLICTING_BIRTH_DATE
        if self.name is _Agreement.DIFFERS:
            return MatchVerdict.DOUBTFUL, MatchRule.CONFLICTING_NAME
        if self.other_number and not (self.identifier and both):
            return MatchVerdict.DOUBTFUL, MatchRule.CONFLICTING_IDENTIFIER
        if self.identifier and either:
            return MatchVerdict.OURS, MatchRule.FORMER_IDENTITY if self.former else MatchRule.IDENTIFIER
        return (MatchVerdict.OURS, MatchRule.STUDY) if both else (MatchVerdict.DOUBTFUL, MatchRule.UNCONFIRMED)

    @property
    def _unnumbered(self) -> tuple[MatchVerdict, MatchRule]:
        named = self.name in (_Agreement.AGREES, _Agreement.COMPATIBLE)
        if named and self.birth_date is _Agreement.AGREES:
            return MatchVerdict.DOUBTFUL, MatchRule.NAME_AND_BIRTH_DATE
        return MatchVerdict.NOT_OURS, MatchRule.NONE


def identify(
    said: Demographics, *, study_identifiers: frozenset[IssuedIdentifier], candidates: Sequence[Candidate]
) -> Match:
    """Say whose record this is, from what it says of its patient and the numbers of the study or report it carries.

    `candidates` are the patients found by `lookup_terms`; their order changes nothing. Where it could be either of two
    patients, it is doubtful, and both are shown.
    """
    found = [_evidence(said, study_identifiers, candidate) for candidate in candidates]
    judged = [(evidence, *evidence.verdict) for evidence in found]
    ours = {(e.patient, match_rule) for e, verdict, match_rule in judged if verdict is MatchVerdict.OURS}
    doubtful = {(e.patient, match_rule) for e, verdict, match_rule in judged if verdict is MatchVerdict.DOUBTFUL}
    numbered = {evidence.patient for evidence in found if evidence.is_numbered}

    if len(numbered) > 1:
        return Match(
            verdict=MatchVerdict.DOUBTFUL, match_rule=MatchRule.SEVERAL_PATIENTS, patients=tuple(sorted(numbered))
        )
    if ours:
        patient, match_rule = min(ours)
        return Match(verdict=MatchVerdict.OURS, match_rule=match_rule, patients=(patient,))
    if doubtful:
        patients = tuple(sorted({patient for patient, _ in doubtful}))
        match_rule = min(match_rule for _, match_rule in doubtful) if len(patients) == 1 else MatchRule.SEVERAL_PATIENTS
        return Match(verdict=MatchVerdict.DOUBTFUL, match_rule=match_rule, patients=patients)
    return Match(verdict=MatchVerdict.NOT_OURS, match_rule=MatchRule.NONE)


def lookup_terms(*said: Demographics) -> tuple[str, ...]:
    """What to look a patient up by: `id|issuer|value`, `nb|FAMILY|GIVEN|1970-01-02` and `nb|FAMILY||1970-01-02`.

    `said` is all that is known of one person: one institution's birth date goes with another's name. The terms are
    sorted, each once. They are patient data, so the ledger keeps only their HMAC under the site key. They find
    candidates and decide nothing. A message with neither a number nor a name with a birth date has no term and matches
    nobody.
    """
    terms = {f"id|{_escaped(issuer)}|{_escaped(value)}" for one in said for issuer, value in _numbers(one.identifiers)}
    birth_dates = {_birth_date(one) for one in said} - {None}
    for family, given in (name for one in said for name in _names(one)):
        for birth_date in birth_dates:
            terms |= {f"nb|{family}||{birth_date}", f"nb|{family}|{given[0] if given else ''}|{birth_date}"}
    return tuple(sorted(terms))


def _evidence(said: Demographics, studies: frozenset[IssuedIdentifier], candidate: Candidate) -> _Evidence:
    now, ever = (candidate.current,), (candidate.current, *candidate.former)
    return _Evidence(
        patient=candidate.patient,
        identifier=_shares_number(said, ever),
        study=bool(_numbers(studies) & _numbers(candidate.study_identifiers)),
        name=_name_agreement(said, ever),
        birth_date=_birth_date_agreement(said, ever),
        other_number=_has_other_number(said, ever),
        former=not _shares_number(said, now)
        or _name_agreement(said, now) is not _name_agreement(said, ever)
        or _birth_date_agreement(said, now) is not _birth_date_agreement(said, ever),
    )


def _shares_number(said: Demographics, known: Iterable[Demographics]) -> bool:
    numbers = _numbers(said.identifiers)
    return any(numbers & _numbers(one.identifiers) for one in known)


def _has_other_number(said: Demographics, known: Iterable[Demographics]) -> bool:
    ours = frozenset().union(*(_numbers(one.identifiers) for one in known))
    theirs = _numbers(said.identifiers)
    agreed = {issuer for issuer, _ in ours & theirs}
    return bool(({issuer for issuer, _ in ours} & {issuer for issuer, _ in theirs}) - agreed)


def _birth_date_agreement(said: Demographics, known: Iterable[Demographics]) -> _Agreement:
    ours = {_birth_date(one) for one in known} - {None}
    if _birth_date(said) is None or not ours:
        return _Agreement.UNSAID
    return _Agreement.AGREES if _birth_date(said) in ours else _Agreement.DIFFERS


def _name_agreement(said: Demographics, known: Iterable[Demographics]) -> _Agreement:
    """The best agreement any of the names reaches with any of ours."""
    pairs = [_compared(theirs, ours) for theirs in _names(said) for one in known for ours in _names(one)]
    best_first = (_Agreement.AGREES, _Agreement.COMPATIBLE, _Agreement.DIFFERS)
    return min(pairs, key=best_first.index, default=_Agreement.UNSAID)


def _compared(a: tuple[str, tuple[str, ...]], b: tuple[str, tuple[str, ...]]) -> _Agreement:
    """How far two names agree. Given names agree in order, as far as both go; after the first an initial is enough.

    `Mary J` is `Mary Jane`. `Mary Ann` is not `Mary Beth`, who may be her twin.
    """
    (family, given), (other_family, other_given) = a, b
    if family != other_family or any(x[0] != y[0] for x, y in zip(given, other_given, strict=False)):
        return _Agreement.DIFFERS
    if any(x != y and 1 not in (len(x), len(y)) for x, y in zip(given, other_given, strict=False)):
        return _Agreement.DIFFERS
    if not given or not other_given or given[0] != other_given[0]:
        return _Agreement.COMPATIBLE
    return _Agreement.AGREES


def _names(said: Demographics) -> list[tuple[str, tuple[str, ...]]]:
    """Folded family names, each with the words of its given names. Placeholders are left out."""
    folded = [(fold(name.family), _words(name)) for name in said.names]
    return [(family, given) for family, given in folded if family and family not in _NO_NAME]


def _words(name: PersonName) -> tuple[str, ...]:
    words = (fold(word) for given in name.given for word in given.replace("-", " ").split())
    return tuple(word for word in words if word)


def _birth_date(said: Demographics) -> date | None:
    return None if said.birth_date in _NO_BIRTH_DATE else said.birth_date


def _numbers(identifiers: Iterable[IssuedIdentifier]) -> frozenset[tuple[str, str]]:
    """Issuer and number as compared. Leading zeros count. `0000` and `UNKNOWN` are left out."""
    numbers = ((identifier.issuer.strip(), identifier.value.strip().upper()) for identifier in identifiers)
    return frozenset((issuer, value) for issuer, value in numbers if not _is_placeholder(value))


def _is_placeholder(value: str) -> bool:
    plain = fold(value)
    return not plain or plain in _NO_NAME or (len(plain) > 3 and len(set(plain)) == 1)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("|", "%7C")
