"""What a referral says for people: diagnosis, stage, who refers. Either language; any of it may be absent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.scripted_fhir import ALL, LAKESIDE, a_referral, as_bytes
from transfer.adapters.fhir import inbound
from transfer.adapters.fhir.identities import Resources
from transfer.adapters.fhir.referral_words import diagnosis, referrer
from transfer.adapters.hl7v2 import referral_words
from transfer.adapters.hl7v2.message import Message

ICD, SCT = "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct"
COLON = {"system": ICD, "code": "C18.7", "display": "Malignant neoplasm of sigmoid colon"}


def condition(**said):
    return {"resourceType": "Condition", "id": "c", "code": {"coding": [COLON]}, **said}


def stage_observation(code="21902-2", **value):
    return {
        "resourceType": "Observation",
        "id": "o",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "valueCodeableConcept": value,
    }


REFERENCED = {"reasonCode": [], "reasonReference": [{"reference": "#c"}]}
WORDS = [
    ({"reasonCode": [{"coding": [COLON]}]}, "Malignant neoplasm of sigmoid colon (ICD-10-CM C18.7)"),
    ({"reasonCode": [{"coding": [{"system": ICD, "code": "C18.7"}]}]}, "ICD-10-CM C18.7"),
    (
        {"reasonCode": [{"coding": [{"system": ICD, "code": "I10"}, COLON]}]},
        "Malignant neoplasm of sigmoid colon (ICD-10-CM C18.7)",
    ),
    ({"reasonCode": [{"coding": [{"system": SCT, "code": "363406005"}]}]}, "SNOMED CT 363406005"),
    ({"reasonCode": [{"text": "Is more chemotherapy of use?"}]}, None),
    ({"reasonCode": []}, None),
    (
        {**REFERENCED, "contained": [condition(stage=[{"summary": {"text": "IIIB"}}])]},
        "Malignant neoplasm of sigmoid colon (ICD-10-CM C18.7), stage IIIB",
    ),
    (
        {
            **REFERENCED,
            "contained": [condition(stage=[{"summary": {"coding": [{"code": "x", "display": "Stage 3"}]}}])],
        },
        "Malignant neoplasm of sigmoid colon (ICD-10-CM C18.7), Stage 3",
    ),
    ({**REFERENCED, "contained": [condition(code={"text": "Colon cancer"})]}, "Colon cancer"),
    (
        {
            "reasonCode": [{"coding": [COLON]}],
            "supportingInfo": [{"reference": "#o"}],
            "contained": [stage_observation(text="IIA")],
        },
        "Malignant neoplasm of sigmoid colon (ICD-10-CM C18.7), stage IIA",
    ),
    (
        {
            "reasonCode": [{"coding": [COLON]}],
            "supportingInfo": [{"reference": "#o"}],
            "contained": [stage_observation("2345-7", text="IIA")],
        },
        "Malignant neoplasm of sigmoid colon (ICD-10-CM C18.7)",
    ),
]


def of_fhir(order):
    return diagnosis(order, Resources.around(order), LAKESIDE)


@pytest.mark.parametrize(("order", "words"), WORDS)
def test_the_diagnosis_of_a_service_request_has_its_code_and_its_stage(order, words):
    assert of_fhir(order) == words


def doctor(**said):
    return {
        "resourceType": "Practitioner",
        "id": "d",
        "name": [{"family": "Ruiz", "given": ["Ana"], "prefix": ["Dr"]}],
        **said,
    }


PHONE = {"system": "phone", "value": "+1 262 555 0142"}
REFERRERS = [
    (
        {"requester": {"reference": "#d"}, "contained": [doctor(telecom=[PHONE])]},
        "Dr Ana Ruiz, telephone +1 262 555 0142",
    ),
    (
        {
            "requester": {"reference": "#r"},
            "contained": [
                doctor(),
                {
                    "resourceType": "PractitionerRole",
                    "id": "r",
                    "practitioner": {"reference": "#d"},
                    "telecom": [PHONE],
                },
            ],
        },
        "Dr Ana Ruiz, telephone +1 262 555 0142",
    ),
    ({"requester": {"reference": "Practitioner/1", "display": "Dr Ruiz"}}, "Dr Ruiz"),
    ({"requester": {"reference": "Organization/1", "display": "Lakeside"}}, None),
    (
        {"requester": {"reference": "#d"}, "contained": [doctor(telecom=[{"system": "fax", "value": "1"}])]},
        "Dr Ana Ruiz",
    ),
    ({}, None),
]


@pytest.mark.parametrize(("order", "words"), REFERRERS)
def test_who_refers_has_a_telephone_where_one_is_said(order, words):
    assert referrer(order, Resources.around(order)) == words


def test_a_referral_at_the_door_says_both():
    order = {"requester": {"reference": "#d"}, "contained": [doctor(telecom=[PHONE])]}
    said = inbound.referral(as_bytes(a_referral(order=order)), LAKESIDE, ALL)

    assert said.referrer == "Dr Ana Ruiz, telephone +1 262 555 0142"
    assert said.diagnosis == "ICD-10-CM C18.7"


def message(*segments):
    return Message("\r".join(("MSH|^~\\&|A|B|C|D|20260105||REF^I12|1|P|2.5.1", *segments)).encode())


def test_a_ref_i12_says_diagnosis_stage_and_who_refers_with_a_telephone():
    said = message(
        "PRD|RT|CONSULT^CARL|||(555)111",
        "PRD|RP^Referring Provider|RUIZ^ANA^M^^DR|||(262)555-0142",
        "DG1|1||I10^Hypertension^I10",
        "DG1|2||C18.7^Malignant neoplasm of sigmoid colon^I10C",
        "OBX|1|CWE|21902-2^Stage group.pathology^LN||IIIB^IIIB^L||||||F",
    )

    assert (
        referral_words.diagnosis(said, LAKESIDE) == "Malignant neoplasm of sigmoid colon (ICD-10-CM C18.7), stage IIIB"
    )
    assert referral_words.referrer(said) == "DR ANA M RUIZ, telephone (262)555-0142"


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        (["DG1|1||C18.7^^I10"], "ICD-10-CM C18.7"),
        (["DG1|1|||Colon cancer"], "Colon cancer"),
        (["DG1|1||363406005^Colon cancer^SCT"], "Colon cancer (SNOMED CT 363406005)"),
        (["OBX|1|ST|2345-7^Glucose^LN||IIIB"], None),
        ([], None),
    ],
)
def test_a_ref_i12_says_no_more_than_it_says(segments, words):
    assert referral_words.diagnosis(message(*segments), LAKESIDE) == words
    assert referral_words.referrer(message(*segments)) is None


FIELDS = ("reasonCode", "reasonReference", "requester", "coding", "code", "display", "text", "stage", "summary")
OTHERS = ("contained", "resourceType", "id", "reference", "supportingInfo", "telecom", "name")
TREES = st.recursive(
    st.none() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS + OTHERS), inner, max_size=4),
    max_leaves=25,
)


@given(TREES)
def test_any_tree_says_something_bounded_or_nothing(tree):
    order = tree if isinstance(tree, dict) else {"reasonCode": tree}
    for words in (of_fhir(order), referrer(order, Resources.around(order))):
        assert words is None or 0 < len(words) <= 300
