"""The packet as a specialist reads it: the case, a timeline, documents by kind, images by series."""

import base64
import io
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pypdf import PdfReader

from tests.kit.dicomdirs import a_study
from tests.kit.fakes import MemoryVault
from tests.kit.packets import CASE, APacket, a_message_with_its_pdf, a_packet, a_pdf, a_record, an_item, contents, made
from transfer.adapters.packet.layout import lay_out, one_line
from transfer.flaws import AttachedFile, Flaw
from transfer.identifiers import PacketId
from transfer.materials import MaterialKind, MaterialState
from transfer.packet import MaterialItem, Missing, Superseded
from transfer.partial_dates import PartialDate
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.records import DocumentStatus, RecordKind, Relation
from transfer.verify import VerificationOutcome, verify

SAMPLES = Path(__file__).parents[2] / "samples" / "dicom"
pytestmark = pytest.mark.filterwarnings("ignore")
ACCESSION = IssuedIdentifier("urn:oid:1.2.3", "CT-2026-0801")
PDF = "application/pdf"


class _Words(HTMLParser):
    """What is read on a page, and what it points to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words, self.sources, self.links, self.ids = "", [], [], []
        self._is_style = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self._is_style = tag == "style"
        self.sources += [said["src"]] if "src" in said else []
        self.links += [said["href"]] if "href" in said else []
        self.ids += [said["id"]] if "id" in said else []

    def handle_data(self, data: str) -> None:
        self.words += "" if self._is_style else f" {data}"


def read(packet: APacket) -> _Words:
    return _Words(packet.files["index.html"].decode())


def text(packet: APacket) -> str:
    return " ".join(read(packet).words.split())


def test_the_case_stands_on_top_in_five_lines():
    page = a_packet().files["index.html"].decode()
    top = page[page.index('<dl class="brief">') : page.index("</dl>")]
    rows = [unescape(re.sub("<[^>]+>", "", row)) for row in re.findall(r"<d[td]>.*?</d[td]>", top, re.DOTALL)]

    assert rows == [
        "Patient",
        "Nguyễn-Żółć, Maria · born 02 Mar 1958 · female",
        "Diagnosis",
        "Malignant neoplasm of sigmoid colon (ICD-10-CM C18.7), stage IIIB",
        "Question",
        "Is adjuvant treatment indicated?",
        "Referred by",
        "Dr Ana Ruiz, telephone +1 262 555 0142, Lakeside Oncology",
        "For",
        "Summit Cancer Center · appointment 03 Dec 2026 · needed by 01 Dec 2026",
    ]


def test_what_the_referral_may_not_say_reads_as_never_there():
    packet = made(
        contents(
            (), referring_name=None, referrer=None, diagnosis=None, appointment=None, needed_by=None, question=None
        ),
        MemoryVault(),
    )
    said = text(packet)

    for label in ("Diagnosis", "Question", "Referred by", "appointment", "needed by"):
        assert label not in said
    assert "Summit Cancer Center" in said


def test_institutions_are_named_and_no_page_shows_an_oid():
    stranger = IssuedIdentifier("urn:oid:2.16.840.1.113883.9.9", "X-77")
    ours = IssuedIdentifier("urn:oid:2.16.840.1.113883.19.5", "MRN-00123")
    patient = Demographics(names=(PersonName("Roe", ("Jane",)),), identifiers=(ours, stranger))
    packet = made(contents((), patient=patient), MemoryVault())

    assert "MRN-00123 (Lakeside Oncology); X-77" in text(packet)
    assert "urn:" not in text(packet)
    assert "2.16.840" not in text(packet)


def dated(vault: MemoryVault, number: int, title: str, day: PartialDate | None, **said: object):
    at = said.pop("at", None)
    return an_item(vault, f"text {number}".encode(), number, title=title, day=day, at=at, code=None, **said)


def test_the_timeline_goes_by_the_day_that_the_source_says_oldest_first():
    vault = MemoryVault()
    items = (
        dated(vault, 1, "Third", PartialDate(2026, 9, 1), kind=RecordKind.PATHOLOGY_REPORT),
        dated(vault, 2, "First", PartialDate(2013)),
        dated(vault, 3, "Last", None),
        dated(vault, 4, "Second", PartialDate(2026, 8)),
        dated(vault, 5, "Copy", PartialDate(2026, 8, 5), copy_of=a_record(1)),
    )
    study = a_study(vault, (SAMPLES / "CT_small.dcm").read_bytes(), title="CT chest", day=PartialDate(2026, 8, 30))
    packet = made(contents(items, (study,)), vault)
    page = packet.files["index.html"].decode()
    timeline = page[page.index('id="timeline"') : page.index('id="documents"')]
    shown = [timeline.index(words) for words in (">First<", ">Second<", ">CT chest<", ">Third<", ">Last<")]

    assert shown == sorted(shown)
    for words in ("2013", "Aug 2026", "30 Aug 2026", "01 Sep 2026", "undated"):
        assert f'<td class="d">{words}</td>' in timeline
    assert "Copy" not in timeline
    assert "Copy" in page


def test_a_message_and_the_pdf_it_carries_are_one_entry():
    vault = MemoryVault()
    packet = made(contents(a_message_with_its_pdf(vault)), vault)
    page = packet.files["index.html"].decode()
    rows = re.findall(r'<tr id="document-\d+">.*?</tr>', page, re.DOTALL)

    assert len(rows) == 2
    assert [re.findall(r'href="(data/[^"]+)"', row)[0].rpartition(".")[2] for row in rows] == ["pdf", "txt"]
    assert "as it was received, HL7" in rows[0]
    assert page.count(">Report</a>") == 2, "once in the timeline and once by its kind"


def test_the_order_of_entries_keeps_what_was_taken_out_behind_its_message():
    vault = MemoryVault()
    layout = lay_out(contents(tuple(reversed(a_message_with_its_pdf(vault)))))

    assert [document.item.record for document in layout.documents] == [a_record(n) for n in (1, 2, 3)]
    assert [(entry.number, len(entry.taken_out)) for entry in layout.entries] == [(1, 1), (3, 0)]


def test_what_is_not_in_the_pdf_says_why():
    said = text(a_packet())

    assert "no pages" in said
    assert re.search(r"(ZIP|BIN), 4 B , not in the PDF: This kind of file", said)


def test_images_stand_by_series_with_a_picture_and_their_report():
    vault = MemoryVault()
    study = a_study(
        vault,
        (SAMPLES / "CT_small.dcm").read_bytes(),
        title="CT chest",
        identifiers=(IssuedIdentifier("urn:dicom:uid", "urn:oid:1.2.3"), ACCESSION),
        modalities=("CT",),
    )
    elsewhere = IssuedIdentifier("urn:x-institution:mercy:filler", "ct-2026-0801")
    report = an_item(vault, b"Findings", 1, kind=RecordKind.IMAGING_REPORT, title="CT report", identifiers=(elsewhere,))
    other = an_item(vault, b"Other", 2, kind=RecordKind.IMAGING_REPORT, title="MR report")
    note = an_item(vault, b"Note", 3, identifiers=(ACCESSION,))
    packet = made(contents((report, other, note), (study,)), vault)
    page = read(packet)
    words = " ".join(page.words.split())

    assert len(page.sources) == 1
    jpeg = base64.b64decode(page.sources[0].removeprefix("data:image/jpeg;base64,"), validate=True)
    assert jpeg[:3] == b"\xff\xd8\xff"
    assert "accession no. CT-2026-0801" in words
    assert "Series 1 · CT · 1 image" in words
    assert re.search(r"Report: no\. \d+, CT report", words)
    assert words.count("about the images") == 1
    assert "MR report" in words


@pytest.mark.parametrize(
    ("theirs", "is_its"),
    [
        (ACCESSION, True),
        (IssuedIdentifier("urn:other", "CT-2026-0801"), True),
        (IssuedIdentifier("urn:other", "1"), False),
        (IssuedIdentifier("urn:oid:1.2.3", "CT-2026-0802"), False),
        (IssuedIdentifier("urn:dicom:uid", "urn:oid:1.2.3"), True),
    ],
)
def test_a_report_is_of_a_study_by_a_number_that_both_have(theirs, is_its):
    vault = MemoryVault()
    numbers = (IssuedIdentifier("urn:dicom:uid", "urn:oid:1.2.3"), ACCESSION, IssuedIdentifier("urn:a", "1"))
    study = a_study(vault, b"x", identifiers=numbers)
    report = an_item(vault, b"y", 1, kind=RecordKind.IMAGING_REPORT, identifiers=(theirs,))
    layout = lay_out(contents((report,), (study,)))

    assert bool(layout.reports(layout.studies[0])) is is_its
    assert (layout.study(layout.entries[0]) is not None) is is_its


def test_what_is_missing_is_said_neutrally_and_pieces_as_they_were_counted():
    plain = {"accession": "S26-9", "kind": MaterialKind.SLIDE, "description": "H&E", "state": MaterialState.RECEIVED}
    pieces = (
        MaterialItem(**plain, count_expected=0, count_received=3),
        MaterialItem(**plain, count_expected=6, count_received=4),
    )
    said = text(made(contents((), material=pieces), MemoryVault()))

    assert "Usually asked for with this diagnosis, and not in this packet: CEA" in said
    assert "Asked for; no answer yet." not in said
    assert "4 of 6" in said
    assert " of 0" not in said


HOSTILE = (
    '"><script>alert(1)</script>',
    "</td></tr></table><h1>",
    "javascript:alert(1)",
    "\u202egnp.exe\u202c",
    "a\x00b\x1b[31m\x9bm",
    "\ud800",
    "&lt;b&gt;",
    "x" * 5000,
    "' onmouseover='alert(1)",
    "\n\n\nnew\nlines",
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_others_words_are_words_on_every_page(hostile, tmp_path):
    vault = MemoryVault()
    items = (
        an_item(vault, b"text", 1, title=hostile, source_name=hostile, code=None),
        an_item(
            vault, b"PK", 2, title=None, derivation=hostile, derived_from=a_record(1), content_type="application/zip"
        ),
    )
    study = a_study(
        vault,
        (SAMPLES / "CT_small.dcm").read_bytes(),
        title=hostile,
        modalities=(hostile,),
        identifiers=(IssuedIdentifier("urn:a", f"a{hostile}"),),
    )
    named = Demographics(names=(PersonName(hostile, (hostile,)),))
    if "\ud800" in hostile:  # what comes in is text: no door lets half of a surrogate pair through
        items, study, named = items[1:], study, Demographics()
        hostile = "x"
        items = ()
    packet = made(
        contents(
            items, (study,) if items else (), patient=named, diagnosis=hostile, referrer=hostile, question=hostile
        ),
        vault,
    )
    page = packet.files["index.html"].decode()

    assert not re.search(r"<(?!/?(?:[a-z0-9]+)[ >]|!doctype)", page)
    assert "<script" not in page
    assert "onmouseover='" not in page
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", page)
    assert verify(packet.unpack(tmp_path / "packet"), packet.jwks).outcome is VerificationOutcome.VERIFIED


@given(st.text())
def test_any_text_becomes_one_line_of_bounded_length(said):
    line = one_line(said)

    assert len(line) <= 200
    assert line == line.strip()
    assert all(c.isprintable() for c in line)
    assert one_line(line) == line


def test_the_page_can_load_and_run_nothing():
    page = a_packet().files["index.html"].decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)

    assert policy
    assert policy[1].startswith("default-src 'none'")
    assert not re.search(r"https?://|//[a-z]|@import|url\(", page)


def test_a_preliminary_document_stands_out_in_both_lists():
    vault = MemoryVault()
    packet = made(contents((an_item(vault, b"draft", 1, status=DocumentStatus.PRELIMINARY),)), vault)

    assert text(packet).count("Preliminary") == 2


def test_a_packet_of_many_documents_is_written_in_reasonable_time():
    vault = MemoryVault()
    items = tuple(an_item(vault, b"x", n, title=f"Note {n}") for n in range(1, 1501))
    layout = lay_out(contents(items))

    assert len(layout.entries) == len(layout.timeline) == 1500
    assert all(layout.entry_of(document).number == document.number for document in layout.documents)


def test_what_is_withdrawn_since_an_earlier_packet_stands_above_everything():
    before = PacketId.of(CASE, 1)
    one = Superseded(record=a_record(97), packet=before, number=3, relation=Relation.WITHDRAWS)
    packet = made(contents((), packet=PacketId.of(CASE, 2), withdrawn=(one,)), MemoryVault())
    words = text(packet)

    assert f"no longer count. Please do not use them: no. 3 of packet {before}" in words
    assert words.index("no. 3 of packet") < words.index("Timeline")
    first = PdfReader(io.BytesIO(packet.files["records.pdf"])).pages[0].extract_text()
    assert f"no. 3 of packet {before}" in " ".join(first.split())
    assert "no longer count" not in text(a_packet())


def test_what_a_person_took_all_the_same_is_read_on_both_however_much_stands_beside_it():
    vault, before = MemoryVault(), PacketId.of(CASE, 1)
    taken = "Two pages are blank. Taken all the same by A. Ruiz, 20 Nov 2026."
    older = tuple(
        Superseded(record=a_record(1000 + n), packet=before, number=n, relation=Relation.REPLACES) for n in range(400)
    )
    item = an_item(vault, b"text", 1, taken=taken, supersedes=older)
    short = "3 of its images did not come. Taken all the same by B. Ode, 21 Nov 2026."
    study = a_study(vault, (SAMPLES / "CT_small.dcm").read_bytes(), taken=short)
    packet = made(contents((item,), (study,), packet=PacketId.of(CASE, 2)), vault)
    pages = PdfReader(io.BytesIO(packet.files["records.pdf"])).pages
    drawn = " ".join(" ".join(page.extract_text() for page in pages).split())

    told = json.loads(packet.files["fhir/submission.json"])
    for said in (taken, short):
        assert said in text(packet)
        assert said in drawn
        assert said in json.dumps(told)
    assert "no. 399" in text(packet)
    assert "no. 399" not in drawn
    assert "…" in drawn, "a list that is cut says so"


def test_an_accession_number_and_a_title_are_text_and_steer_nothing():
    """Others' numbers and words may hold markup, and characters that turn a line around or clear a screen."""
    vault = MemoryVault()
    hostile = IssuedIdentifier("urn:oid:1.2.3", "CT<i id=x>&\x1b[2J\u202e7")
    study = a_study(
        vault,
        (SAMPLES / "CT_small.dcm").read_bytes(),
        title="CT\x07 <u id=y>chest\u2066",
        identifiers=(hostile,),
        modalities=("CT",),
    )
    packet = made(contents((), (study,)), vault)
    page, raw = read(packet), packet.files["index.html"].decode()

    assert not {"x", "y"} & {*page.ids}
    assert "CT<i id=x>&" in page.words
    assert "<u id=y>chest" in page.words
    assert not [one for one in raw if one in "\x1b\x07\u202e\u2066"]


