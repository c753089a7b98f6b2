"""What the stand-in laboratory writes is HL7 v2.5.1 by hl7apy's word, and reads as it was meant."""

import random

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.exceptions import ValidationError
from hl7apy.parser import parse_message

from transfer.sandbox.charts import Chart, draw_chart
from transfer.sandbox.pathology import messages


@pytest.fixture(scope="module")
def chart() -> Chart:
    drawn = draw_chart()
    drawn["patient"]["family"] = "O|Neil & Söhne"
    drawn["patient"]["address"]["line"] = "1 Elm ^ Oak ~ St\\"
    return drawn


def _is_valid(payload: bytes) -> bool:
    """Whether hl7apy finds nothing wrong; what it finds it raises."""
    # Without SPM-30: it came with v2.7, and laboratories send it in older messages, too.
    text = "\r".join("|".join(line.split("|")[:30]) if line.startswith("SPM") else line for line in _lines(payload))
    return bool(parse_message(text + "\r", validation_level=VALIDATION_LEVEL.TOLERANT).validate())


def _lines(payload: bytes) -> list[str]:
    assert payload.endswith(b"\r")
    return payload.decode().removesuffix("\r").split("\r")


@pytest.mark.parametrize(("status", "form"), [("P", "oru"), ("F", "oru"), ("C", "oru"), ("F", "mdm")])
def test_hl7apy_finds_every_report_valid(chart: Chart, status: str, form: str) -> None:
    assert _is_valid(messages.report(chart, control_id="C1", status=status, form=form))


@pytest.mark.parametrize("form", ["oru", "mdm"])
def test_no_delimiter_of_a_text_divides_its_field(chart: Chart, form: str) -> None:
    pid = next(
        line for line in _lines(messages.report(chart, control_id="C1", status="F", form=form)) if line[:3] == "PID"
    )

    assert pid.split("|")[5].split("^")[0] == "O\\F\\Neil \\T\\ Söhne"
    assert pid.split("|")[11].split("^")[0] == "1 Elm \\S\\ Oak \\R\\ St\\E\\"


def test_a_paragraphs_line_ends_are_escaped_and_end_no_segment(chart: Chart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages.narratives, "pathology", lambda *_: [("Comment", "one\ntwo")])

    [comment, _pdf] = [
        line for line in _lines(messages.report(chart, control_id="C1", status="F", form="oru")) if line[:3] == "OBX"
    ]

    assert comment.split("|")[5] == "one\\.br\\two"


def test_the_accession_stands_in_spm_30(chart: Chart) -> None:
    spm = _lines(messages.report(chart, control_id="C1", status="F", form="oru"))[-1].split("|")

    assert (spm[0], spm[30].split("^")[0]) == ("SPM", chart["pathology"]["accession"]["value"])


def test_a_message_about_nobody_known_has_no_blank_left_and_is_valid() -> None:
    message = messages.about_nobody_known(random.Random(7), "C9")

    assert _is_valid(message)
    for blank in (b"CONTROL", b"NUMBER", b"FAMILY", b"GIVEN", b"ACCESSION", b"SKIN", b"19000101", b"200001010000"):
        assert blank not in message


def test_a_message_that_is_not_whole_is_not_written() -> None:
    with pytest.raises(ValidationError, match="PATIENT_RESULT"):
        messages._written(messages._message("ORU_R01", "ORU^R01^ORU_R01", "C1", "20260101"))
