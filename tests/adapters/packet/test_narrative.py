"""What can be read of a document that has no pages: its blocks, in every language."""

import base64
import contextlib
import io
import zlib
from collections import Counter
from pathlib import Path

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from hypothesis import given
from hypothesis import strategies as st

from transfer.adapters.opening.documents import flaws
from transfer.adapters.packet.narrative import (
    BodyElsewhere,
    Cell,
    Embedded,
    Facts,
    FixedWidth,
    ForPrograms,
    Heading,
    NarrativeTable,
    Paragraph,
    Picture,
    Remark,
    blocks,
    gridded,
    plain_table,
)
from transfer.adapters.packet.narrative.blocks import STRUCK
from transfer.errors import Unreadable
from transfer.flaws import Flaw

SAMPLES = Path(__file__).parents[2] / "samples" / "documents"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TYPES = (
    "text/plain",
    "text/html",
    "text/xml",
    "application/hl7-v2",
    "application/fhir+json",
    "application/fhir+xml",
    "text/rtf",
    DOCX,
)
A_REPORT = (
    b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"DiagnosticReport","status":"final",'
    b'"code":{"text":"Tumor marker"},"result":[{"reference":"Observation/1"}],"conclusion":"Rising."}},'
    b'{"resource":{"resourceType":"Observation","id":"1","status":"final","code":{"text":"CEA"},'
    b'"valueQuantity":{"value":7.20,"unit":"ng/mL"},"interpretation":[{"text":"High"}]}}]}'
)


def cda(text: str, header: str = "") -> bytes:
    return (
        f'<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Note</title>{header}<component><structuredBody><component>'
        f"<section><title>Assessment</title><text>{text}</text></section></component></structuredBody></component>"
        "</ClinicalDocument>"
    ).encode()


def body(text: str) -> list[object]:
    return blocks("text/xml", cda(text))[2:]


def page(text: str) -> list[object]:
    return blocks("text/html", text.encode())


def sample(name: str, content_type: str = "text/xml") -> list[object]:
    return blocks(content_type, (SAMPLES / name).read_bytes())


def table(found: list[object]) -> NarrativeTable:
    return next(block for block in found if isinstance(block, NarrativeTable))


def grid(found: list[object]) -> list[list[str]]:
    one = table(found)
    return [one.row(n) for n in range(one.height)]


# blocks and lines


def test_a_clinical_document_reads_as_its_narrative():
    assert blocks(
        "text/xml",
        cda("Before <content>and</content> after<br/><paragraph>One</paragraph><list><item>Two</item></list>"),
    ) == [
        Heading("Note", 1),
        Heading("Assessment"),
        Paragraph("Before and after"),
        Paragraph("One"),
        Paragraph("• Two", 1),
    ]


def test_what_stands_as_a_block_is_apart_and_what_stands_in_a_line_is_not():
    found = sample("cda-item-blocks.xml")

    assert found[2:] == [
        Paragraph("• Lesion size 1", 1),
        Paragraph("2 nodes", 1),
        Paragraph("• Margin\nfree", 1),
        Paragraph("pT3 N1a"),
    ]
    assert page("pT<b>3</b><div>N1</div>M<span>0</span>")[1:] == [Paragraph("N1"), Paragraph("M0")]


def test_blocks_within_a_cell_are_lines_of_it():
    assert grid(sample("cda-cell-blocks.xml")) == [
        ["Drug", "Dose"],
        ["Capecitabine", "1000\n2 times a day"],
        ["Oxaliplatin", "• 130\n• 85"],
    ]


@pytest.mark.parametrize(
    ("raised", "read"),
    [("10<sup>3</sup>", "10³"), ("5<sup>th</sup>", "5th"), ("10<sup>3a</sup>", "10^3a"), ("m<sup>-2</sup>", "m⁻²")],
)
def test_a_raised_number_is_never_a_digit_more(raised, read):
    assert body(raised) == page(raised) == [Paragraph(read)]


def test_what_is_deleted_and_inserted_says_so():
    said = "CEA <content revised='delete'>4.1</content><content revised='insert'>41</content>"

    assert [block.text.replace("\ufdd1", "") for block in body(said)] == ["CEA [deleted: 4.1][inserted: 41]"]
    assert [block.text.replace("\ufdd1", "") for block in page("CEA <del>4.1</del> <ins>41</ins>")] == [
        "CEA [deleted: 4.1] [inserted: 41]"
    ]


