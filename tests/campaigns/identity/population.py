"""People, the places where they are registered, and what those places send: drawn at random, with stated rates.

This module knows nothing of how records are matched. A person is somebody; a registration is what one place typed when
it met them; a message is what its system then writes of them. `Rates` says how often what goes wrong.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta


def _words(text: str) -> list[str]:
    return text.split()


FAMILIES = _words(
    """Adams Baker Carter Diaz Evans Foster Garcia Hughes Ivanov Jensen Kim Lopez Miller Nguyen Olsen Patel Quinn
Rivera Smith Turner Underwood Vargas Walker Young Zimmermann Brooks Cooper Hayes Morgan Perry Reyes Sanders"""
)
GIVEN = {
    "female": _words("Anna Beth Clara Dora Elena Fiona Grace Hanna Irene Julia Karen Laura Maria Nora Olivia Paula"),
    "male": _words("Adam Brian Carl David Erik Frank George Henry Ivan James Karl Louis Martin Noah Oscar Peter"),
}
STREETS = _words("Elm Oak Lake Hill Park Main River Maple")
#: what a clerk or a system writes where the number is not known
TYPED_FOR_NOTHING = _words(
    """PENDING TEST 123456789 UNKNOWN 0000000 999999999 N/A TBD NONE TEST123 1111111 XXXXXXX 000-00-0000
TEMP NOMRN 12345678"""
)
BORN_FOR_NOTHING = (date(1900, 1, 1), date(1970, 1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often, of what."""

    #: of patients: have a twin, registered at the same places
    twins: float = 0.01
    #: of patients: share a policy's number with their household, whose other members are registered there, too
    shared_numbers: float = 0.05
    #: of patients: one of the places knows them by a former family name
    name_changes: float = 0.05
    #: of registrations: name, birth date or sex is wrong; of numbers copied into a referral: a digit is
    typing_errors: float = 0.03
    #: of messages: a placeholder stands where the number should
    junk_numbers: float = 0.03
    #: of messages: no birth date, or no more of the given name than its first letter
    sparse: float = 0.01
    #: of patients: the referral carries the referrer's own number alone
    first_contacts: float = 0.30
    #: of patients: somebody of the same name, sex and birth date is registered at one of the places
    namesakes: float = 0.002
    #: messages about nobody we have a case for, for each that is about a patient
    strangers: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    key: int
    family: str
    given: tuple[str, ...]
    sex: str
    born: date
    street: str
    postal_code: str
    telephone: str
    citizen: str
    #: of the household's policy, if it is written in messages
    policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What one place typed when it met somebody."""

    person: int
    place: str
    number: str
    family: str
    given: tuple[str, ...]
    sex: str
    born: date
    street: str
    postal_code: str
    telephone: str
    citizen: str
    policy: str | None
    #: whether the place says that the policy's number is one
    policy_is_typed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a place's system writes of somebody. Number and birth date may be placeholders."""

    registration: Registration
    number: str
    given: tuple[str, ...]
    born: date | None


@dataclass(slots=True, kw_only=True)
class Patient:
    """Somebody referred to us: where they are registered, and whose numbers the referral carries."""

    person: Person
    office: str
    laboratory: str
    archive: str
    is_first_contact: bool
    at: dict[str, Registration] = field(default_factory=dict)
    #: others whom a place could take for the patient
    lookalikes: list[Registration] = field(default_factory=list)

    @property
    def places(self) -> tuple[str, str, str]:
        return self.office, self.laboratory, self.archive


