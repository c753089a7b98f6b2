"""Results in FHIR as a sheet: every word and digit of them, beside what it belongs to."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.scripted_fhir import a_report
from transfer.adapters.fhir import sheets
from transfer.adapters.fhir.results import report_beside, whole_report
from transfer.adapters.fhir.trees import parse
from transfer.adapters.hl7v2.sheet import Detail, ResultSheet, SheetLine
from transfer.errors import TransferError, Unexpected, Unreadable

INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


def result_sheet(body: bytes) -> ResultSheet:
    return sheets.result_sheet(sheets.resource_tree(body))


def a_result(number: str = "1", **said: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": number, "status": "final", "code": {"text": "CEA"}, **said}


def the_lines(*results: dict[str, Any], **said: Any) -> tuple[SheetLine, ...]:
    report = a_report("9", result=[{"reference": f"Observation/{each['id']}"} for each in results], **said)
    held = {f"Observation/{each['id']}": each for each in results}
    (section,) = result_sheet(whole_report(report, held.__getitem__)).sections
    return section.lines


def the_line(**said: Any) -> SheetLine:
    (line,) = the_lines(a_result(**said))
    return line


def test_a_result_stands_with_unit_range_flag_status_day_and_remarks():
    line = the_line(
        valueQuantity={"value": 7.2, "unit": "ng/mL", "comparator": ">"},
        referenceRange=[{"low": {"value": 0}, "high": {"value": 5, "unit": "ng/mL"}}],
        interpretation=[{"coding": [{"system": INTERPRETATION, "code": "H"}]}],
        status="corrected",
        effectiveDateTime="2026-02-01T10:05:00-06:00",
        method={"text": "Immunoassay"},
        note=[{"text": "Repeated."}],
    )

    assert line == SheetLine(
        name="CEA",
        value=(">7.2",),
        unit="ng/mL",
        range="0 – 5 ng/mL",
        flags=("High (H)",),
        status="Corrected",
        at="2026-02-01 10:05 -06:00",
        details=(Detail("Method", "Immunoassay"),),
        notes=("Repeated.",),
    )


@pytest.mark.parametrize(
    ("whose", "range_"),
    [
        ({}, "0 – 5"),
        ({"type": {"text": "Normal"}}, "Normal: 0 – 5"),
        ({"appliesTo": [{"text": "Female"}]}, "Female: 0 – 5"),
        ({"age": {"low": {"value": 18, "unit": "years"}}}, "age ≥ 18 years: 0 – 5"),
        (
            {"type": {"text": "Normal"}, "appliesTo": [{"text": "Female"}, {"text": "smoker"}]},
            "Normal, Female, smoker: 0 – 5",
        ),
    ],
    ids=["everybody", "its kind", "a sex", "an age", "several"],
)
def test_a_range_says_for_whom_it_is(whose: dict[str, object], range_: str):
    said = {"low": {"value": 0}, "high": {"value": 5}, **whose}

    assert the_line(valueString="x", referenceRange=[said]).range == range_


def test_a_number_keeps_the_digits_it_came_with():
    body = whole_report(
        a_report("9", result=[{"reference": "Observation/1"}]),
        lambda _: parse(b'{"resourceType":"Observation","status":"final","id":"1","code":{"text":"x"},'
                        b'"valueQuantity":{"value":7.250}}'),
    )  # fmt: skip

    assert result_sheet(body).sections[0].lines[0].value == ("7.250",)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ({"valueString": "one\ntwo"}, ("one", "two")),
        ({"valueCodeableConcept": {"coding": [{"code": "260385009", "display": "Negative"}]}}, ("Negative",)),
        ({"valueCodeableConcept": {"text": "MSI-high"}}, ("MSI-high",)),
        ({"valueBoolean": False}, ("No",)),
        ({"valueInteger": 0}, ("0",)),
        ({"valueRange": {"low": {"value": 1}, "high": {"value": 3, "unit": "%"}}}, ("1 – 3 %",)),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, ("1 : 128",)),
        ({"valueDateTime": "2026-02-01"}, ("2026-02-01",)),
        ({"valuePeriod": {"start": "2026-02-01", "end": "2026-02-03"}}, ("2026-02-01 – 2026-02-03",)),
        ({"valueTime": "10:00:00"}, ("10:00:00",)),
        ({"valueSampledData": {"dimensions": 1}}, ("A value that is not shown here; it is in the file itself.",)),
        ({"dataAbsentReason": {"coding": [{"code": "unknown", "display": "Unknown"}]}}, ("No value: Unknown",)),
        ({}, ("No value",)),
    ],
)
def test_every_kind_of_value_is_said(said: dict[str, Any], value: tuple[str, ...]):
    assert the_line(**said).value == value


def test_parts_of_a_result_and_members_of_a_panel_are_lines_of_their_own():
    parts = [
        {"code": {"text": "Gleason primary"}, "valueInteger": 4},
        {"code": {"text": "secondary"}, "valueInteger": 3},
    ]
    assert [(line.name, line.value) for line in the_lines(a_result(component=parts))] == [
        ("CEA: Gleason primary", ("4",)),
        ("CEA: secondary", ("3",)),
    ]
    panel = a_result("p", code={"text": "Panel"}, hasMember=[{"reference": "Observation/m"}])
    member = a_result("m", valueInteger=1)
    held = {"Observation/p": panel, "Observation/m": member}
    report = a_report("9", result=[{"reference": "Observation/p"}])
    (section,) = result_sheet(whole_report(report, held.__getitem__)).sections
    assert [(line.name, line.value) for line in section.lines] == [("Panel: CEA", ("1",))]


def test_results_that_are_named_by_a_whole_address_or_contained_are_found():
    result = a_result(valueInteger=5)
    for reference in ("urn:uuid:7", "https://office.example/fhir/Observation/1"):
        report = a_report("9", result=[{"reference": reference}])
        assert result_sheet(whole_report(report, lambda _: result)).sections[0].lines[0].value == ("5",)
    contained = a_report("9", contained=[result], result=[{"reference": "#1"}])
    assert result_sheet(whole_report(contained, {}.__getitem__)).sections[0].lines[0].value == ("5",)


def test_what_is_entered_in_error_is_left_out_and_counted():
    report = a_report("9", result=[{"reference": "Observation/1"}, {"reference": "Observation/2"}])
    held = {"Observation/1": a_result("1", valueInteger=5, status="entered-in-error"), "Observation/2": a_result("2")}

    sheet = result_sheet(whole_report(report, held.__getitem__))

    assert len(sheet.sections[0].lines) == 1
    assert sheet.notices == ("Left out: 1 result that the source entered in error.",)


def test_what_a_report_names_and_the_file_lacks_is_counted():
    named = [{"reference": reference} for reference in ("Observation/1", "Observation/2", "#gone", "Patient/3")]
    panel = a_result("1", valueInteger=5, hasMember=[{"reference": "Observation/4"}])
    report = a_report("9", result=named)
    entries = [{"resource": report}, {"resource": panel}, {"resource": {"resourceType": "Patient", "id": "3"}}]

    sheet = result_sheet(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode())

    assert len(sheet.sections[0].lines) == 1
    assert sheet.notices == ("Left out: 4 results named in the report and not in the file.",)


def test_panels_within_panels_beyond_the_bound_are_counted():
    results = [a_result(str(n), hasMember=[{"reference": f"Observation/{n + 1}"}]) for n in range(12)]
    report = a_report("9", result=[{"reference": "Observation/0"}])
    entries = [{"resource": each} for each in (report, *results)]

    sheet = result_sheet(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode())

    assert "Left out: 1 result in too many panels within panels." in sheet.notices


def about(reference: str, *numbers: str) -> dict[str, Any]:
    """Whom a resource is about: a patient within it under `#p`, or one of the source's."""
    said = [{"system": "urn:oid:1.2", "value": number} for number in numbers]
    if reference != "#p":
        return {"subject": {"reference": reference, **({"identifier": said[0]} if said else {})}}
    return {"subject": {"reference": "#p"}, "contained": [{"resourceType": "Patient", "id": "p", "identifier": said}]}


