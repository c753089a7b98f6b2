"""Whose is this?

A record joins a case only by a named match rule. People compare side by side what disagrees, or rests on name and birth
date alone. The rest is not ours and is not read. `transfer.copies` says whether we have it already.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from transfer.identifiers import PatientId
from transfer.patients import Demographics, IssuedIdentifier, PersonName, fold
from transfer.placeholders import (
    is_birth_date_placeholder,
    is_number_placeholder,
    is_typed_for_number,
    without_placeholders,
)

__all__ = [
    "Candidate",
    "Match",
    "MatchRule",
    "MatchVerdict",
    "deciders",
    "identify",
    "is_numbered",
    "lookup_terms",
]


class MatchVerdict(StrEnum):
    OURS = "ours"
    DOUBTFUL = "doubtful"
    NOT_OURS = "not-ours"


class MatchRule(StrEnum):
    """The rule by which a record is or is not a patient's. The first five make it ours."""

    #: a medical record number, name and birth date agree, and the sex does not differ
    IDENTIFIER = "identifier"
    FORMER_IDENTITY = "former-identity"
    #: the same with the number of a study or report that is the patient's
    STUDY = "study"
    #: people compared it with the patient's own data and said that it is the patient's
    DECIDED = "decided"
    #: as `ANSWERS_REQUEST`, two further things agree, and the house takes that for enough
    CORROBORATED = "corroborated"
    #: it answers what we asked about this patient; name, birth date and sex agree, and nothing contradicts
    ANSWERS_REQUEST = "answers-request"
    #: two people decide
    NAME_AND_BIRTH_DATE = "name-and-birth-date"
    #: it answers what we asked about this patient; family name and birth date agree: a nickname, or a twin
    OTHER_GIVEN_NAME = "other-given-name"
    #: conflicts: the same number with another person's birth date, name or sex
    CONFLICTING_BIRTH_DATE = "conflicting-birth-date"
    CONFLICTING_NAME = "conflicting-name"
    CONFLICTING_SEX = "conflicting-sex"
    CONFLICTING_IDENTIFIER = "conflicting-identifier"
    #: a number agrees; name or birth date cannot be compared, or the given name is an initial
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
        return deciders(self.match_rule) if self.verdict is MatchVerdict.DOUBTFUL else 0


#: where so little agrees, one person is not enough
_FOR_TWO: Final = frozenset(
    {MatchRule.NAME_AND_BIRTH_DATE, MatchRule.OTHER_GIVEN_NAME, MatchRule.SEVERAL_PATIENTS, MatchRule.NONE}
)


def deciders(match_rule: MatchRule) -> int:
    """How many people must say the same of what is doubtful by this rule."""
    return 2 if match_rule in _FOR_TWO else 1


def is_numbered(said: Demographics) -> bool:
    """Whether it bears a medical record number that is none typed for want of one."""
    return bool(_record_numbers(said))


#: how many further things must agree where nobody is asked: an address, a telephone, the last four of a number
ENOUGH_FURTHER: Final = 2


#: administrative gender, and as HL7 v2 and DICOM write it. *Unknown* says nothing
_SEXES: Final = {"female": "F", "f": "F", "male": "M", "m": "M", "other": "O", "o": "O"}


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
    #: shares a medical record number of the patient's own
    identifier: bool
    study: bool
    name: _Agreement
    birth_date: _Agreement
    sex: _Agreement
    #: an issuer that gave both a number gave two different ones
    other_number: bool
    #: only by what the patient was formerly called or numbered
    former: bool
    #: it answers what we asked about this patient
    requested: bool
    #: the family name agrees, whatever the given name
    family: bool
    #: a name of theirs is one of ours with all its given names: no initial, and none left away
    is_whole_name: bool
    #: address, telephone, last four of a number of another type: how many agree
    further: int

    @property
    def is_numbered(self) -> bool:
        return self.identifier or self.study

    @property
    def verdict(self) -> tuple[MatchVerdict, MatchRule]:
        if not self.is_numbered:
            return self._unnumbered
        if self.birth_date is _Agreement.DIFFERS:
            return MatchVerdict.DOUBTFUL, MatchRule.CONFLICTING_BIRTH_DATE
        if self.name is _Agreement.DIFFERS:
            return MatchVerdict.DOUBTFUL, MatchRule.CONFLICTING_NAME
        if self.sex is _Agreement.DIFFERS:
            return MatchVerdict.DOUBTFUL, MatchRule.CONFLICTING_SEX
        if self.other_number and not (self.identifier and self._is_named):
            return MatchVerdict.DOUBTFUL, MatchRule.CONFLICTING_IDENTIFIER
        if not self._is_named:
            return MatchVerdict.DOUBTFUL, MatchRule.UNCONFIRMED
        if self.identifier:
            return MatchVerdict.OURS, MatchRule.FORMER_IDENTITY if self.former else MatchRule.IDENTIFIER
        return MatchVerdict.OURS, MatchRule.STUDY

    @property
    def _is_named(self) -> bool:
        return self.name is _Agreement.AGREES and self.birth_date is _Agreement.AGREES

    @property
    def _unnumbered(self) -> tuple[MatchVerdict, MatchRule]:
        if self.requested and self._is_named and self.sex is _Agreement.AGREES and not self.other_number:
            # Twins share a home and a telephone, and `Maria T` may be either of two.
            if self.further >= ENOUGH_FURTHER and self.is_whole_name:
                return MatchVerdict.DOUBTFUL, MatchRule.CORROBORATED
            return MatchVerdict.DOUBTFUL, MatchRule.ANSWERS_REQUEST
        named = self.name in (_Agreement.AGREES, _Agreement.COMPATIBLE)
        if named and self.birth_date is _Agreement.AGREES:
            return MatchVerdict.DOUBTFUL, MatchRule.NAME_AND_BIRTH_DATE
        is_near = self.family and self.birth_date is _Agreement.AGREES and self.sex is not _Agreement.DIFFERS
        if self.requested and is_near:
            return MatchVerdict.DOUBTFUL, MatchRule.OTHER_GIVEN_NAME
        return MatchVerdict.NOT_OURS, MatchRule.NONE