class Population:
    """So many patients and everybody around them, the same for the same seed."""

    def __init__(self, size: int, seed: int, rates: Rates) -> None:
        self.dice, self.rates = random.Random(seed), rates
        self._count = 0
        #: twins, relatives and namesakes who are patients, too
        self.others: list[Patient] = []
        self.patients = [self._patient() for _ in range(size)] + self.others

    def _patient(self) -> Patient:
        d = self.dice
        person = self._person()
        if shares := d.random() < self.rates.shared_numbers:
            person = replace(person, policy=self._digits(9))
        patient = Patient(
            person=person,
            office=f"office-{d.randrange(20)}",
            laboratory=f"laboratory-{d.randrange(6)}",
            archive=f"archive-{d.randrange(8)}",
            is_first_contact=d.random() < self.rates.first_contacts,
        )
        for place in patient.places:
            patient.at[place] = self._register(person, place)
        if d.random() < self.rates.name_changes:
            place = d.choice(patient.places[1:])
            patient.at[place] = replace(patient.at[place], family=d.choice(FAMILIES) + "son")
        if d.random() < self.rates.twins:
            self._also(patient, self._twin(person))
        if shares:
            for _ in range(d.randint(1, 3)):
                self._also(patient, self._relative(person))
        if d.random() < self.rates.namesakes:
            namesake = replace(self._person(), family=person.family, given=person.given, sex=person.sex)
            self._also(patient, replace(namesake, born=person.born))
        return patient

    def _also(self, patient: Patient, other: Person) -> None:
        """Registered at the same places; a third of them are referred to us as well."""
        there = {place: self._register(other, place) for place in patient.places}
        patient.lookalikes += there.values()
        if self.dice.random() < 1 / 3:
            is_first = self.dice.random() < self.rates.first_contacts
            self.others.append(replace(patient, person=other, is_first_contact=is_first, at=there, lookalikes=[]))

    def _person(self) -> Person:
        d = self.dice
        self._count += 1
        sex = d.choice(("female", "male"))
        return Person(
            key=self._count,
            family=d.choice(FAMILIES) + d.choice(("", "", "", "-" + d.choice(FAMILIES))),
            given=tuple(d.sample(GIVEN[sex], d.choice((1, 2)))),
            sex=sex,
            born=date(1935, 1, 1) + timedelta(days=d.randrange(22000)),
            street=f"{d.randint(1, 9899)} {d.choice(STREETS)} Street",
            postal_code=f"5{self._digits(4)}",
            telephone=f"262-{d.randint(200, 999)}-{self._digits(4)}",
            citizen=f"{self._digits(3)}-{self._digits(2)}-{self._digits(4)}",
        )

    def _twin(self, person: Person) -> Person:
        """Born on the same day, of one sex, under one name and roof."""
        other = self._relative(person)
        given = self.dice.choice([name for name in GIVEN[person.sex] if name not in person.given])
        return replace(other, given=(given,), sex=person.sex, born=person.born)

    def _relative(self, person: Person) -> Person:
        """One in five is called by the same name: a parent or a child."""
        other = self._person()
        if self.dice.random() < 1 / 5:
            other = replace(other, given=person.given, sex=person.sex)
        return replace(
            other,
            family=person.family,
            street=person.street,
            postal_code=person.postal_code,
            telephone=person.telephone,
            policy=person.policy,
        )

    def _register(self, person: Person, place: str) -> Registration:
        d = self.dice
        made = Registration(
            person=person.key,
            place=place,
            number=f"{place[0].upper()}{self._digits(7)}",
            family=person.family,
            given=person.given,
            sex=person.sex,
            born=person.born,
            street=person.street,
            postal_code=person.postal_code,
            telephone=person.telephone,
            citizen=person.citizen,
            policy=person.policy,
            policy_is_typed=d.random() < 0.5,
        )
        return self._mistyped(made) if d.random() < self.rates.typing_errors else made

    def _mistyped(self, made: Registration) -> Registration:
        match self.dice.choice(("family", "given", "born", "day", "sex")):
            case "family":
                return replace(made, family=self._slip(made.family))
            case "given":
                return replace(made, given=(self._slip(made.given[0]), *made.given[1:]))
            case "born":
                return replace(made, born=made.born.replace(year=made.born.year + self.dice.choice((-10, -1, 1, 10))))
            case "day":
                return replace(made, born=made.born + timedelta(days=self.dice.choice((-9, -1, 1, 9))))
            case _:
                return replace(made, sex="male" if made.sex == "female" else "female")

    def _slip(self, text: str) -> str:
        at = self.dice.randrange(len(text) - 1)
        swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        return swapped if self.dice.random() < 0.5 else text[:at] + text[at + 1 :]

    def _digits(self, count: int) -> str:
        return "".join(self.dice.choices("0123456789", k=count))

    def referred_by(self, patient: Patient) -> dict[str, str]:
        """The numbers that the referral carries, by place: the office's copies of others' may be mistyped."""
        numbers = {patient.office: patient.at[patient.office].number}
        if not patient.is_first_contact:
            for place in patient.places[1:]:
                number = patient.at[place].number
                numbers[place] = self._slip(number) if self.dice.random() < self.rates.typing_errors else number
        return numbers

    def count_of_documents(self) -> int:
        """Notes and reports of one patient at the referring office."""
        return self.dice.randint(3, 12)

    def count_of_studies(self) -> int:
        return self.dice.randint(1, 3)

    def message(self, registration: Registration) -> Message:
        """What is written of somebody this time."""
        number, given = registration.number, registration.given
        born: date | None = registration.born
        if self.dice.random() < self.rates.junk_numbers:
            number = self.dice.choice(TYPED_FOR_NOTHING)
            born = self.dice.choice((born, born, born, *BORN_FOR_NOTHING))
        if self.dice.random() < self.rates.sparse:
            given, born = self.dice.choice((((given[0][0],), born), (given, None)))
        return Message(registration=registration, number=number, given=given, born=born)

    def messages(self, patient: Patient, place: str) -> Iterator[Message]:
        """What a place's feed brings while a case is open: the patient's reports among others'."""
        for _ in range(self.dice.randint(1, 5)):
            yield self.message(patient.at[place])
            if self.dice.random() < self.rates.strangers:
                yield self.message(self._register(self._person(), place))
        yield from (self.message(one) for one in patient.lookalikes if one.place == place)
