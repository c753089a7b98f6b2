"""What a packet says of itself: to programs, to FHIR, to people."""

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from fhir.resources.R4B.bundle import Bundle
from pypdf import PdfReader

from tests.kit.fakes import MemoryVault
from tests.kit.packets import CASE, a_packet, a_pdf, a_record, an_item, contents, made
from transfer import bag
from transfer.adapters.packet.submission import RECORD_SYSTEM
from transfer.identifiers import PacketId
from transfer.packet import NOTICE, PART_2_NOTICE, Superseded
from transfer.patients import Demographics, PersonName
from transfer.records import Coding, DocumentStatus, RecordKind, Relation


@pytest.fixture(scope="module")
def rich():
    """A packet in which records relate to one another, and whose sources send odd things."""
    vault = MemoryVault()
    markup = '"><script>alert(1)</script>'
    before = PacketId.of(CASE, 1)
    of_before = (
        Superseded(record=a_record(97), packet=before, number=3, relation=Relation.REPLACES),
        Superseded(record=a_record(98), packet=before, number=4, relation=Relation.REPLACES),
    )
    gone = (Superseded(record=a_record(99), packet=before, number=None, relation=Relation.WITHDRAWS),)
    items = (
        an_item(
            vault, a_pdf("a"), 1, content_type="application/pdf", labels=frozenset({"R", "42CFRPart2", "bad  code "})
        ),
        an_item(vault, b"b", 2, supersedes=of_before, status=DocumentStatus.CORRECTED, code=None, title=markup),
        an_item(vault, b"c", 3, derived_from=a_record(1), derivation="Page 2 withheld", source_name=markup),
        an_item(vault, b"d", 4, copy_of=a_record(1), at=None, content_type="no type", kind=RecordKind.OTHER),
        an_item(vault, b"e", 5, supersedes=gone, code=Coding("urn:x", " odd\tcode "), title=None),
    )
    patient = Demographics(names=(PersonName(markup),))
    later = PacketId.of(CASE, 2)
    return made(contents(items, packet=later, patient=patient, question=markup, replaces=before, missing=()), vault)


def read(packet, path):
    return json.loads(packet.files[path])


def test_every_file_is_listed_and_the_bag_says_how_much_there_is():
    packet = a_packet()
    files = packet.files
    payload = bag.listed(files[bag.PAYLOAD_MANIFEST])
    tags = bag.listed(files[bag.TAG_MANIFEST])

    assert payload.keys() | tags.keys() | bag.UNLISTED == files.keys()
    for path, sha256 in (payload | tags).items():
        assert hashlib.sha256(files[path]).hexdigest() == sha256
    size = sum(len(files[path]) for path in payload)
    assert f"Payload-Oxum: {size}.{len(payload)}\n".encode() in files[bag.INFO]


def test_the_manifest_says_of_each_item_what_it_is_and_where_it_came_from():
    said = read(a_packet(), "manifest.json")
    first = said["documents"][0]

    assert first["sha256"] == hashlib.sha256(a_packet().files[first["path"]]).hexdigest()
    assert (first["basis"], first["status"], first["source"]["id"]) == ("authorization", "final", "lakeside-oncology")
    assert said["missing"][0]["label"] == "CEA"
    assert (said["diagnosis"], said["referrer"]) == (a_packet().contents.diagnosis, a_packet().contents.referrer)
    assert (said["appointment"], said["needed_by"], first["day"]) == ("2026-12-03", "2026-12-01", "2026-09-02")
    assert said["material"][0]["expected"] == 14
    assert said["anchor"] == {"chain": "case", "sequence": 42, "hash": "ab" * 32}
    assert said["checklist"]["version"] == "1"


def test_the_one_notice_stands_in_every_packet_word_for_word(rich):
    for packet in (a_packet(), rich):
        assert packet.files["notice.txt"].decode() == f"{NOTICE}\n"
        assert NOTICE in packet.files["index.html"].decode()
        assert read(packet, "manifest.json")["notice"] == NOTICE


def test_the_part_2_notice_goes_with_records_that_carry_the_label_and_only_then(rich):
    assert rich.files["notice-42-cfr-part-2.txt"].decode() == f"{PART_2_NOTICE}\n"
    assert PART_2_NOTICE in rich.files["index.html"].decode()
    assert "notice-42-cfr-part-2.txt" not in a_packet().files
    assert PART_2_NOTICE not in a_packet().files["index.html"].decode()


def test_the_fhir_file_is_valid_r4_and_its_references_resolve(rich):
    for packet in (a_packet(), rich):
        text = packet.files["fhir/submission.json"]
        Bundle.model_validate_json(text)
        bundle = json.loads(text)
        known = {entry["fullUrl"] for entry in bundle["entry"]}
        assert set(re.findall(r'"reference": "([^"]+)"', text.decode())) <= known


def test_the_submission_set_is_known_by_the_packets_id():
    bundle = read(a_packet(), "fhir/submission.json")
    submission_set = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "List")

    assert {"system": "urn:records-transfer:packet", "value": "c00000000001-p1"} in submission_set["identifier"]
    assert len(submission_set["entry"]) == 3