def identify(
    said: Demographics,
    *,
    study_identifiers: frozenset[IssuedIdentifier],
    candidates: Sequence[Candidate],
    requested: PatientId | None = None,
    further_suffices: bool = False,
) -> Match:
    """Say whose record this is, from what it says of its patient and the numbers of the study or report it carries.

    `candidates` are the patients found by `lookup_terms`; their order changes nothing. Where it could be either of two
    patients, it is doubtful, and both are shown. `requested` is the patient whom it answers a request of ours about.
    `further_suffices`: nobody is asked about such an answer where `ENOUGH_FURTHER` further things agree.
    """
    found = [_evidence(said, study_identifiers, candidate, requested) for candidate in candidates]
    judged = [(evidence, *evidence.verdict) for evidence in found]
    ours = {(e.patient, match_rule) for e, verdict, match_rule in judged if verdict is MatchVerdict.OURS}
    doubtful = {(e.patient, match_rule) for e, verdict, match_rule in judged if verdict is MatchVerdict.DOUBTFUL}
    numbered = {evidence.patient for evidence in found if evidence.is_numbered}

    if len(numbered) > 1:
        return _doubtful(MatchRule.SEVERAL_PATIENTS, numbered)
    if ours:
        patient, match_rule = min(ours)
        return Match(verdict=MatchVerdict.OURS, match_rule=match_rule, patients=(patient,))
    if not doubtful:
        return Match(verdict=MatchVerdict.NOT_OURS, match_rule=MatchRule.NONE)
    patients = {patient for patient, _ in doubtful}
    if len(patients) > 1:
        return _doubtful(MatchRule.SEVERAL_PATIENTS, patients)
    match_rule = min(match_rule for _, match_rule in doubtful)
    if match_rule is MatchRule.CORROBORATED and further_suffices:
        return Match(verdict=MatchVerdict.OURS, match_rule=match_rule, patients=tuple(patients))
    return _doubtful(match_rule, patients)


def _doubtful(match_rule: MatchRule, patients: Iterable[PatientId]) -> Match:
    return Match(verdict=MatchVerdict.DOUBTFUL, match_rule=match_rule, patients=tuple(sorted(patients)))


def lookup_terms(*said: Demographics) -> tuple[str, ...]:
    """What to look a patient up by: `id|issuer|value`, `nb|FAMILY|GIVEN|1970-01-02` and `nb|FAMILY||1970-01-02`.

    `said` is all that is known of one person: one institution's birth date goes with another's name. The terms are
    sorted, each once. They are patient data, so the ledger keeps only their HMAC under the site key. They find
    candidates and decide nothing. A message with neither a number nor a name with a birth date has no term and matches
    nobody.
    """
    terms = {f"id|{_escaped(issuer)}|{_escaped(value)}" for one in said for issuer, value in _record_numbers(one)}
    birth_dates = {_birth_date(one) for one in said} - {None}
    for family, given in {name for one in said for written in one.names for name in _looked_up(written)}:
        for birth_date in birth_dates:
            terms |= {f"nb|{family}||{birth_date}", f"nb|{family}|{given}|{birth_date}"}
    return tuple(sorted(terms))


