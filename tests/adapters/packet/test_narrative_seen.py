"""RTF and HTML as programs in hospitals write them: no two words become one, none is lost, none changes its meaning."""

import io

import docx
import pytest
from docx.oxml import parse_xml

from transfer.adapters.packet import narrative


def words(content_type: str, data: bytes) -> list[str]:
    return list(narrative.lines(narrative.blocks(content_type, data) or []))


def of_rtf(text: bytes) -> list[str]:
    return words("application/rtf", b"{\\rtf1\\ansi\\ansicpg1252 " + text + b"}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"margin{\\footnote see addendum}free", ["margin (note:)  see addendum free"]),
        (b"{\\upr{Grade 2}{\\*\\ud Grade 2}}", ["Grade 2"]),
        (b"\\trowd\\cellx1\\cellx2 CEA\\cell 5 ng\\row", ["CEA; 5 ng"]),
        (b"\\trowd\\cellx1\\cellx2 CEA\\cell 5 ng\\cell\\row", ["CEA; 5 ng"]),
    ],
)
def test_words_of_rtf_stand_apart_and_none_is_lost(text: bytes, said: list[str]):
    assert of_rtf(text) == said


@pytest.mark.parametrize(
    ("sheet", "body", "said"),
    [
        (".gone{text-decoration: line-through}", "<p>5 <span class=gone>7</span></p>", "[deleted: 7]"),
        ("span.gone{text-decoration-line:line-through}", "<p>5 <span class='a gone'>7</span></p>", "[deleted: 7]"),
        ("#x{text-decoration:line-through}", "<p>5 <b id=x>7</b></p>", "[deleted: 7]"),
        (".up{vertical-align:super}", "<p>10<span class=up>3</span></p>", "10³"),
        (".fixed{white-space:pre}", "<div class=fixed>CEA   5\nCA   7</div>", "CEA   5"),
        (".gone{text-decoration:line-through}", '<p><b class=gone style="text-decoration:none">7</b></p>', "7"),
        ("@media print{.gone{text-decoration:line-through}}", "<p><b class=gone>7</b></p>", "7"),
    ],
)
def test_what_a_style_sheet_means_is_meant_here(sheet: str, body: str, said: str):
    found = "\n".join(words("text/html", f"<style>{sheet}</style>{body}".encode()))
    shown = "".join(letter for letter in found if letter.isprintable() or letter == "\n")

    assert said in shown
    assert ("deleted" in shown) is ("deleted" in said)


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def of_word(body: str) -> list[narrative.Block]:
    document = docx.Document()
    document.element.body.insert(0, parse_xml(body.replace(">", f" {W}>", 1)))
    kept = io.BytesIO()
    document.save(kept)
    return narrative.blocks(DOCX, kept.getvalue()) or []


def a_run(inside: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr>{inside}</w:r>"


def a_field(data: str) -> str:
    return a_run(f'<w:fldChar w:fldCharType="begin"><w:ffData>{data}</w:ffData></w:fldChar>')


YES = a_run("<w:t>Yes</w:t>")
CHOICES = '<w:listEntry w:val="Negative"/><w:listEntry w:val="Positive"/>'


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (a_field("<w:checkBox><w:checked/></w:checkBox>") + YES, "☒ Yes"),
        (a_field('<w:checkBox><w:checked w:val="0"/></w:checkBox>') + YES, "☐ Yes"),
        (a_field("<w:checkBox><w:default/></w:checkBox>") + YES, "☒ Yes"),
        (a_field("<w:checkBox/>") + YES, "☐ Yes"),
        (a_field(f'<w:ddList><w:result w:val="1"/>{CHOICES}</w:ddList>'), "Positive"),
        (a_field(f"<w:ddList>{CHOICES}</w:ddList>"), "Negative"),
        (a_field(f'<w:ddList><w:result w:val="9"/>{CHOICES}</w:ddList>') + YES, "Yes"),
        (a_run("<w:t>CEA</w:t><w:ptab/><w:t>5</w:t>"), "CEA\t5"),
        (a_run("<w:t>10</w:t>") + a_run("<w:t>3</w:t>", '<w:position w:val="12"/>'), "10³"),
        (a_run("<w:t>10</w:t>") + a_run("<w:t>3</w:t>", '<w:position w:val="-12"/>'), "103"),
        (
            '<m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:r><m:t>x=5</m:t></m:r>'
            "</m:oMath>",
            "x=5",
        ),
    ],
)
def test_what_stands_in_fields_signs_and_formulas_of_word_is_read(inside: str, said: str):
    assert [*narrative.lines(of_word(f"<w:p>{inside}</w:p>"))] == [said]


def a_row(*cells: str, properties: str = "") -> str:
    said = "".join(f"<w:tc><w:p><w:r><w:t>{cell}</w:t></w:r></w:p></w:tc>" for cell in cells)
    return f"<w:tr><w:trPr>{properties}</w:trPr>{said}</w:tr>"


def test_a_row_that_begins_further_right_stands_under_its_own_heading():
    before = '<w:gridBefore w:val="1"/>'
    (table,) = of_word(f"<w:tbl>{a_row('Test', 'Value')}{a_row('5', properties=before)}</w:tbl>")

    assert isinstance(table, narrative.NarrativeTable)
    assert {one.text: one.column for one in table.cells if one.text} == {"Test": 0, "Value": 1, "5": 1}


def test_a_row_that_was_deleted_says_so():
    found = of_word(f"<w:tbl>{a_row('CEA 7', properties='<w:del/>')}{a_row('CEA 5')}</w:tbl>")
    assert [*narrative.lines(found)] == ["[deleted: CEA 7]", "CEA 5"]


def test_what_is_hidden_or_elsewhere_in_a_word_document_is_told():
    hidden = of_word(f"<w:p>{a_run('<w:t>no</w:t>', '<w:vanish/>')}{YES}</w:p>")
    chunk = of_word("<w:altChunk></w:altChunk>")

    assert [one.text for one in (*hidden, *chunk) if isinstance(one, narrative.Remark)] == [
        "Some text is hidden in the file, and not shown here.",
        "A part of the file is a document of its own that is not shown here.",
    ]