def test_lists_count_as_their_author_counts():
    assert body("<list listType='ordered'><item>a</item><item>b<list><item>c</item></list></item></list>") == [
        Paragraph("1. a", 1),
        Paragraph("2. b", 1),
        Paragraph("• c", 2),
    ]
    assert page("<ol start=4 type=a><li>x<li value=9>y</ol><ol type=I><li>z</ol>") == [
        Paragraph("d. x", 1),
        Paragraph("i. y", 1),
        Paragraph("I. z", 1),
    ]


def test_footnotes_stand_where_they_belong():
    text = 'CEA<footnoteRef IDREF="f"/> <footnote ID="f">hemolytic</footnote>'

    assert body(text) == [Paragraph("CEA [note 1] [note 1: hemolytic]")]


def test_pictures_of_the_text_are_shown_and_those_elsewhere_told():
    media = (
        '<component><section><text>t</text><entry><observationMedia ID="M"><value mediaType="image/png" '
        'representation="B64">QUJD</value></observationMedia></entry></section></component>'
    )
    document = cda('see <renderMultiMedia referencedObject="M"/> <renderMultiMedia referencedObject="N"/>')
    found = blocks("text/xml", document.replace(b"</structuredBody>", media.encode() + b"</structuredBody>"))

    assert Picture("image/png", b"ABC") in found
    assert Paragraph("(a picture that is not in the document)") in found
    assert page('<img src="data:image/png;base64,QUJD"><img src="http://x/y.png" alt="CT">') == [
        Picture("image/png", b"ABC"),
        Paragraph("(a picture that is not in the document: CT)"),
    ]


# tables


def test_a_value_stands_under_its_heading_whatever_spans_above_it():
    assert grid(sample("cda-rowspan.xml")) == [
        ["Specimen", "Test", "Result", "Flag"],
        ["Serum", "CEA", "4.1", "normal"],
        ["Serum", "CA 19-9", "412", "HIGH"],
    ]
    before, after = ["Before chemotherapy"] * 2, ["After chemotherapy"] * 2
    assert grid(sample("cda-colspan.xml")) == [
        before + after,
        ["CEA", "CA 19-9", "CEA", "CA 19-9"],
        ["not done", "not done", "4.1", "412"],
    ]
    assert grid(sample("html-table.html", "text/html"))[1:] == [
        ["Serum", "CEA", "4.1"],
        ["Serum", "CA 19-9", "412"],
        ["", "Hb", "9.1"],
    ]


def test_a_cell_with_columns_of_its_own_says_so():
    cell = table(page("<table><tr><td>CEA<td><pre>day   value\n1      4.1</pre></table>")).cells[1]

    assert (cell.text.replace("\u00a0", " "), cell.is_fixed) == ("day   value\n1      4.1", True)


def test_a_heading_is_what_says_so_never_the_first_row():
    assert table(page("<table><tr><td>CEA<td>4.1<tr><td>Hb<td>9</table>")).heading_rows == 0
    assert table(page("<table><tr><th>Test<th>Value<tr><th>CEA<td>4.1</table>")).heading_rows == 1
    assert table(page("<table><thead><tr><td>Test<td>Value</thead><tr><td>CEA<td>4</table>")).heading_rows == 1
    assert table(sample("cda-colspan.xml")).heading_rows == 2


def test_a_span_ends_with_its_group_and_its_table():
    made = gridded([[[Cell("a", rows=9), Cell("b")], [Cell("c")]], [[Cell("d"), Cell("e")]]])

    assert [made.row(n) for n in range(3)] == [["a", "b"], ["a", "c"], ["d", "e"]]


def test_a_foot_stands_last_and_a_caption_stays():
    found = page("<table><caption>Blood</caption><tfoot><tr><td>verified</tfoot><tr><td>CEA</table>")

    assert (table(found).caption, grid(found)) == ("Blood", [["CEA"], ["verified"]])


def test_a_table_that_is_cut_says_so():
    made = gridded([[[Cell("a"), Cell("b")]] * 5_001, [[Cell("c"), Cell("d")]], [[Cell("e")]]])

    assert made.row(5_000) == ["a", "b"]
    assert "goes on" in made.row(5_001)[0]
    assert made.height == 5_002
    assert not any("goes on" in cell.text for cell in gridded([[[Cell("a")]] * 5_001]).cells)


