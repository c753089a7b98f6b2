"""A report with a form and results: people read both, and what is void or not there is said and nowhere else."""

import base64
import json
from typing import Any

import pytest

from tests.kit.fhir_reading import A_PDF, a_result, bundle, found_at, one_of, push_of, read_files, read_push
from tests.kit.held_samples import a_source, answers_of
from tests.kit.scripted_fhir import Said, a_patient, a_reference, a_report
from transfer.adapters.fhir.results import MOST_RESULTS, report_beside
from transfer.adapters.packet import narrative
from transfer.adapters.packet.narrative import Embedded
from transfer.errors import TurnedAway, Unavailable
from transfer.media_types import FHIR_JSON, PDF

FORM = {"contentType": PDF, "title": "Form", "data": base64.b64encode(A_PDF).decode()}


def a_formed(*references: str, **said: Any) -> dict[str, Any]:
    subject = {"subject": {"reference": "urn:uuid:9"}}
    return a_report("9", presentedForm=[FORM], result=[{"reference": each} for each in references], **subject, **said)


def sheet_of(body: bytes, content_type: str = FHIR_JSON) -> str:
    found = narrative.blocks(content_type, body)
    assert found is not None
    said = [*narrative.lines(found), *(one.text for one in found if isinstance(one, narrative.Remark))]
    return "\n".join(said)


def pushed(report: dict[str, Any], *results: dict[str, Any]) -> tuple[list[str], str, bytes]:
    """The types of its files, what people read of what stands beside the form, and that as it is."""
    files = read_push(push_of(report, *results)).files
    assert [one.is_beside for one in files] == [False, True]
    return [one.content_type for one in files], sheet_of(files[1].content), files[1].content


RESULT = a_result(
    "a",
    valueQuantity={"value": 7.25, "unit": "ng/mL"},
    interpretation=[
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": "H"}]}
    ],
    referenceRange=[{"low": {"value": 0}, "high": {"value": 5}}],
    note=[{"text": "Haemolysed."}],
)


def test_results_beside_a_form_are_read_with_unit_flag_range_status_and_note():
    types, said, body = pushed(a_formed("urn:uuid:a"), {**RESULT, "status": "corrected"})

    assert types == [PDF, FHIR_JSON]
    for word in ("CEA", "7.25", "ng/mL", "High", "0 – 5", "Corrected", "Haemolysed."):
        assert word in said
    assert FORM["data"].encode() not in body


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"conclusion": "HER2 equivocal; FISH follows."}, "HER2 equivocal"),
        ({"conclusionCode": [{"text": "Adenocarcinoma"}]}, "Adenocarcinoma"),
        ({"text": {"status": "additional", "div": "<div><p>Addendum: MSI-high</p></div>"}}, "MSI-high"),
        ({"text": {"status": "generated", "div": "<div><p>Margins free</p></div>"}}, "Margins free"),
        ({"contained": [{**RESULT, "id": "c"}], "result": [{"reference": "#c"}]}, "7.25"),
    ],
)
def test_so_is_all_else_that_a_report_says_beside_its_form(said: dict[str, Any], word: str):
    assert word in pushed({**a_formed(), **said})[1]


def test_a_form_alone_stays_alone():
    assert len(read_push(push_of({**a_formed(), "result": []})).files) == 1
    text = {"status": "generated", "div": "<div>Pathology report, current</div>"}
    alone = a_reference("1", content=[{"attachment": FORM}], text=text)
    assert len(read_push(bundle(alone, a_patient())).files) == 1


def test_a_text_that_adds_to_a_reference_is_read():
    text = {"status": "additional", "div": "<div>Second reading: no change</div>"}
    files = read_push(bundle(a_reference("1", content=[{"attachment": FORM}], text=text), a_patient())).files

    assert [one.is_beside for one in files] == [False, True]
    assert "no change" in sheet_of(files[1].content)
    assert FORM["data"].encode() not in files[1].content


@pytest.mark.parametrize("where", ["beside", "contained", "without a form"])
def test_a_result_entered_in_error_leaves_nothing_but_that(where: str):
    void = {**RESULT, "status": "entered-in-error", "valueQuantity": {"value": 99123}, "code": {"text": "Wrong test"}}
    if where == "contained":
        report, along = {**a_formed("#a", "urn:uuid:b"), "contained": [void]}, []
    else:
        report, along = a_formed("urn:uuid:a", "urn:uuid:b"), [void]
    if where == "without a form":
        report = {name: value for name, value in report.items() if name != "presentedForm"}
    body = read_push(push_of(report, *along, {**RESULT, "id": "b"})).files[-1].content

    assert b"99123" not in body
    assert b"Wrong test" not in body
    said = sheet_of(body)
    assert "1 result that the source entered in error" in said
    assert "7.25" in said