@pytest.mark.parametrize(
    ("ours", "theirs", "is_of_one"),
    [
        (about("#p", "7"), about("#p", "7"), True),
        (about("#p", "7"), about("#p", "8"), False),
        (about("#p", "7"), about("Patient/1", "7"), True),
        (about("#p", "7"), about("Patient/1", "8"), False),
        (about("Patient/1", "7"), about("#p", "8", "7"), True),
        (about("Patient/1"), about("#p", "7"), False),
        (about("#p", "7"), {}, True),
    ],
)
def test_a_patient_within_a_resource_is_known_by_number(ours: dict[str, Any], theirs: dict[str, Any], is_of_one: bool):
    report = a_report("9", result=[{"reference": "Observation/1"}], **ours)
    result = a_result("1", valueInteger=5, **theirs)

    if is_of_one:
        assert whole_report(report, lambda _: result)
        return
    with pytest.raises(Unexpected):
        whole_report(report, lambda _: result)


def test_a_report_says_its_number_status_and_conclusion():
    report = a_report("9", conclusion="No malignancy.", status="amended", subject={"display": "Quillfeather, Odalys"})

    sheet = result_sheet(whole_report(report, {}.__getitem__))

    assert sheet.details == (Detail("Patient", "Quillfeather, Odalys"),)
    assert {Detail("Report", "rep-9"), Detail("Status", "Amended")} <= set(sheet.sections[0].details)
    assert sheet.sections[0].notes == ("No malignancy.",)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"x", b'{"resourceType":"Patient"}', b'{"resourceType":"Bundle"}'])