def test_a_table_within_a_cell_keeps_each_value_with_its_name():
    inner = "<table><tr><th>Test</th><th>Value</th></tr><tr><td>CEA</td><td>4.1</td></tr></table>"
    outer = f"<table><thead><tr><th>Day</th><th>Results</th></tr></thead><tr><td>1</td><td>{inner}</td></tr></table>"

    assert grid(body(outer))[1] == ["1", "Test: CEA; Value: 4.1"]


def test_a_table_that_only_lays_out_is_what_it_holds():
    inner = "<table><tr><td>CEA<td>4.1</table>"

    assert grid(page(f"<table><tr><td>Left<td>{inner}</table>")) == [["CEA", "4.1"]]


def test_text_that_stands_between_cells_is_not_lost():
    assert Paragraph("stray") in body("<table><tbody><tr>stray<td>a</td></tr></tbody></table>")


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=6), max_size=6))
def test_every_cell_of_any_table_has_a_place_of_its_own_within_it(spans):
    rows = [[Cell(f"{r}.{c}", columns=w, rows=h) for c, (w, h) in enumerate(row)] for r, row in enumerate(spans)]
    made = gridded([rows])

    read = [text for cell in made.cells for text in cell.text.split("\n")]
    assert sorted(read) == sorted(cell.text for row in rows for cell in row)
    places = [
        (r, c)
        for one in made.cells
        for r in range(one.row, one.row + one.rows)
        for c in range(one.column, one.column + one.columns)
    ]
    assert max(Counter(places).values(), default=0) <= 1
    for cell in made.cells:
        assert 0 <= cell.column < cell.column + cell.columns <= made.width
        assert 0 <= cell.row < cell.row + cell.rows <= made.height


# what a document says of itself


def test_words_between_the_parts_of_a_name_are_shown():
    header = """<recordTarget><patientRole><patient><name>Ada B. <family>Quill</family></name></patient></patientRole>
    </recordTarget>"""

    facts = dict(next(block for block in blocks("text/xml", cda("x", header)) if isinstance(block, Facts)).rows)

    assert facts["Patient"] == "Ada B. Quill"


def test_a_clinical_document_says_whose_it_is_from_whom_and_what_it_replaces():
    header = """<id root="2.999" extension="D-17"/><code displayName="Pathology report"/>
    <effectiveTime value="20260105173000-0500"/><versionNumber value="2"/>
    <recordTarget><patientRole><id root="2.999.1" extension="M-7" assigningAuthorityName="Lakeside"/>
    <patient><name><given>Ada</given><given>B.</given><family>Quill</family></name>
    <administrativeGenderCode code="F"/><birthTime value="19580302"/></patient></patientRole></recordTarget>
    <author><time value="2026"/><assignedAuthor><assignedPerson><name><prefix>Dr.</prefix><given>Kim</given>
    <family>Lee</family></name></assignedPerson><representedOrganization><name>Lakeside Pathology</name>
    </representedOrganization></assignedAuthor></author>
    <custodian><assignedCustodian><representedCustodianOrganization><name>Lakeside Hospital</name>
    </representedCustodianOrganization></assignedCustodian></custodian>
    <relatedDocument typeCode="RPLC"><parentDocument><id root="2.999" extension="D-16"/></parentDocument>
    </relatedDocument>"""

    facts = dict(next(block for block in blocks("text/xml", cda("x", header)) if isinstance(block, Facts)).rows)

    assert facts == {
        "Patient": "Ada B. Quill",
        "Patient no.": "M-7 (Lakeside)",
        "Born": "02 Mar 1958",
        "Sex": "Female",
        "Kind": "Pathology report",
        "Dated": "05 Jan 2026, 17:30 (UTC-05:00)",
        "Document no.": "D-17 (2.999)",
        "Version": "2",
        "Replaces": "D-16 (2.999)",
        "Author": "Dr. Kim Lee, Lakeside Pathology, 2026",
        "Custodian": "Lakeside Hospital",
    }


def test_a_section_of_coded_entries_alone_says_so():
    document = cda("x").replace(b"<text>x</text>", b"<entry/><entry/>")

    assert Remark("This section has no text; 2 coded entries are in the file.") in blocks("text/xml", document)


def test_text_without_markup_keeps_its_lines():
    assert body("Margins free.\n  No nodes.") == [Paragraph("Margins free.\nNo nodes.")]
    assert body("TEST     VALUE\n  CEA    4.1\n") == [FixedWidth("TEST     VALUE\nCEA    4.1")]