def _looked_up(name: PersonName) -> Iterator[tuple[str, str]]:
    """Family and first given name as they are compared, and as they are written: with a suffix, `SMITH JR`."""
    if compared := without_placeholders(name):
        family, given = compared
        yield family, given[0] if given else ""
        yield fold(name.family), given[0] if given else ""


def _evidence(
    said: Demographics, studies: frozenset[IssuedIdentifier], candidate: Candidate, requested: PatientId | None
) -> _Evidence:
    now, ever = (candidate.current,), (candidate.current, *candidate.former)
    return _Evidence(
        patient=candidate.patient,
        identifier=_shares_number(said, ever),
        study=bool(_numbers(studies) & _numbers(candidate.study_identifiers)),
        name=_name_agreement(said, ever),
        birth_date=_birth_date_agreement(said, ever),
        sex=_sex_agreement(said, ever),
        other_number=_has_other_number(said, ever),
        former=not _shares_number(said, now)
        or _name_agreement(said, now) is not _name_agreement(said, ever)
        or _birth_date_agreement(said, now) is not _birth_date_agreement(said, ever),
        requested=candidate.patient == requested,
        family=bool(_families(said) & frozenset().union(*map(_families, ever))),
        is_whole_name=any(name in _names(one) for name in _names(said) for one in ever),
        further=_further_agreements(said, ever),
    )


def _shares_number(said: Demographics, known: Iterable[Demographics]) -> bool:
    numbers = _record_numbers(said)
    return any(numbers & _record_numbers(one) for one in known)


def _has_other_number(said: Demographics, known: Iterable[Demographics]) -> bool:
    ours = frozenset().union(*(_record_numbers(one) for one in known))
    theirs = _record_numbers(said)
    agreed = {issuer for issuer, _ in ours & theirs}
    return bool(({issuer for issuer, _ in ours} & {issuer for issuer, _ in theirs}) - agreed)


def _birth_date_agreement(said: Demographics, known: Iterable[Demographics]) -> _Agreement:
    ours = {_birth_date(one) for one in known} - {None}
    if _birth_date(said) is None or not ours:
        return _Agreement.UNSAID
    return _Agreement.AGREES if _birth_date(said) in ours else _Agreement.DIFFERS


def _sex_agreement(said: Demographics, known: Iterable[Demographics]) -> _Agreement:
    ours = {_sex(one) for one in known} - {None}
    if _sex(said) is None or not ours:
        return _Agreement.UNSAID
    return _Agreement.AGREES if _sex(said) in ours else _Agreement.DIFFERS


def _further_agreements(said: Demographics, known: Iterable[Demographics]) -> int:
    ours = list(known)
    return sum(
        any(pieces(said) & pieces(one) for one in ours) for pieces in (_homes, _telephones, _ends_of_other_numbers)
    )


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
    return [name for name in map(without_placeholders, said.names) if name]


def _birth_date(said: Demographics) -> date | None:
    return None if said.birth_date is None or is_birth_date_placeholder(said.birth_date) else said.birth_date


def _families(said: Demographics) -> frozenset[str]:
    return frozenset(family for family, _ in _names(said))


def _sex(said: Demographics) -> str | None:
    return _SEXES.get((said.sex or "").strip().lower())


def _homes(said: Demographics) -> frozenset[str]:
    """The number of the house with the first five of the postal code. A street alone is spelled too many ways."""
    houses = ((re.search(r"\d+", one.street), fold(one.postal_code)[:5]) for one in said.addresses)
    return frozenset(
        f"{house[0]}|{code}" for house, code in houses if house and len(code) == 5 and not is_number_placeholder(code)
    )


def _telephones(said: Demographics) -> frozenset[str]:
    """The last ten digits. A shorter one lacks its area."""
    digits = (re.sub(r"\D", "", one)[-10:] for one in said.telephones)
    return frozenset(one for one in digits if len(one) == 10 and not is_number_placeholder(one))


def _ends_of_other_numbers(said: Demographics) -> frozenset[tuple[str, str]]:
    ends = ((one.type, one.last_four) for one in said.other_numbers)
    return frozenset((kind, end) for kind, end in ends if not is_number_placeholder(end))


def _record_numbers(said: Demographics) -> frozenset[tuple[str, str]]:
    """The medical record numbers that are no birth date or telephone typed for want of one: those tell nobody apart
    from a namesake.
    """
    return frozenset(one for one in _numbers(said.identifiers) if not is_typed_for_number(one[1], said))


def _numbers(identifiers: Iterable[IssuedIdentifier]) -> frozenset[tuple[str, str]]:
    """Issuer and number as compared. Leading zeros count. Placeholders are left out."""
    numbers = ((identifier.issuer.strip(), identifier.value.strip().upper()) for identifier in identifiers)
    return frozenset((issuer, value) for issuer, value in numbers if not is_number_placeholder(value))


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("|", "%7C")
