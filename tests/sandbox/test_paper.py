"""Documents open in what people read them with, and are the patient's."""

import io
import xml.etree.ElementTree as ElementTree

import pypdf
import pytest

from transfer.sandbox import paper
from transfer.sandbox.charts import draw_chart
from transfer.sandbox.oncology import letters
from transfer.sandbox.oncology.documents import documents
from transfer.sandbox.pathology import messages

_V3 = "{urn:hl7-org:v3}"


def _text(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


@pytest.mark.parametrize("seed", range(4))
def test_every_document_of_the_office_opens_and_names_the_patient(seed: int) -> None:
    chart = draw_chart(seed)
    family = chart["patient"]["family"]

    types = {document.content_type for document in documents(chart)}

    assert "application/pdf" in types
    assert len(types) > 1
    for document in documents(chart):
        if document.content_type == "application/pdf":
            assert family in _text(document.content)
        else:
            name = ElementTree.fromstring(document.content).find(f".//{_V3}patient/{_V3}name/{_V3}family")
            assert name is not None
            assert name.text == family
            assert b"@@" not in document.content


def test_office_and_laboratory_send_the_same_bytes_of_the_pathology_report() -> None:
    chart = draw_chart()
    [office] = [d.content for d in documents(chart) if d.name == "pathology"]

    assert paper.pathology_report(chart) == office
    assert paper.pathology_report(chart, "C") != office


def test_a_corrected_report_says_something_else_and_a_preliminary_one_has_no_pdf() -> None:
    chart = draw_chart(5)
    final, corrected, preliminary = (
        messages.report(chart, control_id="1", status=status, form="oru").decode() for status in "FCP"
    )

    assert "|C|||||||" in next(s for s in corrected.split("\r") if s.startswith("OBR"))
    assert corrected.count("||||||C\r") == corrected.count("\rOBX|")
    assert "^Base64^" in final
    assert "^Base64^" not in preliminary


def test_fields_of_the_report_stand_where_hl7_has_them() -> None:
    chart = draw_chart(marked="ZEBRA7")
    segments = messages.report(chart, control_id="C1", status="F", form="oru").decode().rstrip("\r").split("\r")
    fields = {segment[:3]: segment.split("|") for segment in segments}

    assert fields["MSH"][9] == "C1"
    assert fields["OBR"][3].split("^")[0] == chart["pathology"]["accession"]["value"]
    assert (fields["OBR"][4][:7], fields["OBR"][24], fields["OBR"][25]) == ("11529-5", "PAT", "F")
    assert fields["SPM"][30].split("^")[0] == chart["pathology"]["accession"]["value"]
    assert fields["PID"][5].split("^")[0] == "ZEBRA7FAMILY"


def test_a_document_notification_is_authenticated_and_numbered() -> None:
    chart = draw_chart()
    segments = messages.report(chart, control_id="C1", status="F", form="mdm").decode().split("\r")
    txa = next(segment for segment in segments if segment.startswith("TXA")).split("|")

    assert txa[12].startswith(chart["documents"]["pathology"]["number"])
    assert (txa[17], txa[19]) == ("AU", "AV")


def test_the_release_form_names_everything_the_law_asks_for() -> None:
    chart = draw_chart()
    form = letters.release_form(chart, {})

    assert form["status"] == "active"
    assert form["provision"]["period"]["end"] == chart["form"]["expires_on"]
    assert [e["valueCode"] for e in form["extension"]] == ["revoke", "condition", "redisclose"]
    assert [a["role"]["coding"][0]["code"] for a in form["provision"]["actor"]] == ["CST", "CST", "CST", "IRCP"]
    assert chart["patient"]["family"] in _text(paper.release_form(chart))


def test_what_is_left_out_of_the_form_is_missing_from_what_is_sent() -> None:
    form = letters.release_form(draw_chart(), {"expires_on": None, "signed_at": None, "statements": ["revoke"]})

    assert "end" not in form["provision"]["period"]
    assert not {"dateTime", "performer", "verification"} & set(form)
    assert len(form["extension"]) == 1


def test_a_finished_form_can_be_patched_and_a_misspelt_change_is_refused() -> None:
    chart = draw_chart()

    assert letters.release_form(chart, {"resource": {"policyRule": None}}).get("policyRule") is None
    with pytest.raises(ValueError, match="expires"):
        letters.release_form(chart, {"expires": "2020-01-01"})


def test_the_shipping_list_counts_every_slide() -> None:
    chart = draw_chart()
    text = paper.shipping_list(chart)

    assert f"{len(chart['pathology']['slides'])} slides" in text
    assert all(slide["id"] in text for slide in chart["pathology"]["slides"])