def test_a_document_carried_inside_another_is_found():
    carried = b'<text mediaType="application/pdf" representation="B64">JVBE Ri0</text>'
    document = b"<ClinicalDocument><component><nonXMLBody>%b</nonXMLBody></component></ClinicalDocument>" % carried

    assert Embedded("application/pdf", b"%PDF-") in blocks("text/xml", document)
    assert Embedded("text/rtf", b"{\\rtf1 Invasive carcinoma}") in sample("cda-rtf-body.xml")


def test_a_body_that_is_elsewhere_is_no_body():
    with pytest.raises(BodyElsewhere):
        sample("cda-body-elsewhere.xml")


# HTML


def test_blanks_beside_bold_words_are_one_and_none_at_the_beginning():
    (first,) = page("<b> Asthma</b> or <b> none</b> ")
    assert first.text.replace("\ufdd0", "") == "Asthma or none"


def test_what_a_style_sets_apart_joins_nothing():
    block, cell = "<b style='display: block'>{}</b>", "<span style='display:inline-block'>{}</span>"
    assert page(block.format("1") + block.format("000")) != [Paragraph("1000")]
    assert page(cell.format("10") + cell.format("2 mg")) == [Paragraph("10 2 mg")]


@pytest.mark.parametrize("compression", ["DF", "GZ", "ZL"])
def test_a_body_that_is_packed_is_unpacked(compression):
    packer = zlib.compressobj(wbits={"DF": -15, "GZ": 31, "ZL": 15}[compression])
    packed = base64.b64encode(packer.compress(b"{\\rtf1 Margins free}") + packer.flush()).decode()
    text = f"<text mediaType='text/rtf' representation='B64' compression='{compression}'>{packed}</text>"
    body = f"<component><nonXMLBody>{text}</nonXMLBody></component>"
    said = f"<ClinicalDocument xmlns='urn:hl7-org:v3'>{body}</ClinicalDocument>"

    assert Embedded("text/rtf", b"{\\rtf1 Margins free}") in blocks("text/xml", said.encode())
    assert flaws("text/xml", said.encode()) == set()
    cut = said.replace(packed, packed[:12])
    assert flaws("text/xml", cut.encode()) == {Flaw.UNDECODABLE}


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>x</p>",
        "<p style='display: none'>x</p>",
        "<p style='visibility:hidden'>x</p>",
        "<input type=hidden value=x>",
        "<style>.h{display:none}</style><p class='a h'>x</p>",
        "<style>#h, p.b { visibility : hidden }</style><p id=h>x</p>",
        "<script>x</script>",
        "<template>x</template>",
        "<!-- x -->",
    ],
)
def test_what_a_browser_hides_is_not_shown(hidden):
    assert page(f"seen {hidden}") == [Paragraph("seen")]


def test_what_only_print_hides_is_shown():
    assert page("<style>@media print{p{display:none}}</style><p>seen</p>") == [Paragraph("seen")]


def test_columns_stay_columns():
    assert sample("html-table.html", "text/html")[-1] == FixedWidth("TEST      RESULT\nCEA          4.1")
    assert page("<div style='white-space: pre'>a   b\n c</div>") == [FixedWidth("a   b\n c")]


def test_a_form_on_a_page_shows_what_is_in_it():
    found = page("<input value=CEA> <input type=checkbox checked>yes<select><option>a<option selected>b</select>")

    assert found == [Paragraph("CEA [x] yes b")]


def test_markup_of_a_page_is_text_and_its_script_is_nothing():
    text = "<head><style>x</style></head><body><p>One &amp; two</p><script>evil()</script><li>Three</li></body>"

    assert page(text) == [Paragraph("One & two"), Paragraph("Three")]


# letters


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_text_is_read_in_the_encodings_that_occur(encoding):
    assert blocks("text/plain", "Müller, Größe".encode(encoding)) == [FixedWidth("Müller, Größe")]