def test_a_result_that_is_not_there_or_anothers_is_counted_and_the_form_comes():
    another = a_result("b", valueString="Somebody else's", subject={"reference": "Patient/another"})
    _, said, body = pushed(a_formed("urn:uuid:a", "urn:uuid:b", "urn:uuid:lost"), RESULT, another)

    assert "2 results named in the report and not in the file" in said
    assert "7.25" in said
    assert b"Somebody else" not in body


# --- at a source ------------------------------------------------------------------------------------------------------


def a_formed_source() -> dict[str, Any]:
    sample = a_source("form-with-title-only")
    sample["DiagnosticReport"][0]["presentedForm"] = [FORM]
    return sample


def test_results_beside_a_form_are_fetched_once_more_each_time(office, source):
    office.answers = answers_of(a_formed_source())
    found = one_of(found_at(source), "-s")
    (form, _, _), (body, content_type, flaws) = read_files(found)

    assert form == A_PDF
    assert (content_type, flaws) == (FHIR_JSON, set())
    assert [entry["resource"]["resourceType"] for entry in json.loads(body)["entry"]] == [
        "DiagnosticReport",
        "Observation",
    ]
    assert found.version is None


def test_a_conclusion_beside_a_form_is_not_read_again(office, source):
    sample = a_formed_source()
    sample["DiagnosticReport"][0] |= {"result": [], "conclusion": "No malignancy."}
    office.answers = answers_of(sample)
    found = one_of(found_at(source), "-s")

    assert found.version
    assert b"No malignancy." in read_files(found)[1][0]


@pytest.mark.parametrize(
    "lost",
    [
        {"reference": "Observation/01234567-lost"},
        {"reference": "https://elsewhere.example/fhir/Observation/1"},
        {"display": "CEA"},
    ],
)
def test_a_result_that_cannot_be_had_keeps_no_form_back(office, source, lost):
    sample = a_formed_source()
    sample["DiagnosticReport"][0]["result"].append(lost)
    office.answers = answers_of(sample)
    (form, *_), (body, *_) = read_files(one_of(found_at(source), "-s"))

    assert form == A_PDF
    assert "1 result named in the report and not in the file" in sheet_of(body)


def test_a_source_that_gives_no_result_now_is_asked_again(office, source):
    answers = answers_of(a_formed_source(), offers_include=False)
    office.answers = lambda asked: Said(503) if "Observation/" in asked.path else answers(asked)

    with pytest.raises(Unavailable):
        read_files(one_of(found_at(source), "-s"))


def test_a_report_told_of_twice_has_its_results_beside_the_one_form(office, source):
    sample = a_formed_source()
    url = f"{office.base}/Binary/form"
    sample["DiagnosticReport"][0]["presentedForm"] = [{"contentType": PDF, "url": url}]
    number = sample["DiagnosticReport"][0]["subject"]["reference"].partition("/")[2]
    sample["DocumentReference"] = [a_reference("twice", url=url, subject={"reference": f"Patient/{number}"})]
    answers = answers_of(sample)
    office.answers = lambda asked: Said(body=A_PDF, content_type=PDF) if "Binary" in asked.path else answers(asked)
    found = one_of(found_at(source), "-s")

    assert len(found.sources) == 2
    assert [one.is_beside for one in found.files] == [False, True]
    assert found.version is None


# --- files within a resource ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Binary", "contentType": PDF, "data": FORM["data"]},
        a_reference("1", content=[{"attachment": FORM}]),
        a_report("1", presentedForm=[FORM], conclusion="No malignancy."),
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": a_report("1", presentedForm=[FORM])}]},
        {
            "resourceType": "Bundle",
            "type": "document",
            "entry": [
                {"resource": {"resourceType": "Composition", "title": "Letter", "section": [{"title": "Finding"}]}},
                {"resource": a_reference("1", content=[{"attachment": FORM}])},
            ],
        },
    ],
)
def test_a_file_within_a_resource_is_shown(resource: dict[str, Any]):
    found = narrative.blocks(FHIR_JSON, json.dumps(resource).encode()) or []

    assert [one.data for one in found if isinstance(one, Embedded)] == [A_PDF]
    if resource["resourceType"] == "DiagnosticReport":
        assert "No malignancy." in "\n".join(narrative.lines(found))


def test_results_that_cannot_be_had_are_asked_for_in_bounds_and_once():
    asked: list[str] = []

    def follow(reference: str) -> dict[str, Any]:
        asked.append(reference)
        raise TurnedAway("no")

    references = [f"Observation/{number % 1_000}" for number in range(3_000)]
    report_beside(a_formed(*references), follow)

    assert len(asked) == len({*asked}) == MOST_RESULTS
