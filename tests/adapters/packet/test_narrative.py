"""What can be read of a document that has no pages."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.adapters.packet.narrative import Embedded, Heading, NarrativeTable, Paragraph, blocks
from transfer.errors import Unreadable

A_REPORT = (
    b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"DiagnosticReport","status":"final",'
    b'"code":{"text":"Tumor marker"},"result":[{"reference":"Observation/1"}],"conclusion":"Rising."}},'
    b'{"resource":{"resourceType":"Observation","id":"1","status":"final","code":{"text":"CEA"},'
    b'"valueQuantity":{"value":7.20,"unit":"ng/mL"},"interpretation":[{"text":"High"}]}}]}'
)
TYPES = ("text/plain", "text/html", "text/xml", "application/hl7-v2", "application/fhir+json")


def cda(text: str) -> bytes:
    return (
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Note</title><component><structuredBody><component><section>'
        f"<title>Assessment</title><text>{text}</text></section></component></structuredBody></component>"
        "</ClinicalDocument>"
    ).encode()


def test_a_clinical_document_reads_as_its_narrative():
    found = blocks(
        "text/xml",
        cda(
            "Before <content>and</content> after<br/><paragraph>One</paragraph><list><item>Two</item></list>"
            "<table><thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>"
        ),
    )

    assert found == [
        Heading("Note"),
        Heading("Assessment"),
        Paragraph("Before and after"),
        Paragraph("One"),
        Paragraph("• Two"),
        NarrativeTable((("A", "B"), ("1", "2"))),
    ]


def test_a_document_carried_inside_another_is_found():
    carried = b'<text mediaType="application/pdf" representation="B64">JVBE Ri0=</text>'
    document = b"<ClinicalDocument><component><nonXMLBody>%b</nonXMLBody></component></ClinicalDocument>" % carried

    assert blocks("text/xml", document) == [Embedded("application/pdf", b"%PDF-")]


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        b'<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>',
        b"<a>&undefined;</a>",
        b"<a>" * 5_000,
        b"<a><b></a>",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b"",
        b"\x00\x01",
    ],
)
def test_xml_that_asks_for_more_than_reading_is_refused(document):
    with pytest.raises(Unreadable):
        blocks("text/xml", document)


def test_a_result_message_reads_as_its_sheet():
    message = (
        b"MSH|^~\\&|LAB\rPID|1||7^^^X||DOE^ANN\rOBR|1||F1|11529-5^Surgical pathology^LN|||202611010830\r"
        b"OBX|1|FT|22637-3^Final diagnosis^LN||Adenocarcinoma\\.br\\of the colon||||||F\rNTE|1||MSI-high\r"
        b"OBX|2|FT|22634-0^Gross^LN||4 cm||||||D\r"
        b"OBX|3|NM|2039-6^CEA^LN||4.2|ng/mL|0-5|H|||C\rOBX|4|NM|2040-6^CA^LN||5||||||F\r"
        b"OBX|5|ED|PDF^Report||^application^pdf^Base64^JVBERi0xLjQKJSVFT0Y=||||||F\r"
    )

    assert blocks("application/hl7-v2", message) == [
        Paragraph("Patient: ANN DOE"),
        Paragraph("Number: 7"),
        Paragraph("Sent by: LAB"),
        Heading("Surgical pathology"),
        Paragraph("Report number: F1"),
        Paragraph("Collected: 2026-11-01 08:30"),
        Heading("Final diagnosis"),
        Paragraph("Adenocarcinoma"),
        Paragraph("of the colon"),
        Paragraph("Note: MSI-high"),
        NarrativeTable(
            (
                ("Test", "Value", "Unit", "Range", "Flag", "Status", "When"),
                ("CEA", "4.2", "ng/mL", "0-5", "High (H)", "Corrected", "2026-11-01 08:30"),
                ("CA", "5", "", "", "", "Final", "2026-11-01 08:30"),
            )
        ),
        Heading("Report"),
        Paragraph("(an attached file, application/pdf: it is beside this message)"),
        Paragraph("Left out: 1 result that the source deleted."),
        Paragraph("Not shown: codes and handling of the message, 20 words. The file has them."),
    ]


def test_two_orders_are_two_sections_and_a_note_stands_where_it_belongs():
    message = (
        b"MSH|^~\\&|LAB\rPID|1||7^^^X\rNTE|1||about the patient\rOBR|1||F1|a^First^L\rNTE|1||about the order\r"
        b"OBX|1|NM|x^One^L||1|||||||||202611020900-0500\rNTE|1||about one\\.br\\goes on\rOBR|2||F2|b^Second^L\r"
        b"OBX|1|ST|y^Other^L||>5\r"
    )

    assert blocks("application/hl7-v2", message) == [
        Paragraph("Number: 7"),
        Paragraph("Sent by: LAB"),
        Paragraph("Note: about the patient"),
        Heading("First"),
        Paragraph("Report number: F1"),
        Paragraph("Note: about the order"),
        NarrativeTable((("Test", "Value", "When"), ("One", "1", "2026-11-02 09:00 -05:00"))),
        Paragraph("Note: about one"),
        Paragraph("goes on"),
        Heading("Second"),
        Paragraph("Report number: F2"),
        NarrativeTable((("Test", "Value"), ("Other", ">5"))),
        Paragraph("Not shown: codes and handling of the message, 11 words. The file has them."),
    ]


def test_markup_of_a_page_is_text_and_its_script_is_nothing():
    page = b"<head><style>x</style></head><body><p>One &amp; two</p><script>evil()</script><li>Three</li></body>"

    assert blocks("text/html", page) == [Paragraph("One & two"), Paragraph("• Three")]


def test_text_is_read_in_the_encodings_that_occur():
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        assert blocks("text/plain", "Müller".encode(encoding)) == [Paragraph("Müller")]


def test_a_very_long_text_is_cut_and_says_so():
    found = blocks("text/plain", b"word word\n" * 100_000)

    assert found[-1] == Paragraph("The document goes on; the rest is in the file itself.")
    assert len(found) < 40_000


def test_a_kind_of_file_without_text_is_not_guessed_at():
    assert blocks("application/zip", b"PK") is None


def test_results_in_fhir_are_set_out_like_those_of_hl7_v2():
    found = blocks("application/fhir+json", A_REPORT)

    assert found is not None
    assert Heading("Tumor marker") in found
    (table,) = [one for one in found if isinstance(one, NarrativeTable)]
    assert table.rows == (("Test", "Value", "Unit", "Flag", "Status"), ("CEA", "7.20", "ng/mL", "High", "Final"))
    assert any(isinstance(one, Paragraph) and "Rising." in one.text for one in found)


def test_another_resource_says_that_it_is_in_the_file():
    (said,) = blocks("application/fhir+json", b'{"resourceType":"Patient"}') or []

    assert isinstance(said, Paragraph)


@given(st.sampled_from(TYPES), st.binary(max_size=300) | st.text("MSHOBX|^\\&~<>a/ \r\n", max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused_never_a_crash(media_type, data):
    with contextlib.suppress(Unreadable):
        assert blocks(media_type, data)