PLACES = (
    "name", "also", "number", "issuer", "referrer", "referring", "diagnosis", "question", "receiver", "checklist",
    "title", "source", "derivation", "taken", "attached", "study", "archive", "modality", "accession", "short",
    "series", "missing", "glass", "stain",
)  # fmt: skip


def test_each_word_of_others_is_text_wherever_the_page_says_it():
    """Each place has markup of its own that would leave text and attributes, and characters that steer a screen."""
    hostile = {one: f'"><i id={one}>\x1b\u202e' for one in PLACES}
    accession = IssuedIdentifier("urn:oid:1.2.3", hostile["accession"])
    vault, file = MemoryVault(), io.BytesIO()
    images = dcmread(SAMPLES / "CT_small.dcm")
    images.SeriesDescription = '"><i id=series>'
    images.save_as(file)
    item = an_item(
        vault,
        b"text",
        title=hostile["title"],
        kind=RecordKind.IMAGING_REPORT,
        identifiers=(accession,),
        source_name=hostile["source"],
        code=None,
        derived_from=a_record(2),
        derivation=hostile["derivation"],
        taken=hostile["taken"],
        attached=(AttachedFile(name=hostile["attached"]),),
    )
    study = a_study(
        vault,
        file.getvalue(),
        title=hostile["study"],
        source_name=hostile["archive"],
        modalities=(hostile["modality"],),
        identifiers=(accession,),
        taken=hostile["short"],
    )
    glass = MaterialItem(
        accession=hostile["glass"],
        kind=MaterialKind.SLIDE,
        description=hostile["stain"],
        count_expected=1,
        count_received=1,
        state=MaterialState.RECEIVED,
    )
    patient = Demographics(
        names=(PersonName(hostile["name"], ()), PersonName(hostile["also"], ())),
        identifiers=(IssuedIdentifier("urn:x", hostile["number"]),),
    )
    packet = made(
        contents(
            (item,),
            (study,),
            patient=patient,
            issuer_names={"urn:x": hostile["issuer"]},
            referrer=hostile["referrer"],
            referring_name=hostile["referring"],
            diagnosis=hostile["diagnosis"],
            question=hostile["question"],
            receiver_name=hostile["receiver"],
            checklist=hostile["checklist"],
            missing=(Missing(line="cea", label=hostile["missing"], sentence="Not yet."),),
            material=(glass,),
        ),
        vault,
    )
    page, raw = read(packet), packet.files["index.html"].decode()

    assert [one for one in PLACES if f"<i id={one}>" not in page.words] == []
    assert {*PLACES} & {*page.ids} == set()
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", raw)