def test_letters_are_those_that_are_declared():
    word = "Žluťoučký"
    for content_type, data in (
        ("text/plain; charset=iso-8859-2", word.encode("iso-8859-2")),
        ("text/html", f'<meta charset="windows-1250"><p>{word}'.encode("cp1250")),
        ("text/html; charset=cp1250", word.encode("cp1250")),
        ("text/xml", cda(word).decode().encode("cp1250").join((b'<?xml version="1.0" encoding="windows-1250"?>', b""))),
    ):
        assert any(word in getattr(block, "text", "") for block in blocks(content_type, data)), content_type
    assert blocks("text/xml", '<?xml version="1.0" encoding="Shift_JIS"?><a>検査</a>'.encode("shift_jis")) == [
        Paragraph("検査")
    ]
    assert Paragraph("Größe 3 cm") in sample("cda-latin1.xml")
    assert sample("text-cp1252.txt", "text/plain") == [FixedWidth("Größe 3 cm – “fest”, 5 µg/L, ±2 °C, patient’s")]


def test_letters_that_are_wrongly_declared_are_read_all_the_same():
    assert blocks("text/xml", b'<?xml version="1.0" encoding="UTF-8"?><a>Gr\xf6\xdfe</a>') == [Paragraph("Größe")]


# XML


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        b'<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a>&b;</a>',
        b'<!DOCTYPE a [<!ATTLIST a b CDATA "c">]><a>d</a>',
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


# RTF and Word


def test_rich_text_reads_as_its_paragraphs_and_tables():
    assert sample("note.rtf", "text/rtf") == [Paragraph("Invasive adenocarcinoma"), Paragraph("Margins free")]
    head = rb"{\rtf1\ansi\ansicpg1252 Before\par\trowd CEA\cell 4\'b5g\cell\row"
    rows = head + rb"\trowd Hb\cell 9\cell\row After \u8805?5\par}"
    assert blocks("text/rtf", rows) == [
        Paragraph("Before"),
        plain_table([["CEA", "4µg"], ["Hb", "9"]], heading_rows=0),
        Paragraph("After ≥5"),
    ]


def test_a_row_of_rich_text_may_be_defined_after_its_cells():
    rows = rb"{\rtf1 Score\par A\cell 0\cell\trowd\row B\cell one\par two\cell\trowd\row End\par}"

    assert blocks("text/rtf", rows) == [
        Paragraph("Score"),
        plain_table([["A", "0"], ["B", "one\ntwo"]], heading_rows=0),
        Paragraph("End"),
    ]


def test_xml_of_another_kind_reads_as_its_texts_with_their_names():
    data = b"<report><patient>Ada</patient><result unit='g'>4.1</result><pdf representation='B64'>QUJD</pdf></report>"

    assert blocks("text/xml", data) == [Paragraph("patient: Ada"), Paragraph("result: 4.1")]
    section = b"<section><title>Plan</title><text>rest</text></section>"
    assert blocks("text/xml", section) == [Heading("Plan"), Paragraph("rest")]


@pytest.mark.parametrize(
    ("mark", "word"),
    [
        (rb"{\v x}", "hidden"),
        (rb"{\field{\*\fldinst FORMCHECKBOX{\*\formfield{\fftype1\ffres1}}}{\fldrslt }}yes", "ticked"),
        (rb"{\pict 00}", "pictures"),
        (rb"{\header h}", "heads"),
        (rb"{\*\annotation c}", "comments"),
    ],
)
def test_what_rich_text_does_not_show_as_it_is_meant_is_told(mark, word):
    found = blocks("text/rtf", rb"{\rtf1 " + mark + b" x}")

    assert any(isinstance(block, Remark) and word in block.text for block in found)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (rb"10{\up6 9}/L", "10⁹/L"),
        (rb"10\up6 9\up0 /L", "10⁹/L"),
        (rb"Dose {\deleted 100}{\revised 10} mg", "Dose [deleted: 100]10 mg"),
        (rb"Dose {\strike 100} 10 mg", "Dose [deleted: 100] 10 mg"),
        (rb"Dose \strike 100\strike0  10 mg", "Dose [deleted: 100] 10 mg"),
        (rb"Dose \striked1 100\plain  10 mg", "Dose [deleted: 100] 10 mg"),
        (rb"\b0\deleted0 10{\super 9}/L, m\super 2\nosupersub , 1{\super st}", "10\u2079/L, m\u00b2, 1^st"),
        (rb"Seen {\v not this }here", "Seen here"),
        (rb"H{\sub 2}O 5\'b5g", "H2O 5\u00b5g"),
        (rb"x{\pict\bin4 }}}}00} y", "x y"),
    ],
)
def test_what_is_struck_out_raised_or_hidden_in_rich_text_is_told_from_the_rest(source, said):
    first = blocks("text/rtf", rb"{\rtf1\ansi\ansicpg1252 " + source + b"}")[0]

    assert first.text.replace("\ufdd1", "") == said