def test_each_document_reference_has_the_size_and_sha1_of_the_raw_bytes():
    packet = a_packet()
    bundle = read(packet, "fhir/submission.json")
    references = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "DocumentReference"]

    assert len(references) == 3
    for reference in references:
        attachment = reference["content"][0]["attachment"]
        data = packet.files[attachment["url"].removeprefix("../")]
        assert attachment["size"] == len(data)
        assert base64.b64decode(attachment["hash"]) == hashlib.sha1(data, usedforsecurity=False).digest()
        assert "docStatus" not in reference


def test_what_replaces_or_derives_from_another_says_so(rich):
    bundle = read(rich, "fhir/submission.json")
    references = {
        e["resource"]["identifier"][0]["value"]: e["resource"]
        for e in bundle["entry"]
        if e["resource"]["resourceType"] == "DocumentReference"
    }

    said = {record: [(r["code"], r["target"]) for r in one.get("relatesTo", [])] for record, one in references.items()}
    assert said[a_record(1)] == []
    assert [(code, target["identifier"]["value"]) for code, target in said[a_record(2)]] == [
        ("replaces", a_record(97)),
        ("replaces", a_record(98)),
    ]
    assert said[a_record(3)] == [("transforms", {"reference": f"urn:uuid:{references[a_record(1)]['id']}"})]
    assert said[a_record(5)][0][1]["identifier"] == {"system": RECORD_SYSTEM, "value": a_record(99)}


def test_the_manifest_says_what_is_replaced_by_what_the_receiver_knows_it_by(rich):
    said = {one["record"]: one["supersedes"] for one in read(rich, "manifest.json")["documents"]}

    assert said.pop(a_record(2)) == [
        {"record": a_record(97), "packet": "c00000000001-p1", "number": 3, "relation": "replaces"},
        {"record": a_record(98), "packet": "c00000000001-p1", "number": 4, "relation": "replaces"},
    ]
    assert said.pop(a_record(5)) == [
        {"record": a_record(99), "packet": "c00000000001-p1", "number": None, "relation": "withdraws"}
    ]
    assert list(said.values()) == [[], [], []]


def test_the_pdf_says_what_a_document_replaces(rich):
    pages = PdfReader(io.BytesIO(rich.files["records.pdf"])).pages
    text = " ".join(" ".join(page.extract_text() for page in pages).split())

    assert "replaces no. 3 and no. 4 of packet c00000000001-p1" in text
    assert "withdraws a document of packet c00000000001-p1" in text


def test_a_packet_does_not_hold_what_it_replaces():
    vault = MemoryVault()
    older = Superseded(record=a_record(1), packet=PacketId.of(CASE, 1), number=1, relation=Relation.REPLACES)

    with pytest.raises(ValueError, match="replaces"):
        contents((an_item(vault, b"a", 1), an_item(vault, b"b", 2, supersedes=(older,))))
    with pytest.raises(ValueError, match="addendum"):
        replace(older, relation=Relation.APPENDS)


class _Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.ids, self.sources = [], [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        said = dict(attrs)
        self.ids.add(said.get("id"))
        if "href" in said:
            self.links.append(said["href"])
        if "src" in said:
            self.sources.append(said["src"])


def test_the_page_for_people_needs_no_network_and_no_script_and_its_links_lead_somewhere(rich):
    for packet in (a_packet(), rich):
        page = _Page(packet.files["index.html"].decode())

        assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
        assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
        for link in page.links:
            path, _, place = link.partition("#")
            assert path in packet.files or (not path and place in page.ids)
        assert {"documents/" in link for link in page.links} == {True, False}


def test_what_comes_from_outside_is_text_on_the_page_never_markup(rich):
    assert b"<script" not in rich.files["index.html"]
    assert b"&lt;script&gt;" in rich.files["index.html"]


def test_the_page_shows_status_relations_and_what_is_missing(rich):
    page = rich.files["index.html"].decode()

    assert "replaces no. 3 and no. 4 of packet c00000000001-p1" in page
    assert "withdraws a document of packet c00000000001-p1" in page
    assert "replaces" not in a_packet().files["index.html"].decode()
    assert "Page 2 withheld" in page
    assert "undated" in page
    assert "Not in this packet" not in page
    assert "<li>CEA</li>" in a_packet().files["index.html"].decode()


def test_paths_say_nothing_of_the_patient(rich):
    for packet in (a_packet(), rich):
        assert all(bag.is_path(path) for path in packet.files)
        assert not any(re.search(r"nguy|123|miller", path, re.IGNORECASE) for path in packet.files)


def test_a_case_with_nothing_in_it_makes_a_packet_all_the_same():
    vault = MemoryVault()
    packet = made(contents((), patient=Demographics(), question=None, missing=(), material=()), vault)

    assert "Name not stated" in packet.files["index.html"].decode()
    Bundle.model_validate_json(packet.files["fhir/submission.json"])
    assert packet.contents.created_at == datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
