"""Security labels wherever they stand: beside the document, around it, inside it. What nobody knows is `UNREAD`."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from transfer.adapters.content_labels import ReadWithin
from transfer.adapters.fhir import inbound
from transfer.adapters.fhir.labels import labels_in
from transfer.adapters.hl7v2.documents import documents
from transfer.institutions import Institution
from transfer.security_labels import (
    KNOWN_LABELS,
    PART_2,
    UNREAD,
    LawInText,
    is_label_aside,
    is_unread,
    read_beside,
    read_label,
    read_markup,
    read_text,
    restricts,
)

SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-"
HIV = {"system": f"{SYSTEM}ActCode", "code": "HIV"}
RESTRICTED = {"system": f"{SYSTEM}Confidentiality", "code": "R"}
ORDINARY = {"system": f"{SYSTEM}Confidentiality", "code": "N"}
TABLE = {"urn:lab|7": "HIV", "|sealed at intake": "PSY", "0177|SPECIAL": "SUD", "OBX-13|LOCK": "R", "0099|STAFF": "N"}


def an_institution(**labels: str) -> Institution:
    return Institution(id="alder", name="Alder", time_zone="UTC", labels=labels)


LAB, MAPPED = an_institution(), an_institution(**TABLE)


# --- one label --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "read"),
    [
        (HIV, {"HIV"}),
        ({"coding": [HIV, RESTRICTED]}, {"HIV", "R"}),
        ({**HIV, "system": "http://hl7.org/fhir/v3/ActCode"}, {"HIV"}),
        ({**HIV, "system": "urn:oid:2.16.840.1.113883.5.4"}, {"HIV"}),
        ({"code": "HIV"}, {"HIV"}),
        ({"system": "urn:lab", "code": "HIV"}, {"HIV"}),
        # an N of theirs may stand for anything
        ({"system": "urn:lab", "code": "N"}, {UNREAD}),
        ({"code": "N"}, {UNREAD}),
        (ORDINARY, {"N"}),
        ({**HIV, "code": "NEWCODE"}, {UNREAD}),
        ({"system": "urn:lab", "code": "7"}, {UNREAD}),
        # text or display alone
        ({"text": "HIV, do not release"}, {UNREAD}),
        ({"coding": [{"display": "HIV/AIDS information sensitivity"}]}, {UNREAD}),
        ({"display": "Sealed at intake"}, {UNREAD}),
        ({"text": "Protected by 42 CFR Part 2"}, {"42CFRPart2"}),
        ({"coding": [{"display": "42 C.F.R. part 2"}]}, {"42CFRPart2"}),
        ({"coding": [ORDINARY], "text": "see 42 CFR part 2"}, {"N", "42CFRPart2"}),
        # codings of one concept are translations
        ({"coding": [{"system": "urn:lab", "code": "7"}, HIV], "text": "HIV"}, {"HIV"}),
        ({}, {UNREAD}),
        ({"extension": [{"url": "urn:x"}]}, {UNREAD}),
        ("HIV", {UNREAD}),
        # words beside a degree that restricts nothing, and say more
        ({"coding": [ORDINARY], "text": "HIV, do not release"}, {"N", UNREAD}),
        ({**ORDINARY, "display": "ask the clinic"}, {"N", UNREAD}),
        ({**ORDINARY, "display": "Normal Confidentiality"}, {"N"}),
        ({"coding": [{**ORDINARY, "display": "normal"}], "text": "N"}, {"N"}),
        ({"coding": [RESTRICTED], "text": "ask the clinic"}, {"R"}),
        # test data, integrity, purposes: one that is not ours limits the use
        ({"system": f"{SYSTEM}ActReason", "code": "HTEST"}, set()),
        ({"system": f"{SYSTEM}ActReason", "code": "TREAT"}, set()),
        ({"system": f"{SYSTEM}ActReason", "code": "HRESCH"}, {UNREAD}),
        ({"system": f"{SYSTEM}ObservationValue", "code": "HRELIABLE"}, set()),
        # codes of other systems: HL7 v2's, SNOMED's, and none that we know in small letters
        ({"system": "http://terminology.hl7.org/CodeSystem/v2-0177", "code": "V"}, {"V"}),
        ({"system": "http://terminology.hl7.org/CodeSystem/v2-0177", "code": "R"}, {"R"}),
        ({"system": "http://terminology.hl7.org/CodeSystem/v2-0177", "code": "AID"}, {UNREAD}),
        ({"system": "http://snomed.info/sct", "code": "86406008"}, {UNREAD}),
        ({**HIV, "code": "hiv"}, {UNREAD}),
        ({"reference": "#label"}, {UNREAD}),
        # a system with its version, with a stroke at its end, in capitals
        ({**ORDINARY, "system": f"{ORDINARY['system']}|2.0.0"}, {"N"}),
        ({**RESTRICTED, "system": f"{RESTRICTED['system']}/"}, {"R"}),
        ({**ORDINARY, "system": ORDINARY["system"].upper()}, {"N"}),
    ],
)
def test_a_label_is_read_or_a_persons(label: object, read: set[str]):
    assert labels_in({"resourceType": "DocumentReference", "securityLabel": [label]}, LAB.labels) == read


INLINE = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"


@pytest.mark.parametrize(
    ("resource", "read"),
    [
        # DS4P: on an element, in the middle of a resource
        ({"note": [{"extension": [{"url": INLINE, "valueCoding": HIV}]}]}, {"HIV"}),
        ({"_status": {"extension": [{"url": INLINE, "valueCodeableConcept": {"text": "sealed"}}]}}, {UNREAD}),
        ({"note": [{"extension": [{"url": INLINE}]}]}, {UNREAD}),
        ({"note": [{"extension": [{"url": f"{INLINE}|1.0.0", "valueCoding": HIV}]}]}, {"HIV"}),
        # among the tags, by HL7's own system, or by words that a person reads
        ({"meta": {"tag": [RESTRICTED, {"system": "urn:x", "code": "imported"}]}}, {"R"}),
        ({"meta": {"tag": [{"system": "urn:x", "code": "HIV"}]}}, {"HIV"}),
        ({"meta": {"tag": [{"code": "hiv"}]}}, {UNREAD}),
        ({"meta": {"tag": [{"system": "urn:x", "code": "7", "display": "Sensitive: behavioral"}]}}, {UNREAD}),
        ({"meta": {"tag": [{"display": "42 CFR Part 2"}]}}, {PART_2}),
        ({"meta": {"tag": [{"display": "Part 2 of the specimen"}]}}, set()),
        ({"meta": {"tag": [{**HIV, "system": f"{HIV['system']}/"}]}}, {"HIV"}),
        ({"meta": {"tag": [{**HIV, "system": f"{HIV['system']}|9.0.0"}]}}, {"HIV"}),
        # in an extension, as a category, in the place that an earlier release has, and in odd shapes
        ({"extension": [{"url": "urn:x:sensitivity", "valueCoding": HIV}]}, {"HIV"}),
        ({"extension": [{"url": "urn:x", "valueCodeableConcept": {"coding": [RESTRICTED]}}]}, {"R"}),
        ({"extension": [{"url": "urn:x:confidentiality", "valueCode": "R"}]}, {"R"}),
        ({"extension": [{"url": "urn:x:confidentiality", "valueString": "sealed"}]}, {UNREAD}),
        ({"meta": {"extension": [{"url": "urn:x", "valueCoding": HIV}]}}, {"HIV"}),
        (
            {"meta": {"security": [{**ORDINARY, "extension": [{"url": "urn:x:basis", "valueCoding": HIV}]}]}},
            {"N", "HIV"},
        ),
        ({"category": [{"coding": [HIV]}]}, {"HIV"}),
        ({"confidentiality": {"coding": [RESTRICTED]}}, {"R"}),
        ({"confidentiality": "R"}, {"R"}),
        ({"meta": [{"security": [RESTRICTED]}]}, {"R"}),
        ({"meta": {"_security": [{"id": "x"}]}}, {UNREAD}),
        ({"class": {"system": f"{SYSTEM}ActCode", "code": "AMB"}}, set()),
        ({"contained": [{"meta": {"tag": [HIV]}}]}, {"HIV"}),
        ({"meta": {"tag": [{"system": f"{SYSTEM}ActReason", "code": "HTEST"}]}}, set()),
    ],
)
def test_labels_in_the_other_places_of_a_resource(resource: dict[str, Any], read: set[str]):
    assert labels_in({"resourceType": "Observation", **resource}, LAB.labels) == read


def test_what_the_institutions_file_says_of_its_own_labels_counts():
    for label, read in (({"system": "urn:lab", "code": "7"}, "HIV"), ({"text": "sealed at intake"}, "PSY")):
        assert labels_in({"meta": {"security": [label]}}, MAPPED.labels) == {read}
    with pytest.raises(ValueError, match="no label of v3"):
        an_institution(**{"urn:lab|8": "SECRET"})


def test_a_label_that_says_nothing_is_a_persons_whatever_the_file_says_of_nothing():
    assert read_label(None, None, None, {"|": "N"}) == {UNREAD}


def test_a_code_that_stands_alone_and_a_system_without_a_code_are_found_in_the_file():
    assert read_label(None, "7", None, {"|7": "HIV"}) == {"HIV"}
    assert read_label("urn:lab", None, "see the chart", {"urn:lab|": "PSY"}) == {"PSY"}


def test_words_beside_every_degree_that_restricts_nothing_are_heard():
    assert read_beside(frozenset({"U", "L", "M", "N"}), "ask the clinic") == {"U", "L", "M", "N", UNREAD}


@pytest.mark.parametrize(
    ("text", "is_part_2"),
    [("42 CFR § 2.32", True), ("42CFR2", True), ("42 C.F.R. Pt. 2", True), ("42 CFR Part II", True),
     ("Title 42 of the Code of Federal Regulations, Part 2", True), ("42 U.S.C. 290dd-2", True),
     ("42 CFR 482.24", False), ("42 CFR 212", False), ("142 CFR 2", False),
     ("42 CFR Part 2", True), ("42 C.F.R., part 2", True), ("part 2 of 42 CFR", True), ("42 CFR Part 20", False),
     ("Part 2: the specimen", False), (None, False)],
)  # fmt: skip
def test_part_2_is_known_by_its_text(text: str | None, is_part_2: bool):
    assert bool(read_text(text)) is is_part_2


SAYS_SO = [
    "This record which has been disclosed to you is protected by Federal confidentiality rules (42 CFR "
    "Part 2). These rules prohibit you from using or disclosing this record unless permitted.",
    "42 CFR Part 2 prohibits unauthorized use or disclosure of these records.",
    "This information has been disclosed to you from records protected by Federal confidentiality rules "
    "(42 CFR part 2). The Federal rules prohibit you from making any further disclosure.",
    "This record is protected by 42 CFR Part 2 and may not be redisclosed without consent.",
    "This record may be disclosed only as permitted by 42 CFR Part 2.",
    "You may not disclose this; it is protected by 42 CFR Part 2.",
    "If the reader of this message is not the intended recipient, you are hereby notified that this "
    "record is protected by 42 CFR Part 2.",
    "If you have received this in error, destroy it. This record is protected by 42 CFR Part 2.",
    "If this message was received in error, note that this record is protected by 42 CFR part 2.",
    "This fax may contain PHI. 42 CFR Part 2 prohibits unauthorized disclosure of these records.",
    "This fax may contain PHI; this information has been disclosed to you from records protected by 42 CFR Part 2.",
    "This does not contain psychotherapy notes but is protected by 42 CFR Part 2",
    "It is unlawful to make any disclosure of information in this record (42 CFR Part 2).",
    "This record may contain errors. Protected by 42 CFR Part 2",
    "Patient may have cancer. This record is protected under 42 CFR Part 2.",
    "This information is subject to 42 CFR Part 2 if you redisclose it.",
    "The information in this record is protected by 42 CFR Part 2. If it contains errors call us.",
    "All information in this record is covered by 42 CFR Part 2, including when disclosed",
    "NOTICE: THIS RECORD IS FROM A PART 2 PROGRAM (42 CFR PART 2). IF YOU ARE NOT THE RECIPIENT, CALL.",
    "This record, which includes substance use treatment, may not be used as it is protected by 42 CFR part 2.",
    "Protected by 42 CFR Part 2: may not be included in other records.",
]
BESIDE = [
    "Specimen may contain calculi\nProtected by 42 CFR Part 2",
    "<td>It may contain health information</td><td>Protected by 42 CFR Part 2</td>",
    "Call if pain relates to meals\n42 CFR Part 2",
    "Does not include tumor\nProtected by 42 CFR Part 2",
    "Not a candidate\nProtected by 42 CFR Part 2",
    "Excluding malignancy\nProtected by 42 CFR Part 2",
]
TELLS_OF_A_CASE = [
    "This document may contain information protected by 42 CFR Part 2.",
    "This document may contain information that is protected by federal law (42 U.S.C. 290dd-2 and 42 CFR Part 2).",
    "If this record contains substance use information protected by 42 CFR Part 2, redisclosure is prohibited.",
    "If this record contains alcohol, drug, or HIV information, the federal rules (42 CFR Part 2) "
    "prohibit you from making any further disclosure.",
    "To the extent this includes substance use disorder records, 42 CFR Part 2 applies.",
    "The information may be protected under Federal law (42 CFR Part 2).",
    "42 CFR Part 2 applies if this record contains substance use treatment.",
    "Federal law (HIPAA; 42 CFR Part 2, if applicable) protects this.",
    "42 CFR Part 2 information may be included in this record.",
    "Any information in this record protected by 42 CFR Part 2 may not be redisclosed.",
    "This summary does not contain information protected by 42 CFR Part 2.",
    "This hospital is not subject to 42 CFR Part 2.",
    "This record may have been disclosed to you from records protected by federal confidentiality rules "
    "(42 CFR Part 2).",
    "THIS DOCUMENT MAY CONTAIN INFORMATION PROTECTED BY N.Y. MENTAL HYGIENE LAW 33.13 AND 42 C.F.R. PART 2.",
    "If the information disclosed to you is related to drug or alcohol treatment, it is protected by 42 CFR Part 2.",
    "If any of the enclosed records are from a substance use disorder program protected by 42 CFR Part 2 "
    "you may not redisclose.",
    "This message might include sensitive records, including HIV, mental health and substance use "
    "records covered by 42 CFR Part 2.",
    "These records may contain information subject to 42 CFR Part 2",
]


@pytest.mark.parametrize(
    ("text", "is_part_2"),
    [*((text, True) for text in SAYS_SO), *((text, False) for text in TELLS_OF_A_CASE)],
)
def test_part_2_is_a_label_where_it_is_said_of_this_record_and_none_as_a_case_that_may_be(text: str, is_part_2: bool):
    around = f"Seen in the clinic. {text} Page 1 of 4"

    assert bool(read_text(text)) is is_part_2
    assert bool(read_markup(f"<p>{text}</p>\n\n<p>Dr. Roe</p>")) is is_part_2
    for piece in (1, 64, 100_000):
        assert within(around.encode(), piece=piece) == ({PART_2} if is_part_2 else set())


@pytest.mark.parametrize("text", BESIDE)
def test_what_may_be_of_something_else_takes_nothing_from_what_is_said_of_this_record(text: str):
    assert read_markup(text) == {PART_2}
    assert within(text.encode(), piece=16) == {PART_2}


def test_what_tells_of_a_case_in_the_place_of_a_label_is_a_persons_until_the_file_says_what_it_means():
    said = "may contain 42 CFR Part 2 information"

    assert read_label(None, None, said, {}) == {UNREAD}
    assert read_label(None, None, said, {f"|{said}": "N"}) == {"N"}


def test_what_a_file_in_a_message_is_called_is_read_and_its_bytes_are_not():
    called = a_report("OBX|2|ED|x^Note (42 CFR Part 2)||^text^xml^Base64^PGEvPg==||||||F")

    assert documents(called, LAB)[0].document.labels == {PART_2}


def test_a_sentence_in_several_segments_is_one():
    foot = ("NTE|1||This document may contain information", "NTE|2||protected by 42 CFR Part 2.")

    (sent,) = documents(a_report(*foot), LAB)

    assert sent.document.labels == frozenset()


def test_a_text_that_tells_of_more_cases_than_are_looked_at_is_labelled():
    case = "It may contain 42 CFR Part 2 data. "

    assert read_text(case * 2000) == set()
    assert read_text(case * 2001) == {PART_2}


@pytest.mark.parametrize("read", [read_text, read_markup])
def test_the_law_is_known_by_its_section_alone(read: Callable[[str], frozenset[str]]):
    assert read("These records are protected by section 290dd-2.") == {PART_2}


#: what makes a case of it stands as far behind the law as is looked
FAR = "42 CFR Part 2" + " x" * 193 + " if present"


@pytest.mark.parametrize(
    ("text", "labels"),
    [(FAR, set()), (f"Dr. Roe. {FAR}", set()), ("42 CFR Part 2 protects this.", {PART_2})],
)
def test_a_text_in_two_pieces_says_what_it_says_in_one(text: str, labels: set[str]):
    for cut in range(len(text) + 1):
        law = LawInText()
        law.read(text[:cut], is_end=False)
        law.read(text[cut:], is_end=True)
        assert law.labels == read_text(text) == labels, cut


def test_what_stands_far_behind_the_law_takes_nothing_from_it_though_no_sentence_ends_between():
    assert read_text("Protected by 42 CFR Part 2" + " x" * 250 + " if present. Then more.") == {PART_2}


def test_a_label_that_an_earlier_version_stored_and_is_none_is_a_persons():
    assert is_unread({"N", "LOCAL7"})
    assert not is_unread(KNOWN_LABELS)
    assert not is_unread(())


# --- where it stands in FHIR ------------------------------------------------------------------------------------------


def a_bundle(**beside: Any) -> dict[str, Any]:
    """Two documents, the first with a Binary, and what stands beside and around them."""
    patient = {"resourceType": "Patient", "id": "p", "name": [{"family": "Doe", "given": ["J"]}]}
    first, second = (
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "subject": {"reference": "urn:uuid:p"},
            "content": [{"attachment": {"contentType": "text/plain", **where}}],
        }
        for where in ({"url": "urn:uuid:b"}, {"data": "QQ=="})
    )
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": "QQ=="}
    resources = {"p": patient, "d1": first, "d2": second, "b": binary, "l": {
        "resourceType": "List", "status": "current", "mode": "working"}}  # fmt: skip
    for name, more in beside.items():
        if name != "bundle":
            resources[name].update(more)
    entries = [{"fullUrl": f"urn:uuid:{name}", "resource": each} for name, each in resources.items()]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries, **beside.get("bundle", {})}


def labels_of_both(bundle: dict[str, Any], institution: Institution = LAB) -> list[set[str]]:
    found = inbound.pushed_documents(json.dumps(bundle).encode(), institution)
    return [set(one.document.labels) for one in found]  # type: ignore[union-attr]


META = {"meta": {"security": [HIV]}}


@pytest.mark.parametrize(
    ("beside", "read"),
    [
        ({}, [set(), set()]),
        ({"bundle": META}, [{"HIV"}, {"HIV"}]),
        ({"l": META}, [{"HIV"}, {"HIV"}]),
        ({"p": META}, [{"HIV"}, {"HIV"}]),
        ({"b": META}, [{"HIV"}, set()]),
        ({"d1": META}, [{"HIV"}, set()]),
        ({"d2": {"securityLabel": [{"coding": [HIV]}]}}, [set(), {"HIV"}]),
        ({"d2": {"contained": [{"resourceType": "Organization", "id": "o", **META}]}}, [set(), {"HIV"}]),
        ({"d1": {"securityLabel": [{"coding": [ORDINARY]}]}, "bundle": META}, [{"N", "HIV"}, {"HIV"}]),
        ({"d1": {"securityLabel": [{"text": "ask us first"}]}}, [{UNREAD}, set()]),
        ({"bundle": {"meta": {"security": [{"display": "secret"}]}}}, [{UNREAD}, {UNREAD}]),
        ({"d2": {"securityLabel": [{"coding": [{"system": "urn:own", "code": "7"}]}]}}, [set(), {UNREAD}]),
        ({"bundle": {"extension": [{"url": INLINE, "valueCoding": HIV}]}}, [{"HIV"}, {"HIV"}]),
        # the law by its name, in whatever words of it and of what stands beside it
        ({"d1": {"description": "Note (42 CFR Part 2)"}}, [{"42CFRPart2"}, set()]),
        ({"d1": {"type": {"text": "Note under 42 CFR part 2"}}}, [{"42CFRPart2"}, set()]),
        ({"d2": {"text": {"status": "generated", "div": "<div>42 <b>CFR</b>&#160;Part 2</div>"}}},
         [set(), {"42CFRPart2"}]),
        ({"l": {"note": [{"text": "protected by 42 CFR Part 2"}]}}, [{"42CFRPart2"}, {"42CFRPart2"}]),
        ({"d1": {"description": "Room 42, part 2"}}, [set(), set()]),
        # what guards a Binary (https://hl7.org/fhir/R4/binary-definitions.html#Binary.securityContext)
        ({"l": {"meta": {}}, "b": {"securityContext": {"reference": "urn:uuid:d2"}},
          "d2": {"securityLabel": [{"coding": [HIV]}]}}, [{"HIV"}, {"HIV"}]),
        ({"b": {"securityContext": {"reference": "Patient/elsewhere"}}}, [set(), set()]),
    ],
)  # fmt: skip
def test_the_high_water_mark_of_a_posted_bundle(beside: dict[str, Any], read: list[set[str]]):
    assert labels_of_both(a_bundle(**beside)) == read


def test_a_label_on_an_entry_holds_for_all_of_its_bundle():
    bundle = a_bundle()
    bundle["entry"][1]["extension"] = [{"url": INLINE, "valueCoding": HIV}]

    assert labels_of_both(bundle) == [{"HIV"}, {"HIV"}]


# --- HL7 v2 -----------------------------------------------------------------------------------------------------------


def a_report(*more: str, order: str = "", result: str = "", pv1: str = "", pd1: str = "") -> bytes:
    lines = [
        "MSH|^~\\&|LIS|LAB|RT|RT|20260901080000||ORU^R01|1|P|2.9",
        "PID|1||H1^^^LAB||Doe^J||19500101|M",
        *([f"PD1|{pd1}"] if pd1 else []),
        *([f"PV1|{pv1}"] if pv1 else []),
        *([f"ORC|{order}"] if order else []),
        "OBR|1||S1^LIS|11529-5^Pathology^LN|||20260830",
        f"OBX|1|TX|22637-3^Dx^LN||Benign.||||||F{result}",
        *more,
    ]
    return "\r".join([*lines, ""]).encode()


@pytest.mark.parametrize(
    ("message", "read"),
    [
        (a_report(), set()),
        (a_report(order="RE" + "|" * 27 + "R"), {"R"}),
        (a_report(order="RE" + "|" * 27 + "AID"), {"HIV"}),
        (a_report(order="RE" + "|" * 27 + "HIV~PSY"), {"HIV", "PSY"}),
        (a_report(order="RE" + "|" * 27 + "SPECIAL"), {UNREAD}),
        (a_report(order="RE" + "|" * 27 + "^ask the clinic"), {UNREAD}),
        (a_report(order="RE" + "|" * 27 + '""'), set()),
        (a_report(order="RE" + "|" * 27 + "R^Restricted^HL70177"), {"R"}),
        (a_report(order="RE" + "|" * 27 + "^^^HIV^AIDS patient^HL70177"), {"HIV"}),
        (a_report(order="RE" + "|" * 27 + "7^Blue^L^PSY^^HL70177"), {"PSY"}),
        # an N of theirs may stand for anything
        (a_report(order="RE" + "|" * 27 + "N^No disclosure^99LOC"), {UNREAD}),
        (a_report(order="RE" + "|" * 27 + "HIV^HIV^99LOC"), {"HIV"}),
        (a_report("ARV|1|A|NO^Not at all^99LOC"), {UNREAD}),
        (a_report(order="RE" + "|" * 27 + "N^Normal^2.16.840.1.113883.5.25"), {"N"}),
        (a_report(result="||LOCK"), {UNREAD}),
        (a_report(result="||N"), set()),
        (a_report(pv1="1" + "|" * 15 + "VIP"), {UNREAD}),
        (a_report(pv1="1" + "|" * 15 + "N"), set()),
        (a_report(pd1="|" * 11 + "Y"), {"R"}),
        (a_report(pd1="|" * 11 + "N"), set()),
        (a_report(pd1="|" * 11 + "PERHAPS"), {UNREAD}),
        (a_report("ARV|1|A|HIV^HIV^HL70717"), {"HIV"}),
        (a_report("ARV|1|A|SMD~PSY"), {"R", "PSY"}),
        (a_report("ARV|1|A|DEM"), {UNREAD}),
        (a_report("ARV|1|D|HIV"), set()),
        (a_report("ARV|1|A|NO"), set()),
        # security tags and instructions of v2.9, and other marks of a visit
        (a_report("ARV|1|A|NO||||R^Restricted^HL70952"), {"R"}),
        (a_report("ARV|1|A|||||N"), {"N"}),
        (a_report("ARV|1|A||||||NOREUSE~hiv"), {"NOREUSE", "HIV"}),
        (a_report("ARV|1|A||||||ASK"), {UNREAD}),
        (a_report("ARV|1|A|||not to the employer"), {UNREAD}),
        (a_report("ARV|1|D|||not to the employer||R"), set()),
        (a_report("PV2" + "|" * 22 + "Y"), {"R"}),
        (a_report("PV2" + "|" * 22 + "N"), set()),
        (a_report("DG1|1||B20^^I10" + "|" * 15 + "Y"), {"R"}),
        (a_report("DG1|1||B20^^I10" + "|" * 15 + "SEALED"), {UNREAD}),
        (a_report().replace(b"|P|2.9", b"|P|2.9" + b"|" * 14 + b"V"), {"V"}),
        (a_report().replace(b"|P|2.9", b"|P|2.9" + b"|" * 15 + b"SECRET"), {UNREAD}),
        (a_report().replace(b"|P|2.9", b"|P|2.9" + b"|" * 16 + b"for the clinic alone"), {UNREAD}),
        (a_report("CON|1|001|||||||||A"), set()),
        (a_report("CON|1|001|||||||||R"), {UNREAD}),
        (a_report("CON|1|001|42 CFR part 2||||||||A"), {"42CFRPart2"}),
        (a_report("ZNT|1|protected by 42 CFR Part 2"), {"42CFRPart2"}),
        # words alone, an alternate alone, a restriction without its code
        (a_report(order="RE" + "|" * 27 + "^^^^^^^^ask the clinic"), {UNREAD}),
        (a_report(order="RE" + "|" * 27 + "^^^^^^^^^HIV^AIDS patient^HL70177"), {"HIV"}),
        (a_report(pv1="1" + "|" * 15 + "^^^^^^^^very important"), {UNREAD}),
        (a_report("ARV|1|A||PAT"), {UNREAD}),
        (a_report("CON|1|001|||||||||^^^R^Refused^HL70498"), {UNREAD}),
        (a_report("CON|1|001|||||||||A^Active^HL70498^R^Refused^HL70498"), {UNREAD}),
        (a_report("CON|1|001|||||||||A^Active^HL70498^1^Filed^99LOC"), set()),
        (a_report("CON|1|001|||||||||A||||||||||^^^^^^^^pathology alone"), {UNREAD}),
        (a_report(order="RE" + "|" * 27 + "N^ask the clinic^HL70177"), {"N", UNREAD}),
        (a_report(order="RE" + "|" * 27 + "U^Usual control^HL70177"), {"N"}),
        # the law by its name, wherever it is named
        (a_report("OBX|2|CWE|x^y||1^42 CFR Part 2^L||||||F"), {"42CFRPart2"}),
        (a_report("OBX|2|TX|x^y||Protected by 42~CFR Part 2||||||F"), {"42CFRPart2"}),
        (a_report("OBX|2|TX|x^y||under 42 CFR||||||F", "OBX|3|TX|x^y||Part 2||||||F"), {"42CFRPart2"}),
        (a_report("OBX|2|TX|x^42 CFR Part 2||see there||||||F"), {"42CFRPart2"}),
        (a_report("NTE|1||x|42 CFR Part 2"), {"42CFRPart2"}),
        (a_report().replace(b"Pathology^LN", b"Report (42 CFR Part 2)^L"), {"42CFRPart2"}),
        (a_report().replace(b"|20260830", b"|20260830||||||Protected by 42 CFR Part 2"), {"42CFRPart2"}),
        (a_report("OBX|2|NM|x^y||42||||||F", "OBX|3|TX|x^y||CFR 1.5, part 2||||||F"), set()),
        (a_report("DRG|1|||||||||Y"), {"R"}),
        # in small letters, or indented
        (a_report("arv|1|A|HIV"), {"HIV"}),
        (a_report("Arv|1|A|HIV"), {"HIV"}),
        (a_report("  ARV|1|A|HIV"), {"HIV"}),
        (a_report("con|1|001|||||||||R"), {UNREAD}),
        (a_report(pv1="1" + "|" * 15 + "VIP").replace(b"PV1", b"pv1"), {UNREAD}),
        (a_report("pv2" + "|" * 22 + "Y"), {"R"}),
        (a_report(pd1="|" * 11 + "Y").replace(b"PD1", b"pd1"), {"R"}),
        (a_report(order="RE" + "|" * 27 + "HIV").replace(b"ORC", b"orc"), {"HIV"}),
        (a_report(result="||LOCK").replace(b"OBX", b"obx"), {UNREAD}),
        (a_report("dg1|1||B20^^I10" + "|" * 15 + "Y"), {"R"}),
        (a_report("znt|1|protected by 42 CFR Part 2"), {"42CFRPart2"}),
        (a_report("nte|1||protected by 42 CFR Part 2"), {"42CFRPart2"}),
        # a line of a text is none, and another separator makes no segment
        (a_report("arvx|1|A|HIV"), set()),
        (a_report("arv;1;A;HIV"), set()),
    ],
)
def test_marks_of_a_message_wherever_they_stand(message: bytes, read: set[str]):
    assert [set(one.document.labels) for one in documents(message, LAB)] == [read]


def test_marks_in_a_sites_own_words_mean_what_its_file_says():
    for message, read in (
        (a_report(order="RE" + "|" * 27 + "SPECIAL"), {"SUD"}),
        (a_report(result="||LOCK"), {"R"}),
        (a_report(pv1="1" + "|" * 15 + "STAFF"), {"N"}),
    ):
        assert [set(one.document.labels) for one in documents(message, MAPPED)] == [read]


@pytest.mark.parametrize(("txa", "read"), [("R|AV", {"R"}), ("U|AV", {"N"}), ("SECRET|AV", {UNREAD}), ("|AV", set())])
def test_the_mark_of_a_document_message(txa: str, read: set[str]):
    message = (
        "MSH|^~\\&|LIS|LAB|RT|RT|20260901080000||MDM^T02|1|P|2.5\rPID|1||H1^^^LAB||Doe^J||19500101|M\r"
        f"TXA|1|OP|TX|20260104090000||20260104090000||||||DOC1^LIS||||f.txt|LA|{txa}\r"
        "OBX|1|TX|11504-8^Note^LN||Text.||||||F\r"
    )
    assert [set(one.document.labels) for one in documents(message.encode(), LAB)] == [read]


# --- inside a document ------------------------------------------------------------------------------------------------

CDA = (
    '<?xml version="1.0"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3">{header}<component><structuredBody><component>'
    "<section>{section}<entry>{entry}</entry></section></component></structuredBody></component></ClinicalDocument>"
)
OBSERVATION = (
    '<organizer><component><observation><code code="{kind}" codeSystem="2.16.840.1.113883.1.11.20457"/>'
    '<value code="{code}" codeSystem="2.16.840.1.113883.5.4"/></observation></component></organizer>'
    '<observation><code code="8480-6"/><value code="HIV"/></observation>'
)


def a_code(**said: str) -> str:
    return "<confidentialityCode " + " ".join(f'{name}="{value}"' for name, value in said.items()) + "/>"


def within(content: bytes, piece: int = 1 << 20, institution: Institution = LAB) -> set[str]:
    labels = ReadWithin(institution)
    chunks = [content[at : at + piece] for at in range(0, len(content), piece)]
    assert b"".join(labels.passing(chunks)) == content
    return set(labels.labels)


def a_cda(header: str = "", section: str = "", entry: str = "") -> bytes:
    return CDA.format(header=header, section=section, entry=entry).encode()


def a_fhir_document(of_bundle: str = "", of_composition: str = "") -> bytes:
    return (
        f'<Bundle xmlns="http://hl7.org/fhir">{of_bundle}<type value="document"/><entry><resource><Composition>'
        f'{of_composition}<status value="final"/><section><text><div xmlns="http://www.w3.org/1999/xhtml"><p>Seen.</p>'
        "</div></text></section></Composition></resource></entry></Bundle>"
    ).replace("{sys}", SYSTEM).encode()  # fmt: skip


SECURITY = '<security><system value="{sys}ActCode"/><code value="HIV"/></security>'
#: two labels on one contained resource
CONTAINED = "<contained><DocumentReference>{}{}</DocumentReference></contained>".format(
    *(f'<securityLabel><coding><system value="{{sys}}{system}"/><code value="{code}"/></coding></securityLabel>'
      for system, code in (("Confidentiality", "N"), ("ActCode", "PSY")))
)  # fmt: skip

HIV_CODE = 'code="HIV" codeSystem="2.16.840.1.113883.5.4"'
TRANSLATED = f'<observation><code code="1"><translation code="SECSENSOBS"/></code><value {HIV_CODE}/></observation>'
N, R = a_code(code="N", codeSystem="2.16.840.1.113883.5.25"), a_code(code="R", codeSystem="2.16.840.1.113883.5.25")


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (a_cda(N), {"N"}),
        (a_cda(R), {"R"}),
        (a_cda(N, R), {"N", "R"}),
        (a_cda(N, entry=OBSERVATION.format(kind="SECCATOBS", code="PSY")), {"N", "PSY"}),
        (a_cda(N, entry=OBSERVATION.format(kind="1234-5", code="PSY")), {"N"}),
        (a_cda(N, entry=TRANSLATED), {"N", "HIV"}),
        (a_cda(a_code(code="LOCKED", codeSystem="1.2.3")), {UNREAD}),
        (a_cda(a_code(nullFlavor="OTH", displayName="ask the clinic")), {UNREAD}),
        (a_cda(a_code(nullFlavor="MSK")), {UNREAD}),
        (a_cda(a_code(nullFlavor="NI")), set()),
        (a_cda(a_code(nullFlavor="NI", displayName="HIV")), {UNREAD}),
        (a_cda(N.replace("/>", f"><translation {HIV_CODE}/></confidentialityCode>")), {"N", "HIV"}),
        (
            a_cda('<confidentialityCode nullFlavor="UNK"><originalText>HIV</originalText></confidentialityCode>'),
            {UNREAD},
        ),
        (a_cda(N.replace("/>", "><originalText>normal</originalText></confidentialityCode>")), {"N"}),
        (a_cda(N, f"<code code='1'><translation {HIV_CODE}/><originalText>x</originalText></code>"), {"N"}),
        (a_cda(N).replace(b"</structuredBody>", b""), {"N", UNREAD}),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + a_cda(N), {UNREAD}),
        (a_cda(R).decode().replace('version="1.0"', 'version="1.0" encoding="UTF-16"').encode("utf-16"), {"R"}),
        (b"<!-- " + b"x" * 9000 + b" -->" + a_cda(R)[len('<?xml version="1.0"?>') :], {"R"}),
        (b"<?xml-stylesheet href='a'?>" + b" " * 9000 + a_cda(R)[len('<?xml version="1.0"?>') :], {"R"}),
        (a_cda(R).replace(b"ClinicalDocument", b"Other"), set()),
        (b"%PDF-1.4 ClinicalDocument", set()),
        (b"<html>confidentialityCode</html>", set()),
        (json.dumps({"resourceType": "Bundle", "entry": [{"resource": META}], "meta": {}}).encode(), {"HIV"}),
        (b" \n" + json.dumps({"resourceType": "Bundle", "note": "x" * 9000, **META}).encode(), {"HIV"}),
        (json.dumps({"resourceType": "Bundle", **META}).encode()[:-1], {UNREAD}),
        (json.dumps({"kind": "no resource", **META}).encode(), set()),
        (b"{\\rtf1 a letter}", set()),
        # the law by its name
        (b"x" * 5000 + b" protected by 42 CFR Part 2", {"42CFRPart2"}),
        (b"<html><b>42 CFR</b>&nbsp;Part 2</html>", {"42CFRPart2"}),
        (a_cda(section="<text>protected by 42 CFR Part 2</text>"), {"42CFRPart2"}),
        ("\ufeffunder 42 CFR Part 2".encode("utf-16-le"), {"42CFRPart2"}),
        (b"%PDF-1.4 42 CFR Part 2", set()),
        (b"42 beds, CFR 1.5", set()),
        (b"", set()),
        # FHIR in XML is read as its JSON is
        (
            a_fhir_document(f"<meta>{SECURITY}</meta>"),
            {"HIV"},
        ),
        (a_fhir_document("", '<confidentiality value="R"/>'), {"R"}),
        (json.dumps({"resourceType": "Composition", "confidentiality": "V"}).encode(), {"V"}),
        (json.dumps({"resourceType": "Composition", "confidentiality": "secret"}).encode(), {UNREAD}),
        (a_fhir_document("", CONTAINED), {"N", "PSY"}),
        (a_fhir_document().replace(b"</Bundle>", b""), {UNREAD}),
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + a_fhir_document(), {UNREAD}),
        (
            a_fhir_document("", '<confidentiality value="R"/>')
            .replace(b"Bundle", b"f:Bundle")
            .replace(b'xmlns="http', b'xmlns:f="http'),
            {"R"},
        ),
        (b"<!-- " + b"x" * 9000 + b" -->" + a_fhir_document("", '<confidentiality value="R"/>'), {"R"}),
        (b"<!DOCTYPE html><p>http://hl7.org/fhir tells of confidentiality<br></html>", set()),
    ],
)
def test_labels_inside_a_documents_content(content: bytes, read: set[str]):
    assert within(content) == read
    assert within(content, piece=7) == read


def test_they_count_in_a_message_whose_own_marks_say_nothing():
    embedded = base64.b64encode(a_cda(R)).decode()
    (sent,) = documents(a_report(f"OBX|2|ED|X^Y^LN||^text^xml^Base64^{embedded}||||||F"), LAB)

    assert sent.document.labels == frozenset()
    assert within(b"".join(sent.parts[0].open())) == {"R"}


HL7 = "http://terminology.hl7.org/CodeSystem/"


@pytest.mark.parametrize(
    ("system", "code", "words", "expected"),
    [
        (f"{HL7}v3-ActCode", "ETH", None, True),
        ("urn:example:workflow", "ETH", None, False),
        (None, "ETH", None, False),
        (f"{HL7}v3-ActCode", "AMB", None, False),
        ("urn:example:workflow", "queue-7", "Confidential", True),
    ],
)
def test_a_tag_is_a_label_by_hl7s_system_and_code_or_by_words(system, code, words, expected):
    assert is_label_aside(system, code, words) is expected


@pytest.mark.parametrize(("code", "expected"), [("V", True), ("R", True), ("N", False), ("v", False)])
def test_a_coding_restricts_where_it_is_restricted_or_very_restricted(code, expected):
    assert restricts(f"{HL7}v3-Confidentiality", code) is expected