def test_each_line_of_what_is_deleted_says_so():
    found = blocks("text/rtf", rb"{\rtf1 a{\strike one\par two}\par b}")
    assert [block.text.replace("\ufdd1", "") for block in found] == ["a[deleted: one]", "[deleted: two]", "b"]


@pytest.mark.parametrize("word", [b"column", b"softline", b"lbr1", b"line", b"sect"])
def test_what_ends_a_line_of_rich_text_joins_no_words(word: bytes):
    assert blocks("text/rtf", rb"{\rtf1 one\%b two\par}" % word) == [Paragraph("one"), Paragraph("two")]


FONTS = rb"{\fonttbl{\f0 Arial;}{\f1\fcharset2{\*\panose 05050102}Symbol;}{\f2\fcharset2 Wingdings;}}"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (rb"Ki-67 {\f1 \'a3} 5", "Ki-67 ≤ 5"),
        (rb"\f1\'b3\f0  3", "≥ 3"),
        (rb"5 {\f1 m}g", "5 μg"),
        (rb"{\f1\u8804\'a3} 5", "≤ 5"),
        (rb"{\f2 \'fe} yes {\f2 \'a8} no", "☑ yes ☐ no"),
        (rb"{\f0 \'a3} 5", "£ 5"),
        (rb"\plain\f1\'a3\plain  mg dose", "≤ mg dose"),
    ],
)
def test_letters_of_fonts_that_draw_signs_are_these_signs(source: bytes, said: str):
    assert blocks("text/rtf", rb"{\rtf1\ansi\ansicpg1252" + FONTS + source + rb"\par}") == [Paragraph(said)]


def test_the_number_of_a_list_is_shown_by_its_older_word_too():
    old, both = rb"{\pntext\f0 2.\tab}Margins", rb"{\listtext\f0 2.\tab}{\pntext\f0 2.\tab}Margins"
    for source in (old, both):
        assert blocks("text/rtf", rb"{\rtf1\ansi " + source + rb"\par}") == [FixedWidth("2.      Margins")]


def test_what_a_word_document_strikes_out_hides_raises_or_draws_as_a_sign_is_told_from_the_rest():
    document = docx.Document()
    written = document.add_paragraph("Dose ")
    for text, property_ in (("10 mg", "strike"), ("x", "hidden"), ("4 mg", "double_strike"), ("9", "superscript")):
        setattr(written.add_run(text).font, property_, True)
    shown = written.add_run("/L")
    shown.font.hidden = False
    sign = OxmlElement("w:sym")
    sign.set(qn("w:font"), "Symbol")
    sign.set(qn("w:char"), "F0A3")
    shown._r.append(sign)
    for odd in ("zz", "", "FFFFFF"):
        nothing = OxmlElement("w:sym")
        nothing.set(qn("w:char"), odd)
        shown._r.append(nothing)
    kept = io.BytesIO()
    document.save(kept)

    assert blocks(DOCX, kept.getvalue()) == [
        Paragraph("Dose [deleted: 10 mg][deleted: 4 mg]⁹/L≤"),
        Remark("Some text is hidden in the file, and not shown here."),
    ]


@pytest.mark.parametrize(
    "struck",
    [
        '<content styleCode="Strikethrough">10 mg</content>',
        '<content styleCode="Bold xStrike">10 mg</content>',
        '<content revised="delete">10 mg</content>',
    ],
)
def test_what_a_clinical_document_strikes_out_does_not_read_as_valid(struck: str):
    assert Paragraph(f"[deleted: {STRUCK}10 mg{STRUCK}] 5 mg") in blocks("text/xml", cda(f"{struck} 5 mg"))


@pytest.mark.parametrize("style", ["text-decoration: line-through", "text-decoration-line:underline line-through"])
def test_what_a_page_strikes_out_by_its_style_does_not_read_as_valid(style: str):
    assert page(f"<span style='{style}'>10 mg</span> 5 mg") == [Paragraph(f"[deleted: {STRUCK}10 mg{STRUCK}] 5 mg")]


