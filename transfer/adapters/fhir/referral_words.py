"""What a referral says for people: the diagnosis with its code and stage, and the person who refers.

Any of it may be absent, and nothing is decided by it.
https://hl7.org/fhir/R4/servicerequest.html · https://hl7.org/fhir/R4/condition-definitions.html#Condition.stage
"""

from collections.abc import Callable, Iterator
from typing import Final

from transfer.adapters.fhir.codes import ICD_10_CM, SNOMED, coding_of
from transfer.adapters.fhir.identities import Resources
from transfer.adapters.fhir.trees import Tree, child, children, codings, text, texts, type_of
from transfer.adapters.loinc import LOINC
from transfer.institutions import Institution
from transfer.records import Coding

DiseaseOf = Callable[[Coding], str | None]

#: stage group, clinical, pathological and other (https://loinc.org/21908-9, 21902-2, 21914-7)
_STAGES: Final = frozenset({"21908-9", "21902-2", "21914-7"})
_SYSTEMS: Final = {ICD_10_CM: "ICD-10-CM ", "http://hl7.org/fhir/sid/icd-10": "ICD-10 ", SNOMED: "SNOMED CT "}
_MOST: Final = 300


def diagnosis(order: Tree, resources: Resources, institution: Institution, disease: DiseaseOf) -> str | None:
    """The diagnosis the referral is for, in words; None where it says none."""
    conditions = [one for one in _referred(order, "reasonReference", resources) if type_of(one) == "Condition"]
    named = [(text(coding, "display"), coding) for coding in codings(*children(order, "reasonCode"))]
    # the text of a reason is the question, that of a condition is its name
    named += [
        (text(coding, "display") or text(one, "code", "text"), coding)
        for one in conditions
        for coding in codings(child(one, "code"))
    ]
    known = [one for one in named if disease(coding_of(one[1], institution))]
    words, coding = next(iter(known or named), (next((text(one, "code", "text") for one in conditions), None), {}))
    code = text(coding, "code")
    number = f"{_SYSTEMS.get(text(coding, 'system') or '', '')}{code}" if code else ""
    stage = next(_stages(order, conditions, resources), "")
    return _joined(f"{words} ({number})" if words and number else words or number, _staged(stage))


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
    return _joined(name or (text(person_reference, "display") if is_person else None), _called(telephone))


def _referred(order: Tree, field: str, resources: Resources) -> Iterator[Tree]:
    return (resources.follow(reference) for reference in children(order, field))


def _stages(order: Tree, conditions: list[Tree], resources: Resources) -> Iterator[str]:
    """Of the condition itself first, then of observations that the referral points to."""
    for condition in conditions:
        for stage in children(condition, "stage"):
            yield from _words(child(stage, "summary"))
    for one in _referred(order, "supportingInfo", resources):
        said = {text(coding, "code") for coding in codings(child(one, "code")) if text(coding, "system") == LOINC}
        if type_of(one) == "Observation" and said & _STAGES:
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


def _staged(stage: str) -> str:
    return stage if not stage or "stage" in stage.lower() else f"stage {stage}"


def _called(telephone: str | None) -> str | None:
    return f"telephone {telephone}" if telephone else None


def _joined(*parts: str | None) -> str | None:
    return ", ".join(" ".join(part.split()) for part in parts if part)[:_MOST] or None