def test_files_within_a_pdf_are_told_by_name_on_the_page_and_in_the_manifest():
    vault = MemoryVault()
    attached = (
        AttachedFile(name="second report.pdf"),
        AttachedFile(name="<b>viewer</b>.exe", flaws=frozenset({Flaw.UNREADABLE})),
    )
    item = an_item(vault, a_pdf("A page"), 1, attached=attached, content_type="application/pdf")
    packet = made(contents((item,)), vault)

    assert "attached within the file: “second report.pdf”" in text(packet)
    assert "“<b>viewer</b>.exe”, which cannot be opened" in text(packet)
    (document,) = json.loads(packet.files["manifest.json"])["documents"]
    assert document["attached"] == [
        {"name": "second report.pdf", "opened": True},
        {"name": "<b>viewer</b>.exe", "opened": False},
    ]


def test_letters_that_cannot_be_drawn_are_told_beside_the_document_and_in_the_manifest():
    vault = MemoryVault()
    texts = ("検査 검사: 2.5", "ECOG 1")
    items = [an_item(vault, one.encode(), n, content_type="text/plain") for n, one in enumerate(texts, 1)]
    packet = made(contents(tuple(items)), vault)

    assert "page 3 of the PDF , where 4 characters (Han, Hangul) cannot be drawn" in text(packet)
    assert text(packet).count("cannot be drawn") == 1
    said = [one["pages"]["letters_not_drawn"] for one in json.loads(packet.files["manifest.json"])["documents"]]
    assert said == [{}, {"CJK": 2, "HANGUL": 2}]
