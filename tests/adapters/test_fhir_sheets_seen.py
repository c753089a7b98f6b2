"""What results in FHIR say where servers say it otherwise than most: each word stands on the sheet."""

import json
from typing import Any

import pytest

from transfer.adapters.packet import narrative

ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


def words(*resources: dict[str, Any]) -> str:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
    return "\n".join(narrative.lines(narrative.blocks("application/fhir+json", json.dumps(bundle).encode()) or []))


def a_result(**said: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": "1", "status": "final", "code": {"text": "CEA"}, **said}


def a_report(**said: Any) -> dict[str, Any]:
    return {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "Laboratory"}, **said}


def within(**resource: Any) -> dict[str, Any]:
    return {"contained": [{"id": "c", **resource}]}


HERE = {"reference": "#c"}


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"valueSampledData": {"origin": {"value": 0, "unit": "mV"}, "data": "1 2 E 5"}}, "1 2 E 5 mV"),
        ({"valueTime": "12:30:00"}, "12:30:00"),
        ({"valueDateTime": "2026-09"}, "2026-09"),
        ({"valueInteger": 0}, "Value: 0"),
        ({"valueBoolean": False}, "Value: No"),
        ({"valueQuantity": {"value": 0, "code": "mm"}}, "Unit: mm"),
        ({"valueQuantity": {"unit": "mg", **ABSENT}}, "No value: masked"),
        ({"_valueString": ABSENT}, "No value: masked"),
        ({"valueCodeableConcept": {"extension": [{"url": "urn:x", "valueString": "At 3 o'clock"}]}}, "At 3 o'clock"),
        ({"valueRatio": {"numerator": {"value": 1, "comparator": "<"}, "denominator": {"value": 40}}}, "<1 : 40"),
        ({"valuePeriod": {"start": "2026-01-01"}}, "2026-01-01"),
        ({"valueAttachment": {"contentType": "image/png", "title": "Gel", "url": "http://x/y"}}, "Gel: http://x/y"),
        ({"valueAttachment": {"contentType": "image/png", "title": "Gel", "data": "AAAA"}}, "Gel, which follows"),
        ({"valueReference": {"reference": "MolecularSequence/1", "display": "Sequence 7"}}, "Sequence 7"),
        ({"dataAbsentReason": {"text": "Specimen lost"}}, "No value: Specimen lost"),
        ({"valueString": "5", "dataAbsentReason": {"text": "Haemolysed"}}, "No value because: Haemolysed"),
        ({"valueString": "x", "interpretation": [{"text": "Critical!"}]}, "Critical!"),
        ({"valueString": "x", "referenceRange": [{"high": {"value": 4}, "text": "adult"}]}, "adult, ≤ 4"),
        ({"valueString": "x", "referenceRange": [{"high": {"value": 4}, "text": "up to 4"}]}, "Range: up to 4;"),
        ({"valueString": "x", "referenceRange": [{"normalValue": {"text": "Negative"}}]}, "Range: Negative"),
        ({"component": [{"code": {"text": "Grade"}, "_valueString": ABSENT}]}, "CEA: Grade; Value: No value: masked"),
        (
            {"valueString": "x", "note": [{"authorString": "Dr Roe", "time": "2026-09-02", "text": "Seen"}]},
            "Dr Roe, 2026-09-02: Seen",
        ),
        ({"valueString": "x", "extension": [{"url": "urn:x", "valueMarkdown": "**Seen**"}]}, "**Seen**"),
        ({"text": {"status": "generated", "div": "<div>Margins &lt; 1 mm</div>"}}, "Margins < 1 mm"),
        (
            {
                "valueString": "x",
                "specimen": HERE,
                **within(
                    resourceType="Specimen",
                    type={"text": "Core"},
                    collection={"bodySite": {"text": "Liver"}},
                    note=[{"text": "Fragmented"}],
                ),
            },
            "Specimen: Core, Liver, Fragmented",
        ),
        (
            {
                "valueString": "x",
                "performer": [HERE],
                **within(resourceType="Practitioner", name=[{"family": "Roe", "given": ["Ann"]}]),
            },
            "Performed by: Ann Roe",
        ),
    ],
)
def test_each_word_of_a_result_is_read(said: dict[str, Any], word: str):
    assert word in words(a_report(result=[{"reference": "Observation/1"}]), a_result(**said))


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"note": [{"text": "Of R5"}]}, "Of R5"),
        ({"conclusionCode": [{"concept": {"text": "Adenocarcinoma"}}]}, "Adenocarcinoma"),
        ({"supportingInfo": [{"reference": {"display": "Earlier biopsy"}}]}, "See also: Earlier biopsy"),
        ({"media": [{"comment": "Figure A"}, {"comment": "Figure B"}]}, "Pictures: Figure A; Figure B"),
        ({"imagingStudy": [{"display": "CT chest 2026"}]}, "Images: CT chest 2026"),
        (
            {"specimen": [HERE], **within(resourceType="Specimen", type={"text": "Core biopsy"})},
            "Specimen: Core biopsy",
        ),
        ({"performer": [HERE], **within(resourceType="Organization", name="Lake Lab")}, "Performed by: Lake Lab"),
        ({"result": [{"display": "CEA 5 ng/mL"}]}, "CEA 5 ng/mL"),
    ],
)
def test_each_word_of_a_report_is_read(said: dict[str, Any], word: str):
    assert word in words(a_report(**said))