@pytest.mark.parametrize(
    "struck",
    [
        "<span style='text-decoration:line-through;vertical-align:super'>positive</span>",
        "<del style='vertical-align:super'>positive</del>",
    ],
)
def test_what_is_struck_out_and_raised_does_not_read_as_valid(struck: str):
    assert page(f"HER2 {struck}") == [Paragraph(f"HER2 [deleted: {STRUCK}positive{STRUCK}]")]


@pytest.mark.parametrize(
    "number",
    [
        "10<span style='vertical-align: super; font-size:8px'>9</span>/L",
        "10<span style='font-weight:bold;vertical-align:super'>9</span>/L",
    ],
)
def test_a_number_that_its_style_raises_is_never_a_digit_more(number: str):
    assert page(number) == [Paragraph("10⁹/L")]


def test_a_number_that_a_style_code_raises_is_never_a_digit_more():
    assert Paragraph("10⁹/L") in blocks("text/xml", cda('10<content styleCode="superscript">9</content>/L'))


def test_an_underlined_value_stands():
    assert page("<span style='text-decoration: underline'>10 mg</span>") == [Paragraph("10 mg")]


@pytest.mark.parametrize(("page", "letter"), [(rb"\mac", rb"\'8e"), (rb"\pc", rb"\'82"), (rb"\pca", rb"\'82")])
def test_letters_of_code_pages_before_windows_are_read(page, letter):
    assert blocks("text/rtf", rb"{\rtf1" + page + b" caf" + letter + rb" \u8805\'3d 5}") == [
        Paragraph("caf\u00e9 \u2265 5")
    ]


def test_boxes_of_rich_text_are_read_once():
    shape = rb"{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt Grade {\b 2}\par}}{\shprslt{\*\do{\dptxbxtext Grade 2}}}}"
    found = blocks("text/rtf", rb"{\rtf1\ansi{\fonttbl{\f0\fcharset238 A;}}\f0 Before " + shape + rb"After\par}")

    assert found == [Paragraph("Before After"), Remark("In a box on the page:"), Paragraph("Grade 2")]


