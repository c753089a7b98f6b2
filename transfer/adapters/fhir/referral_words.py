"""What a referral says: each diagnosis with its codes, and for people its stage and the person who refers.

Any of it may be absent. The codes pick the checklist; nothing is decided by the words.
https://hl7.org/fhir/R4/servicerequest.html · https://hl7.org/fhir/R4/condition-definitions.html#Condition.stage
"""

from collections.abc import Iterator
from typing import Final

from transfer.adapters.diagnoses import STAGES, by_telephone, diagnosis_of, in_a_line, staged
from transfer.adapters.fhir.codes import coding_of
from transfer.adapters.fhir.identities import Resources
from transfer.adapters.fhir.trees import Tree, child, children, codings, text, texts, type_of
from transfer.adapters.loinc import LOINC
from transfer.diagnoses import Diagnosis, in_words
from transfer.institutions import Institution

_NO_LONGER: Final = frozenset({"refuted", "entered-in-error"})


def diagnoses(order: Tree, resources: Resources, institution: Institution) -> tuple[Diagnosis, ...]:
    """Every diagnosis the referral is for, in its order: reasons by code, then the conditions it points to.

    A condition that was refuted or entered in error is none.
    https://hl7.org/fhir/R4/valueset-condition-ver-status.html
    """
    # the text of a reason is the question, that of a condition is its name
    said = [(reason, "") for reason in children(order, "reasonCode") if codings(reason)]
    said += [(code, text(code, "text") or "") for code in (child(one, "code") for one in _conditions(order, resources))]
    return tuple(_diagnosis(concept, name, institution) for concept, name in said if concept)


def _diagnosis(concept: Tree, name: str, institution: Institution) -> Diagnosis:
    return diagnosis_of([coding_of(coding, institution) for coding in codings(concept)], name)


def diagnosis(order: Tree, resources: Resources, institution: Institution) -> str | None:
    """What the referral is for, in words with its stage; None where it says none."""
    stage = next(_stages(order, _conditions(order, resources), resources), "")
    return in_a_line(in_words(diagnoses(order, resources, institution)), staged(stage))


def referrer(order: Tree, resources: Resources) -> str | None:
    """The person who refers, or nobody by name, and a telephone number of theirs or of their organization."""
    reference = child(order, "requester")
    who = resources.follow(reference)
    role = who if type_of(who) == "PractitionerRole" else {}
    person_reference = child(role, "practitioner") if role else reference
    person = resources.follow(person_reference) if role else who
    name = next(_names(person), None) if type_of(person) == "Practitioner" else None
    is_person = type_of(person) == "Practitioner" or (text(person_reference, "reference") or "").startswith(
        "Practitioner/"
    )
    office = resources.follow(child(role, "organization")) if role else {}
    telephone = next((number for one in (role, person, office) for number in _telephones(one)), None)
    return in_a_line(name or (text(person_reference, "display") if is_person else None), by_telephone(telephone))


def _referred(order: Tree, field: str, resources: Resources) -> Iterator[Tree]:
    return (resources.follow(reference) for reference in children(order, field))


def _conditions(order: Tree, resources: Resources) -> list[Tree]:
    found = [one for one in _referred(order, "reasonReference", resources) if type_of(one) == "Condition"]
    return [one for one in found if not _NO_LONGER & _statuses(one)]


def _statuses(condition: Tree) -> set[str | None]:
    return {text(coding, "code") for coding in codings(child(condition, "verificationStatus"))}


def _stages(order: Tree, conditions: list[Tree], resources: Resources) -> Iterator[str]:
    """Of the condition itself first, then of observations that the referral points to."""
    for condition in conditions:
        for stage in children(condition, "stage"):
            yield from _words(child(stage, "summary"))
    for one in _referred(order, "supportingInfo", resources):
        said = {text(coding, "code") for coding in codings(child(one, "code")) if text(coding, "system") == LOINC}
        if type_of(one) == "Observation" and said & STAGES:
            yield from _words(child(one, "valueCodeableConcept"))


def _words(concept: Tree) -> Iterator[str]:
    said = (text(concept, "text"), *(text(c, "display") or text(c, "code") for c in codings(concept)))
    yield from (words for words in said if words)


def _names(person: Tree) -> Iterator[str]:
    for name in children(person, "name"):
        parts = (*texts(name, "prefix"), *texts(name, "given"), text(name, "family") or "")
        yield text(name, "text") or " ".join(part for part in parts if part)


def _telephones(resource: Tree) -> Iterator[str]:
    for telecom in children(resource, "telecom"):
        if (value := text(telecom, "value")) and text(telecom, "system") == "phone":
            yield value