def test_what_has_no_result_is_no_sheet(body: bytes):
    with pytest.raises(Unreadable):
        result_sheet(body)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
ELEMENTS = [
    *("value", "component", "hasMember", "code", "interpretation", "referenceRange", "note", "valueQuantity"),
    *(
        "valueRange",
        "valueString",
        "valueCodeableConcept",
        "effectivePeriod",
        "result",
        "performer",
        "status",
        "subject",
    ),
]


@given(st.dictionaries(st.sampled_from(ELEMENTS), ANYTHING), st.dictionaries(st.sampled_from(ELEMENTS), ANYTHING))
def test_any_result_is_set_out_or_refused_and_never_crashes(result: dict[str, Any], report: dict[str, Any]):
    result |= {"resourceType": "Observation", "id": "1"}
    report |= {"resourceType": "DiagnosticReport", "result": [{"reference": "Observation/1"}, report.get("result")]}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": report}, {"resource": result}]}
    try:
        sheet = result_sheet(json.dumps(bundle).encode())
    except TransferError:
        return
    assert any(section.lines for section in sheet.sections) or any("Left out" in one for one in sheet.notices)


@pytest.mark.parametrize("theirs", ["Patient/2/_history/3", "Patient/2", "https://office.example/Patient/2/_history/3"])
def test_a_result_of_another_patient_is_none_of_the_report_whatever_version_is_named(theirs: str):
    report = a_report(
        "9", subject={"reference": "Patient/1/_history/3"}, result=[{"reference": "Observation/1"}]
    )  # fmt: skip
    result = a_result("1", subject={"reference": theirs})

    with pytest.raises(Unexpected):
        whole_report(report, lambda _: result)


def test_a_contained_result_of_another_patient_is_none_of_the_report_and_none_that_stands_beside_a_form():
    theirs = a_result("1", subject={"reference": "Patient/2"}, valueString="Somebody else's")
    ours = a_result("2", subject={"reference": "Patient/1"}, valueString="Her own")
    named = [{"reference": "#1"}, {"reference": "#2"}]
    report = a_report("9", subject={"reference": "Patient/1"}, result=named, contained=[theirs, ours])

    with pytest.raises(Unexpected):
        whole_report(report, lambda _: {})
    sheet = result_sheet(report_beside(report, lambda _: {}))
    assert [line.value for section in sheet.sections for line in section.lines] == [("Her own",)]
    assert any("1 result" in one for one in sheet.notices)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("Patient/1/_history/3", "Patient/1"), ("Patient/1", "Patient/1/_history/3")]
)
def test_a_result_of_the_same_patient_is_one_whatever_version_is_named(ours: str, theirs: str):
    report = a_report("9", subject={"reference": ours}, result=[{"reference": "Observation/1"}])
    result = a_result("1", subject={"reference": theirs}, valueInteger=5)

    assert result_sheet(whole_report(report, lambda _: result)).sections[0].lines[0].value == ("5",)


def test_a_result_that_does_not_say_what_was_measured_is_shown_as_such():
    part = {"valueString": "negative"}

    assert [line.name for line in the_lines(a_result(code={}, valueString="5", component=[part]))] == [
        "Test without a name",
        "Test without a name: Test without a name",
    ]