def test_a_word_document_reads_as_its_paragraphs_and_tables():
    import docx
    from docx.oxml import parse_xml

    document = docx.Document()
    document.add_heading("Result", 1)
    document.add_paragraph("Margins free")
    grid_ = document.add_table(2, 3)
    for n, text in enumerate(("Before", "", "After", "CEA", "4", "41")):
        grid_.cell(n // 3, n % 3).text = text
    grid_.cell(0, 0).merge(grid_.cell(0, 1))
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    deleted = "<w:del><w:r><w:delText>no</w:delText></w:r></w:del>"
    changed = f"<w:p {space}>{deleted}<w:ins><w:r><w:t>yes</w:t></w:r></w:ins></w:p>"
    document.element.body.insert(2, parse_xml(changed))
    kept = io.BytesIO()
    document.save(kept)
    found = blocks(DOCX, kept.getvalue())

    assert found[:3] == [Heading("Result", 2), Paragraph("Margins free"), Paragraph("[deleted: no][inserted: yes]")]
    assert [[text.strip() for text in row] for row in grid(found)] == [
        ["Before", "Before", "After"],
        ["CEA", "4", "41"],
    ]


# bounds


def test_a_result_message_reads_as_its_sheet():
    message = (
        b"MSH|^~\\&|LAB\rPID|1||7^^^X||DOE^ANN\rOBR|1||F1|11529-5^Surgical pathology^LN|||202611010830\r"
        b"OBX|1|FT|22637-3^Final diagnosis^LN||Adenocarcinoma\\.br\\of the colon||||||F\rNTE|1||MSI-high\r"
        b"OBX|2|FT|22634-0^Gross^LN||4 cm||||||D\r"
        b"OBX|3|NM|2039-6^CEA^LN||4.2|ng/mL|0-5|H|||C\rOBX|4|NM|2040-6^CA^LN||5||||||F\r"
        b"OBX|5|ED|PDF^Report||^application^pdf^Base64^JVBERi0xLjQKJSVFT0Y=||||||F\r"
    )

    assert blocks("application/hl7-v2", message) == [
        Facts((("Patient", "ANN DOE"), ("Number", "7"), ("Sent by", "LAB"))),
        Heading("Surgical pathology"),
        Facts((("Report number", "F1"), ("Collected", "2026-11-01 08:30"))),
        Heading("Final diagnosis", 3),
        FixedWidth("Adenocarcinoma\nof the colon"),
        Paragraph("Note: MSI-high"),
        plain_table(
            [
                ("Test", "Value", "Unit", "Range", "Flag", "Status", "When"),
                ("CEA", "4.2", "ng/mL", "0-5", "High (H)", "Corrected", "2026-11-01 08:30"),
                ("CA", "5", "", "", "", "Final", "2026-11-01 08:30"),
            ]
        ),
        Heading("Report", 3),
        Paragraph("(an attached file, application/pdf: it is beside this message)"),
        Remark("Left out: 1 result that the source deleted."),
        Remark("Not shown: codes and handling of the message, 20 words. The file has them."),
    ]


def test_two_orders_are_two_sections_and_a_note_stands_where_it_belongs():
    message = (
        b"MSH|^~\\&|LAB\rPID|1||7^^^X\rNTE|1||about the patient\rOBR|1||F1|a^First^L\rNTE|1||about the order\r"
        b"OBX|1|NM|x^One^L||1|||||||||202611020900-0500\rNTE|1||about one\\.br\\goes on\rOBR|2||F2|b^Second^L\r"
        b"OBX|1|ST|y^Other^L||>5\r"
    )

    assert blocks("application/hl7-v2", message) == [
        Facts((("Number", "7"), ("Sent by", "LAB"))),
        Paragraph("Note: about the patient"),
        Heading("First"),
        Facts((("Report number", "F1"),)),
        Paragraph("Note: about the order"),
        plain_table([("Test", "Value", "When"), ("One", "1", "2026-11-02 09:00 -05:00")]),
        Paragraph("Note: about one\ngoes on"),
        Heading("Second"),
        Facts((("Report number", "F2"),)),
        plain_table([("Test", "Value"), ("Other", ">5")]),
        Remark("Not shown: codes and handling of the message, 11 words. The file has them."),
    ]


def test_results_in_fhir_are_set_out_like_those_of_hl7_v2():
    found = blocks("application/fhir+json", A_REPORT)

    assert Heading("Tumor marker") in found
    assert grid(found) == [["Test", "Value", "Unit", "Flag", "Status"], ["CEA", "7.20", "ng/mL", "High", "Final"]]
    assert any("Rising." in getattr(one, "text", "") for one in found)


def test_another_resource_is_for_programs():
    with pytest.raises(ForPrograms):
        blocks("application/fhir+json", b'{"resourceType":"Patient"}')


def test_a_very_long_text_is_cut_and_says_so():
    found = blocks("text/plain", b"word word\n" * 100_000)

    assert found[-1] == Remark("The document goes on; the rest is in the file itself.")
    assert sum(len(getattr(block, "text", "")) for block in found) < 310_000


def test_a_kind_of_file_without_text_is_not_guessed_at():
    assert blocks("application/zip", b"PK") is None


@given(
    st.sampled_from(TYPES), st.binary(max_size=300) | st.text("MSHOBX|^\\&~<>a/ \r\n{}", max_size=300).map(str.encode)
)
def test_any_bytes_are_read_or_refused_never_a_crash(media_type, data):
    with contextlib.suppress(Unreadable, BodyElsewhere, ForPrograms):
        assert blocks(media_type, data)


@pytest.mark.parametrize("at", range(30, 120, 7))
def test_a_word_document_that_does_not_unpack_is_refused(at):
    kept = io.BytesIO()
    docx.Document().save(kept)
    broken = bytearray(kept.getvalue())
    broken[at] ^= 0xFF

    with contextlib.suppress(Unreadable):
        assert blocks(DOCX, bytes(broken)) == []  # or it is read all the same, and there is no text in it


def test_values_of_two_specimens_say_which_and_those_of_one_do_not():
    message = (
        b"MSH|^~\\&|LIS|LAB|US|US|20260104||ORU^R01|1|P|2.5.1\rOBR|1||F1|x\r"
        b"OBX|1|ST|ER^Estrogen receptor|1a|Positive||||||F\rOBX|2|ST|ER^Estrogen receptor|2a|Negative||||||F\r"
        b"OBX|3|ST|KI^Ki-67|1a|12 %||||||F\r"
    )
    (table,) = [one for one in blocks("application/hl7-v2", message) if isinstance(one, NarrativeTable)]

    assert [table.row(number)[:2] for number in range(1, table.height)] == [
        ["Estrogen receptor (1a)", "Positive"],
        ["Estrogen receptor (2a)", "Negative"],
        ["Ki-67", "12 %"],
    ]
