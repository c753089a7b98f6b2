"""A house that takes in what the population sends by the product's rules of matching. It counts what people are asked.

No ledger, no door: `transfer.matching` decides, and this does what the flow does around it. Whoever is asked knows the
truth. One question is put for each patient and place and what the place says; the answer teaches.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.campaigns.identity.population import TYPED_FOR_NOTHING, Message, Patient, Population, Registration
from transfer.identifiers import PatientId
from transfer.matching import Candidate, Match, MatchRule, MatchVerdict, identify, lookup_terms
from transfer.patients import Demographics, IssuedIdentifier, OtherNumber, PersonName, PostalAddress, fold


@dataclass(slots=True, kw_only=True)
class Figures:
    """What came of it."""

    cases: int = 0
    first_contacts: int = 0
    #: records of patients of ours, of patients whose number at that place we knew from the referral, of others
    records: int = 0
    records_of_known: int = 0
    #: of these, reports that come one by one by a feed
    pushed_of_known: int = 0
    records_of_others: int = 0
    #: records that joined a patient: by rule, and by a person's answer
    filed: int = 0
    answered: int = 0
    #: of these, somebody else's
    wrong: int = 0
    #: the patient's own records that nobody was asked about and that joined nobody
    missed: int = 0
    #: questions put, by rule; by whether they concern a patient's own record; those for two people
    questions: dict[MatchRule, int] = field(default_factory=lambda: defaultdict(int))
    of_known: int = 0
    of_known_pushed: int = 0
    of_others: int = 0
    for_two: int = 0

    @property
    def asked(self) -> int:
        return sum(self.questions.values())


@dataclass(slots=True, kw_only=True)
class _Known:
    patient: Patient
    current: Demographics
    former: list[Demographics] = field(default_factory=list)
    from_referral: frozenset[str] = frozenset()

    def as_candidate(self, name: PatientId) -> Candidate:
        return Candidate(patient=name, current=self.current, former=tuple(self.former))


class Reception:
    """Every patient of the population has an open case at once."""

    def __init__(self, population: Population, *, further_suffices: bool) -> None:
        self.population, self.further_suffices = population, further_suffices
        self.figures = Figures()
        self._known: dict[PatientId, _Known] = {}
        self._by_person: dict[int, PatientId] = {}
        self._by_term: dict[str, set[PatientId]] = defaultdict(set)
        self._decided: dict[tuple[PatientId, str, Demographics], bool] = {}

    def work(self) -> Figures:
        for patient in self.population.patients:
            self._refer(patient)
        names = list(self._known)
        for name in names:
            patient = self._known[name].patient
            self._ask(name, patient.office, self.population.count_of_documents())
            self._ask(name, patient.archive, self.population.count_of_studies())
        for name in names:
            patient = self._known[name].patient
            for message in self.population.messages(patient, patient.laboratory):
                self._take_in(message)
        return self.figures

    # --- referrals ----------------------------------------------------------------------------------------------------

    def _refer(self, patient: Patient) -> None:
        numbers = self.population.referred_by(patient)
        said = _said(patient.at[patient.office], numbers)
        match = self._matched(said)
        if match.verdict is MatchVerdict.DOUBTFUL:
            self._count_question(match, is_known=False, is_theirs=False)
        elif match.patient is not None:
            self.figures.wrong += 1  # nobody is referred twice
        name = self._by_person[patient.person.key] = PatientId.draw()
        self._known[name] = _Known(patient=patient, current=said, from_referral=frozenset(numbers))
        self._index(name)
        self.figures.cases += 1
        self.figures.first_contacts += patient.is_first_contact

    # --- asking -------------------------------------------------------------------------------------------------------

    def _ask(self, name: PatientId, place: str, count: int) -> None:
        """All that a source has of somebody comes with the one whom it found."""
        known = self._known[name]
        for registration in self._search(known, place):
            said = _said(registration, {place: registration.number})
            match = identify(
                said,
                study_identifiers=frozenset(),
                candidates=[known.as_candidate(name)],
                requested=name,
                further_suffices=self.further_suffices,
            )
            self._count_records(registration, count)
            self._decide(match, said, registration, count)

    def _search(self, known: _Known, place: str) -> list[Registration]:
        """By number, then by name and birth date, as a source answers."""
        there = [known.patient.at[place], *(one for one in known.patient.lookalikes if one.place == place)]
        numbers = {one.value for one in known.current.identifiers if one.issuer == place}
        if by_number := [one for one in there if one.number in numbers]:
            return by_number
        names = {(fold(name.family), fold(name.given[0])) for name in known.current.names}
        return [
            one
            for one in there
            if (fold(one.family), fold(one.given[0])) in names and one.born == known.current.birth_date
        ]

    # --- a feed -------------------------------------------------------------------------------------------------------

    def _take_in(self, message: Message) -> None:
        said = _said(message.registration, {message.registration.place: message.number}, message)
        match = self._matched(said)
        self._count_records(message.registration, 1, is_pushed=True)
        self._decide(match, said, message.registration, 1)

    def _owner(self, registration: Registration) -> PatientId | None:
        """Whose it is in truth, of our patients."""
        return self._by_person.get(registration.person)

    # --- deciding -----------------------------------------------------------------------------------------------------

    def _decide(self, match: Match, said: Demographics, registration: Registration, count: int) -> None:
        owner = self._owner(registration)
        if match.patient is not None:
            self.figures.filed += count
            self.figures.wrong += count * (match.patient != owner)
            self._learn(match.patient, said)
        elif match.verdict is MatchVerdict.NOT_OURS:
            self.figures.missed += count * (owner is not None)
        elif self._is_answered_ours(match, said, registration, owner) and owner is not None:
            self.figures.answered += count
            if match.match_rule is not MatchRule.SEVERAL_PATIENTS:
                self._learn(owner, said)
        else:
            self.figures.missed += count * (owner is not None)

    def _is_answered_ours(
        self, match: Match, said: Demographics, registration: Registration, owner: PatientId | None
    ) -> bool:
        """What is under a number is asked once. What comes without one is asked each time."""
        question = (match.patients[0], registration.place, said)
        if question not in self._decided or not numbers_of(said):
            is_known = owner is not None and registration.place in self._known[owner].from_referral
            self._count_question(match, is_known=is_known, is_theirs=owner is not None)
            self.figures.of_known_pushed += is_known and registration.place.startswith("laboratory")
            self._decided[question] = owner in match.patients
        return self._decided[question]

    def _matched(self, said: Demographics) -> Match:
        found = {name for term in lookup_terms(said) for name in self._by_term[term]}
        candidates = [self._known[name].as_candidate(name) for name in found]
        return identify(said, study_identifiers=frozenset(), candidates=candidates)

    def _learn(self, name: PatientId, said: Demographics) -> None:
        known = self._known[name]
        if said != known.current and said not in known.former:
            known.former.append(said)
            self._index(name)

    def _index(self, name: PatientId) -> None:
        known = self._known[name]
        for term in lookup_terms(known.current, *known.former):
            self._by_term[term].add(name)

    # --- counting -----------------------------------------------------------------------------------------------------

    def _count_records(self, registration: Registration, count: int, *, is_pushed: bool = False) -> None:
        owner = self._owner(registration)
        is_known = owner is not None and registration.place in self._known[owner].from_referral
        self.figures.records += count * (owner is not None)
        self.figures.records_of_others += count * (owner is None)
        self.figures.records_of_known += count * is_known
        self.figures.pushed_of_known += count * (is_known and is_pushed)

    def _count_question(self, match: Match, *, is_known: bool, is_theirs: bool) -> None:
        self.figures.questions[match.match_rule] += 1
        self.figures.of_known += is_known
        self.figures.of_others += not is_theirs
        self.figures.for_two += match.deciders == 2


def numbers_of(said: Demographics) -> list[str]:
    """What stands where a number should and is none of the things typed for nothing."""
    return [one.value for one in said.identifiers if one.value not in TYPED_FOR_NOTHING]


def _said(one: Registration, numbers: dict[str, str], message: Message | None = None) -> Demographics:
    """What a door makes of it."""
    identifiers = [IssuedIdentifier(place, number) for place, number in numbers.items()]
    others = [OtherNumber("SS", one.citizen[-4:])]
    if one.policy and one.policy_is_typed:
        others.append(OtherNumber("SN", one.policy[-4:]))
    elif one.policy:
        identifiers.append(IssuedIdentifier("insurer", one.policy))
    return Demographics(
        names=(PersonName(one.family, message.given if message else one.given),),
        birth_date=message.born if message else one.born,
        sex=one.sex,
        identifiers=tuple(identifiers),
        other_numbers=tuple(others),
        addresses=(PostalAddress(one.street, one.postal_code),),
        telephones=(one.telephone,),
    )
