"""What a report or document message says: whose it is, what it is, how far it can be trusted, and what it holds."""

import os
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.kit.scripted_fhir import an_institution
from transfer.adapters.hl7v2 import (
    PART_2,
    Change,
    MessageDocument,
    batch,
    documents,
    header,
    identity_changes,
    kind,
    mentioned,
    referral,
)
from transfer.adapters.hl7v2.characters import Delimiters
from transfer.adapters.hl7v2.content import EmbeddedContent, Encoded, embedded_content
from transfer.adapters.hl7v2.sheet_reading import result_sheets
from transfer.adapters.hl7v2.statuses import of_document, of_report
from transfer.adapters.hl7v2.values import moment
from transfer.arrivals import ArrivalKind, Priority, ReferralUpdate
from transfer.errors import NeedsReview, Unexpected, Unreadable
from transfer.flaws import Flaw
from transfer.institutions import ByHand, Department, Institution, Institutions, IssuerName
from transfer.patients import IssuedIdentifier, PersonName
from transfer.records import DocumentStatus, RecordKind, Relation
from transfer.referrals import ReferralStatus

SAMPLES = Path(__file__).parents[1] / "samples" / "hl7v2"
HOSPITAL = "urn:oid:2.16.840.1.113883.19.5"
LIS = "urn:x-lis"
LABORATORY = Institution(
    id="commhosp-lab",
    name="A laboratory",
    time_zone="America/New_York",
    issuers={"LISAPP": LIS},
    codes={"LOCAL|PATH1": RecordKind.PATHOLOGY_REPORT},
    departments=(Department(id="desk", name="Desk", holds=(RecordKind.NOTE,), asked=ByHand(by="hand")),),
)
CENTER = Institution(
    id="recv-center",
    name="A center",
    time_zone="America/New_York",
    identifiers=(IssuerName(system="http://hl7.org/fhir/sid/us-npi", value="1740000009"),),
)
MSH = "MSH|^~\\&|LISAPP|COMMHOSP|RECAPP|RECVCC|20260105101500||{}|1|P|2.5.1\r"


def read(name: str) -> MessageDocument:
    (sent,) = documents((SAMPLES / f"{name}.hl7").read_bytes(), LABORATORY)
    return sent


def a_report(*segments: str, institution: Institution = LABORATORY) -> list[MessageDocument]:
    return documents((MSH.format("ORU^R01^ORU_R01") + "\r".join(segments)).encode(), institution)


def content_of(data: bytes, encoding: str | None, said: str | None) -> EmbeddedContent:
    return embedded_content([Encoded(memoryview(data), encoding, Delimiters(b"|"))], said)


def text_on_the_sheet(name: str) -> str:
    (sheet,) = result_sheets((SAMPLES / f"{name}.hl7").read_bytes())
    return "\n".join(text for section in sheet.sections for line in section.lines for text in line.value)


#: file → kind, status, relation, types of its files, flaws
PDF = "application/pdf"
PATHOLOGY, OPERATION = RecordKind.PATHOLOGY_REPORT, RecordKind.OPERATIVE_NOTE
FINAL, PRELIMINARY = DocumentStatus.FINAL, DocumentStatus.PRELIMINARY
EXPECTED = {
    "oru_path_final_ed_pdf": (PATHOLOGY, FINAL, None, [PDF], set()),
    "oru_path_prelim": (PATHOLOGY, PRELIMINARY, None, [], set()),
    "oru_path_corrected": (PATHOLOGY, DocumentStatus.CORRECTED, Relation.REPLACES, [PDF], set()),
    "oru_path_wrong_patient_withdrawn": (PATHOLOGY, DocumentStatus.WITHDRAWN, Relation.WITHDRAWS, [], set()),
    "mdm_t02_original": (OPERATION, FINAL, None, [PDF], set()),
    "mdm_t02_unauthenticated": (OPERATION, DocumentStatus.UNAVAILABLE, Relation.WITHDRAWS, [PDF], set()),
    "mdm_t06_addendum": (OPERATION, FINAL, Relation.APPENDS, [PDF], set()),
    "mdm_t10_replacement": (OPERATION, FINAL, Relation.REPLACES, [PDF], set()),
    "mdm_t11_cancel": (OPERATION, DocumentStatus.CANCELLED, Relation.WITHDRAWS, [], set()),
    "nasty_crlf_bom": (PATHOLOGY, FINAL, None, [], set()),
    "nasty_custom_delims": (PATHOLOGY, FINAL, None, [], set()),
    "nasty_duplicate_control_id": (PATHOLOGY, FINAL, None, [], set()),
    "nasty_ed_hex": (PATHOLOGY, FINAL, None, [PDF], set()),
    "nasty_ed_not_base64": (PATHOLOGY, FINAL, None, [], {Flaw.UNDECODABLE}),
    "nasty_ed_truncated_pdf": (PATHOLOGY, FINAL, None, [PDF], {Flaw.CUT}),
    "nasty_escapes": (PATHOLOGY, FINAL, None, [], set()),
    "nasty_latin1_declared": (PATHOLOGY, FINAL, None, [], set()),
    "nasty_latin1_lies_utf8": (PATHOLOGY, FINAL, None, [], set()),
    "nasty_latin1_undeclared": (PATHOLOGY, FINAL, None, [], set()),
    "nasty_lf_only": (PATHOLOGY, FINAL, None, [], set()),
    "nasty_mixed_no_final_cr": (PATHOLOGY, FINAL, None, [], set()),
    "nasty_pid_mismatch": (PATHOLOGY, FINAL, None, [], set()),
    "nasty_zsegment_part2_notice": (PATHOLOGY, FINAL, None, [], set()),
}
CARRY_NO_DOCUMENT = [
    "ack_aa",
    "ack_ar_unknown_id",
    "ack_ce",
    "adt_a31_update",
    "adt_a40_merge",
    "oml_o33_send_slides",
    "osm_r26_received_short",
    "osm_r26_shipment_manifest",
    "ref_i12_second_opinion",
]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_sample_is_read_for_what_it_is(name):
    sent = read(name)

    found = sent.document
    files = [part.content_type for part in sent.parts]
    assert (found.kind, found.status, found.relation, files, found.flaws) == EXPECTED[name]
    assert IssuedIdentifier(HOSPITAL, "MR100071") in found.patient.identifiers


@pytest.mark.parametrize("name", CARRY_NO_DOCUMENT)
def test_other_messages_carry_no_document(name):
    assert documents((SAMPLES / f"{name}.hl7").read_bytes(), LABORATORY) == []


def test_every_sample_has_an_expected_outcome():
    assert {path.stem for path in SAMPLES.glob("*.hl7")} - {"batch_fhs_bhs_bad_count"} == {
        *EXPECTED,
        *CARRY_NO_DOCUMENT,
    }


def test_each_message_of_a_batch_gives_its_own_documents():
    divided = batch((SAMPLES / "batch_fhs_bhs_bad_count.hl7").read_bytes()).messages

    assert [one.document.status for message in divided for one in documents(message, LABORATORY)] == [FINAL, FINAL]


def test_the_patient_is_who_the_message_says():
    patient = read("oru_path_final_ed_pdf").document.patient

    assert patient.names == (PersonName("DERIVED", ("OPAL", "Q")),)
    assert (patient.birth_date, patient.sex) == (date(1961, 7, 4), "female")
    assert read("nasty_pid_mismatch").document.patient.birth_date == date(1961, 1, 1)


def test_a_report_is_known_by_its_accession_and_its_order():
    found = read("oru_path_final_ed_pdf").document

    assert found.identifiers == (IssuedIdentifier(LIS, "S25-10071"), IssuedIdentifier(LIS, "PO71"))
    assert found.at == datetime(2025, 12, 18, 13, 30, tzinfo=UTC)


def test_a_chain_of_documents_names_what_each_one_changes():
    def numbers(name: str) -> tuple[str, str | None]:
        found = read(name).document
        return found.identifiers[0].value, found.parent.value if found.parent else None

    assert numbers("mdm_t02_original") == ("DOC71A", None)
    assert numbers("mdm_t06_addendum") == ("DOC71B", "DOC71A")
    assert numbers("mdm_t10_replacement") == ("DOC71C", "DOC71A")
    assert numbers("mdm_t11_cancel") == ("DOC71C", "DOC71C")


def test_a_document_message_in_the_standards_own_order_is_read_the_same():
    txa = "TXA|1|OP|TX|20260104090000||20260104090000||||||DOC1^LISAPP|DOC0^LISAPP|||f.txt|LA|R|AV"
    message = MSH.format("MDM^T10^MDM_T02") + txa + "\rOBX|1|TX|||Done.||||||F\r"

    (sent,) = documents(message.encode(), LABORATORY)

    found = sent.document
    assert (found.identifiers[0].value, found.parent.value, found.status) == ("DOC1", "DOC0", FINAL)
    assert found.labels == {"R"}


def test_the_pdf_inside_comes_out_as_it_went_in():
    pdf = read("oru_path_final_ed_pdf").parts[0]
    content = b"".join(pdf.open())

    assert content.startswith(b"%PDF-1.4")
    assert b"%%EOF" in content[-10:]
    assert len(content) == pdf.length == len(b"".join(pdf.open()))
    assert b"".join(read("nasty_ed_hex").parts[0].open()) == content


def test_what_is_not_base64_is_no_file_and_the_report_is_still_there():
    sent = read("nasty_ed_not_base64")

    assert sent.parts == ()
    assert sent.document.flaws == {Flaw.UNDECODABLE}
    with pytest.raises(Unreadable):
        list(content_of(b"!!!!", "Base64", "application/pdf").open())


def test_escapes_and_characters_of_a_text_become_readable():
    assert "ER 95& PR 80|HER2 1^ \\path\nline two ~ tilde" in text_on_the_sheet("nasty_escapes")
    for name in ("nasty_latin1_declared", "nasty_latin1_undeclared", "nasty_latin1_lies_utf8"):
        assert "Karzinom, Rücken, größer 5°" in text_on_the_sheet(name)


def test_the_part_2_notice_counts():
    assert PART_2 in read("nasty_zsegment_part2_notice").document.labels
    assert read("oru_path_final_ed_pdf").document.labels == frozenset()


@pytest.mark.parametrize("kind", ["TX", "FT"])
def test_a_statement_that_goes_over_two_lines_counts(kind):
    (sent,) = a_report("OBR|1||9|x", f"OBX|1|{kind}|y||Protected by 42 CFR", f"OBX|2|{kind}|y||Part 2.")

    assert PART_2 in sent.document.labels


def test_a_part_2_statement_in_a_comment_counts_too():
    (sent,) = a_report("OBR|1||9|x", "NTE|1||Protected by 42 C.F.R. Part 2.", "OBX|1|TX|y||text||||||F")

    assert PART_2 in sent.document.labels


def test_two_reports_of_one_order_stay_two():
    one, other = a_report(
        "OBR|1|P1^LISAPP|F1^LISAPP|x", "OBX|1|TX|||a||||||F", "OBR|2|P1^LISAPP|F2^LISAPP|x", "OBX|1|TX|||b||||||F"
    )

    assert [sent.document.identifiers for sent in (one, other)] == [
        (IssuedIdentifier(LIS, "F1"),),
        (IssuedIdentifier(LIS, "F2"),),
    ]


def test_parts_of_one_accession_are_one_report():
    (sent,) = a_report(
        "OBR|1||F1|x||||||||||||||||||||||F",
        "OBX|1|TX|||a||||||F",
        "OBR|2||F1|x||||||||||||||||||||||P",
        "OBX|1|TX|||b||||||P",
    )

    assert sent.document.status is PRELIMINARY


def test_results_by_specimen_are_reports_with_their_specimen():
    payload = MSH.format("OUL^R22^OUL_R22") + "\r".join(
        (
            "PID|1||7^^^A&1.2.3&ISO",
            f"SPM|1|S1{'|' * 28}ACC1^^^LISAPP",
            "OBX|1|TX|size||4 cm",
            "OBR|1||F1^LISAPP|11529-5^Report^LN|||||||||||||||||||||F",
            "ORC|RE",
            "OBX|1|TX|22637-3^Dx^LN||Benign||||||F",
            "SPM|2|S2",
            "OBR|2||F2^LISAPP|x|||||||||||||||||||||P",
            "OBX|1|NM|y||1||||||P",
        )
    )

    one, other = documents(payload.encode(), LABORATORY)

    assert kind(header(payload.encode())) is ArrivalKind.ANSWER
    assert (one.document.kind, one.document.status) == (PATHOLOGY, FINAL)
    assert one.document.identifiers == (IssuedIdentifier(LIS, "F1"), IssuedIdentifier(LIS, "ACC1"))
    assert (other.document.identifiers, other.document.status) == ((IssuedIdentifier(LIS, "F2"),), PRELIMINARY)


def test_results_of_two_people_in_one_message_are_not_mixed():
    one, other = a_report(
        "PID|1||1^^^A", "OBR|1||F1|x", "OBX|1|TX|||a||||||F", "PID|2||2^^^A", "OBR|1||F1|x", "OBX|1|TX|||b||||||F"
    )

    assert [sent.document.patient.identifiers[0].value for sent in (one, other)] == ["1", "2"]


def test_each_of_several_reports_is_a_message_of_its_own_without_a_word_of_the_others():
    first, second, third = a_report(
        *("PID|1||1^^^A||KEPT", "PV1|1|O", "OBR|1||F1|x", "OBX|1|TX|||one||||||F", "NTE|1||to one"),
        *("OBR|2||F2|x", "OBX|1|TX|||two||||||F", "ZPN|42 CFR", "PID|2||2^^^A||OTHER", "OBR|1||F3|x"),
        "OBX|1|TX|||three||||||F",
    )

    for sent, word in ((first, b"one"), (second, b"two"), (third, b"three")):
        (again,) = documents(sent.alone, LABORATORY)
        assert again.document == sent.document
        assert again.alone is None
        assert {each for each in (b"|one|", b"|two|", b"|three|") if each in sent.alone} == {b"|" + word + b"|"}
    assert b"to one" in first.alone
    assert b"PV1|1|O" in second.alone
    assert b"KEPT" not in third.alone
    assert b"OTHER" not in first.alone + second.alone


def test_a_report_that_comes_alone_is_the_message_itself():
    (sent,) = a_report("PID|1||1^^^A", "OBR|1||F1|x", "OBX|1|TX|||a||||||F")

    assert sent.alone is None


def test_a_number_nobody_issued_identifies_nobody():
    (sent,) = a_report("PID|1||123~456^^^MERCY&1.2.3&ISO^MR~999-99-9999^^^^SS", "OBR|1||F1|x")

    assert sent.document.patient.identifiers == (IssuedIdentifier("urn:oid:1.2.3", "456"),)


def test_a_bare_number_is_the_institutions_own_where_its_file_says_so():
    known = LABORATORY.model_copy(update={"default_issuer": "urn:oid:9.9"})

    (sent,) = a_report("PID|1||123^^^^MR~999-99-9999^^^^SS", "OBR|1||F1|x", institution=known)

    assert sent.document.patient.identifiers == (IssuedIdentifier("urn:oid:9.9", "123"),)


def test_former_names_are_known_too():
    (sent,) = a_report("PID|1||1^^^A||NEW^ANN~OLD^ANN^^^^^M||19610704|F|ALIAS^ANN", "OBR|1||F1|x")

    assert [name.family for name in sent.document.patient.names] == ["NEW", "OLD", "ALIAS"]


def test_a_sites_own_code_is_read_by_its_own_table_and_an_unknown_one_is_kept():
    (known,) = a_report("OBR|1||F1|PATH1^Report^LOCAL")
    (second,) = a_report("OBR|1||F1|^^^PATH1^Report^LOCAL")
    (unknown,) = a_report("OBR|1||F1|PATH9^Report^LOCAL")

    assert known.document.kind is second.document.kind is PATHOLOGY
    assert unknown.document.kind is RecordKind.OTHER
    assert unknown.document.code.system == "urn:x-institution:commhosp-lab:LOCAL"
    assert unknown.document.code.code == "PATH9"


@pytest.mark.parametrize(
    ("report", "results", "status"),
    [
        ("F", "FF", FINAL),
        ("F", "FP", PRELIMINARY),
        ("P", "FF", PRELIMINARY),
        ("A", "F", PRELIMINARY),
        ("R", "", PRELIMINARY),
        ("M", "C", PRELIMINARY),
        ("C", "FC", DocumentStatus.CORRECTED),
        ("F", "C", DocumentStatus.CORRECTED),
        ("F", "FA", DocumentStatus.AMENDED),
        ("F", "FB", DocumentStatus.APPENDED),
        ("F", "FD", DocumentStatus.CORRECTED),
        ("F", "D", DocumentStatus.WITHDRAWN),
        ("F", "FW", DocumentStatus.WITHDRAWN),
        ("P", "W", DocumentStatus.WITHDRAWN),
        ("X", "X", DocumentStatus.CANCELLED),
        ("X", "F", DocumentStatus.CANCELLED),
        ("F", "X", DocumentStatus.CANCELLED),
        ("F", "FX", FINAL),
        ("I", "", PRELIMINARY),
        ("?", "F", DocumentStatus.UNKNOWN),
        ("F", "?", DocumentStatus.UNKNOWN),
        (None, "FU", FINAL),
        (None, "XN", DocumentStatus.UNKNOWN),
        (None, "", DocumentStatus.UNKNOWN),
        ("F", "", FINAL),
        ("F", "O", DocumentStatus.UNKNOWN),
        ("F", "NO", DocumentStatus.UNKNOWN),
        ("F", "XN", DocumentStatus.UNKNOWN),
        ("F", "FN", FINAL),
    ],
)
def test_the_worst_word_about_a_report_wins(report, results, status):
    assert of_report(report, list(results)) is status


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ("ORC|RE|||||", FINAL),
        ("ORC|OC|||||", DocumentStatus.CANCELLED),
        ("ORC|CR|||||", DocumentStatus.CANCELLED),
        ("ORC|SC||||CA", DocumentStatus.CANCELLED),
        ("ORC|SC||||CM", FINAL),
        ("ORC|DC||||DC", FINAL),
    ],
)
def test_the_order_of_a_report_may_say_that_it_is_cancelled(order: str, status: DocumentStatus):
    (sent,) = a_report("PID|1||7^^^LISAPP", order, "OBR|1||F1|x", "OBX|1|TX|y||Carcinoma||||||F")
    assert sent.document.status is status
    assert sent.document.relation is (Relation.WITHDRAWS if status.is_void else None)


def test_one_cancelled_order_of_several_leaves_the_results_of_the_others():
    result = "OBX|1|NM|718-7^Hemoglobin^LN||13.1|g/dL|||||F"
    (sent,) = a_report("PID|1||7^^^LISAPP", "ORC|RE", "OBR|1||F1|x", result, "ORC|OC", "OBR|2||F1|y")
    assert (sent.document.status, sent.document.relation) == (FINAL, None)


@pytest.mark.parametrize(
    ("trigger", "completion", "availability", "status"),
    [
        ("T02", "AU", "AV", FINAL),
        ("T02", "LA", None, FINAL),
        ("T02", "DI", "AV", PRELIMINARY),
        ("T02", "PA", "AV", PRELIMINARY),
        ("T02", "AU", "UN", DocumentStatus.UNAVAILABLE),
        ("T02", "DO", "UN", DocumentStatus.UNAVAILABLE),
        ("T02", "AU", "OB", DocumentStatus.OBSOLETE),
        ("T02", "AU", "??", DocumentStatus.UNKNOWN),
        ("T03", "AU", "AV", DocumentStatus.UNKNOWN),
        ("T03", "DO", "AV", PRELIMINARY),
        ("T02", None, "AV", DocumentStatus.UNKNOWN),
        ("T04", "AU", "CA", DocumentStatus.WITHDRAWN),
        ("T11", "AU", None, DocumentStatus.CANCELLED),
    ],
)
def test_only_an_authenticated_available_document_is_final(trigger, completion, availability, status):
    assert of_document(trigger, completion, availability) is status


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ("F", FINAL),
        ("", FINAL),
        ("FC", FINAL),
        ("FX", FINAL),
        ("FP", PRELIMINARY),
        ("W", DocumentStatus.WITHDRAWN),
        ("DD", DocumentStatus.WITHDRAWN),
        ("X", DocumentStatus.CANCELLED),
        ("?", FINAL),
    ],
)
def test_a_document_is_no_better_than_what_stands_in_it(results: str, status: DocumentStatus):
    assert of_document("T02", "AU", "AV", list(results)) is status
    assert of_document("T02", "DI", "AV", list(results)) in (PRELIMINARY, status)


def test_each_document_of_a_message_is_one_of_its_own_with_its_own_patient():
    head = "MSH|^~\\&|LIS|HOSP|X|Y|20260105101500||MDM^T02|1|P|2.5.1\rEVN|T02|20260105\r"
    txa = "TXA|1|CN|TX|20260104||||||||{}|||||{}||AV\rOBX|1|TX|1^Text^L||{}||||||F\r"
    first, second = "PID|1||7^^^HOSP^MR||Doe^Jo\r", "PID|1||8^^^HOSP^MR||Roe^Al\r"
    said = head + first + txa.format("D1", "AU", "one") + txa.format("D2", "DI", "two")
    found = documents((said + second + txa.format("D3", "AU", "three")).encode(), an_institution())

    told = [
        (one.document.identifiers[0].value, one.document.status, one.document.patient.names[0].family) for one in found
    ]
    assert told == [("D1", FINAL, "Doe"), ("D2", PRELIMINARY, "Doe"), ("D3", FINAL, "Roe")]
    assert [[text in (one.alone or b"") for text in (b"one", b"two", b"three")] for one in found] == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
    ]
    lines = [line.value for sheet in result_sheets(found[1].alone or b"") for line in sheet.sections[0].lines]
    assert lines == [("two",)]


@pytest.mark.parametrize(
    ("said", "utc"),
    [
        ("20260105101500-0500", datetime(2026, 1, 5, 15, 15, tzinfo=UTC)),
        ("20260105101500", datetime(2026, 1, 5, 15, 15, tzinfo=UTC)),
        ("202607051015", datetime(2026, 7, 5, 14, 15, tzinfo=UTC)),
        ("20260105101500.1234+0000", datetime(2026, 1, 5, 10, 15, tzinfo=UTC)),
        ("20260105", datetime(2026, 1, 5, 5, 0, tzinfo=UTC)),
        ("20261231235960", datetime(2027, 1, 1, 4, 59, 59, tzinfo=UTC)),
        ("202601", None),
        ("20261341", None),
        ("00010101+1400", None),
        ("20260105+9999", None),
        ("soon", None),
        (None, None),
    ],
)
def test_a_time_without_an_offset_is_the_institutions(said, utc):
    assert moment(said, LABORATORY.zone) == utc


def test_a_referral_for_a_second_opinion_is_read_whole():
    payload = (SAMPLES / "ref_i12_second_opinion.hl7").read_bytes()

    asked = referral(payload, LABORATORY, Institutions([LABORATORY, CENTER]))

    assert codes(asked) == [["icd-10-cm|C50912"]]
    assert (asked.receiver, asked.referring, asked.sources) == ("recv-center", "commhosp-lab", ("commhosp-lab",))
    assert asked.references == (IssuedIdentifier(LIS, "REF71"),)
    assert (asked.priority, asked.needed_by) == (Priority.ROUTINE, date(2026, 4, 5))
    assert asked.patient.birth_date == date(1961, 7, 4)


def test_a_referral_names_sources_question_priority_and_appointment():
    other = CENTER.model_copy(update={"id": "mercy", "identifiers": (IssuerName(system="urn:oid:1.2.3", value="M1"),)})
    payload = (
        (
            MSH.format("REF^I12^REF_I12") + "RF1|P|S||SO|||||||R^Is surgery right?\r"
            "PRD|RT|||||||1740000009^NPI\rPRD|PP|||||||||MERCY^^M1^^^X&1.2.3&ISO\r"
            "PID|1||1^^^A\rDG1|1||I10^Hypertension^I10\rDG1|2||C18.7^Colon^I10\r"
            "OBR|1||F1|x\rNTE|1||about the result\rPV1|1|O\rPV2||||||||202605011030\rNTE|1||Margins?\r"
        )
        .replace("RF1|P|S||SO|||||||R", "RF1|P|S||SO||||||R")
        .replace("PRD|RT|||||||1740", "PRD|RT||||||1740")
    )

    asked = referral(payload.encode(), LABORATORY, Institutions([LABORATORY, CENTER, other]))

    assert asked.question == "Is surgery right?\nMargins?"
    assert codes(asked) == [["icd-10-cm|I10"], ["icd-10-cm|C187"]]
    assert asked.diagnosis == "Colon (ICD-10-CM C18.7)"
    assert (asked.priority, asked.sources) == (Priority.STAT, ("commhosp-lab", "mercy"))
    assert asked.appointment_at == datetime(2026, 5, 1, 14, 30, tzinfo=UTC)


def test_a_referral_without_a_diagnosis_names_none():
    payload = (SAMPLES / "ref_i12_second_opinion.hl7").read_bytes().replace(b"\rDG1|", b"\rZG1|")

    assert referral(payload, LABORATORY, Institutions([LABORATORY, CENTER])).diagnoses == ()


@pytest.mark.parametrize(
    ("dg1", "given"),
    [
        ("DG1|1||C50.9^Breast^I10C^254837009^Breast^SCT", [["icd-10-cm|C509", "snomed|254837009"]]),
        ("DG1|1|I10|C50.9^Breast", [["icd-10-cm|C509"]]),
        ("DG1|1|I10|C50.9^Breast^I9", [[]]),
        ("DG1|1||C50.9^Breast", [[]]),
        ("DG1|1|||Cancer of the breast", [[]]),
        ("DG1|1||C50.9^Breast^I10" + "|" * 17 + "|D\rDG1|2||C61^Prostate^I10", [["icd-10-cm|C61"]]),
    ],
)
def test_every_diagnosis_of_a_referral_is_handed_over_with_each_code_that_picks_a_list(dg1, given):
    payload = (SAMPLES / "ref_i12_second_opinion.hl7").read_bytes()
    payload = re.sub(rb"\rDG1\|[^\r]*", b"\r" + dg1.encode(), payload)

    assert codes(referral(payload, LABORATORY, Institutions([LABORATORY, CENTER]))) == given


def codes(asked):
    return [[f"{code.system}|{code.code}" for code in one.codes] for one in asked.diagnoses]


@pytest.mark.parametrize(
    ("said", "instead", "status"),
    [
        (b"REF^I12", b"REF^I14", ReferralStatus.REVOKED),
        (b"REF^I12", b"REF^I15", None),
        (b"RF1|P", b"RF1|R", ReferralStatus.UNKNOWN),
        (b"RF1|P", b"RF1|E", ReferralStatus.UNKNOWN),
    ],
)
def test_what_becomes_of_a_referral_names_it_by_its_number(said, instead, status):
    payload = (SAMPLES / "ref_i12_second_opinion.hl7").read_bytes().replace(said, instead)

    update = referral(payload, LABORATORY, Institutions([LABORATORY, CENTER]))

    assert isinstance(update, ReferralUpdate)
    assert (update.status, update.references) == (status, (IssuedIdentifier(LIS, "REF71"),))


def test_a_changed_referral_says_all_of_it():
    payload = (SAMPLES / "ref_i12_second_opinion.hl7").read_bytes()

    asked, changed = (
        referral(one, LABORATORY, Institutions([LABORATORY, CENTER]))
        for one in (payload, payload.replace(b"REF^I12", b"REF^I13"))
    )

    assert asked == changed


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (b"REF^I12", b"REF^I99"),
        (b"SO^Second Opinion", b"AM^Assume"),
        (b"1740000009", b"1740000099"),
        (b"\rRF1|", b"\rZF1|"),
    ],
)
def test_a_referral_that_is_not_clearly_one_is_decided_by_a_person(said, instead):
    payload = (SAMPLES / "ref_i12_second_opinion.hl7").read_bytes().replace(said, instead)

    with pytest.raises(Unexpected) as refused:
        referral(payload, LABORATORY, Institutions([LABORATORY, CENTER]))

    assert isinstance(refused.value, NeedsReview)
    assert "DERIVED" not in str(refused.value)


def test_a_merge_says_which_number_is_absorbed():
    (merge,) = identity_changes((SAMPLES / "adt_a40_merge.hl7").read_bytes(), LABORATORY)

    assert merge.change is Change.MERGED
    assert merge.surviving.identifiers == (IssuedIdentifier(HOSPITAL, "MR100071"),)
    assert merge.absorbed.identifiers == (IssuedIdentifier(HOSPITAL, "MR099003"),)


def test_a_change_of_name_is_an_update_without_anybody_absorbed():
    (update,) = identity_changes((SAMPLES / "adt_a31_update.hl7").read_bytes(), LABORATORY)

    assert (update.change, update.absorbed) == (Change.UPDATED, None)
    assert update.surviving.names[0].family == "DERIVED-SMITH"


def test_a_merge_of_several_pairs_keeps_them_apart():
    payload = MSH.format("ADT^A40^ADT_A39") + "PID|1||1^^^A\rMRG|9^^^A\rPID|2||2^^^A\rMRG|8^^^A\rPID|3||3^^^A\rMRG|\r"

    pairs = [
        (one.surviving.identifiers[0].value, one.absorbed.identifiers[0].value)
        for one in identity_changes(payload.encode(), LABORATORY)
    ]
    assert pairs == [("1", "9"), ("2", "8")]


@pytest.mark.parametrize(("trigger", "change"), [("A24", Change.LINKED), ("A37", Change.UNLINKED)])
def test_two_records_are_of_one_person_or_of_two_after_all(trigger: str, change: Change):
    payload = MSH.format(f"ADT^{trigger}^ADT_{trigger}") + "PID|1||1^^^A\rPID|2||2^^^A\r"

    (said,) = identity_changes(payload.encode(), LABORATORY)

    assert said.change is change
    assert said.absorbed
    assert [who.identifiers[0].value for who in (said.surviving, said.absorbed)] == ["1", "2"]


@pytest.mark.parametrize(
    ("death", "is_said"), [("||Y", True), ("|20260105|", True), ("|20260105|N", False), ("||N", False), ("||", False)]
)
@pytest.mark.parametrize("trigger", ["A03", "A08", "A31"])
def test_a_death_is_told_by_any_message_about_the_patient(trigger: str, death: str, is_said: bool):
    payload = MSH.format(f"ADT^{trigger}^ADT_A01") + f"PID|1||1^^^A{'|' * 25}{death}\r"

    changes = {one.change for one in identity_changes(payload.encode(), LABORATORY)}

    assert (Change.DIED in changes) is is_said


def test_whom_a_message_is_about_is_known_whatever_its_type():
    payload = (
        MSH.format("ORM^O01") + "PID|1||1^^^A\rMRG|2^^^A\rORC|NW|P1^LISAPP\rOBR|1|P1^LISAPP|F1^LISAPP|x\rPID|1||1^^^A\r"
    )

    found = mentioned(payload.encode(), LABORATORY)

    assert [who.identifiers[0].value for who in found.patients] == ["1", "2"]
    assert found.numbers == (IssuedIdentifier(LIS, "P1"), IssuedIdentifier(LIS, "F1"))


FOLDER = os.environ.get("SAMPLES")


@pytest.mark.skipif(FOLDER is None, reason="SAMPLES names no folder of real-world messages")
def test_every_real_world_message_is_read():
    paths = [path for suffix in ("hl7", "txt") for path in Path(FOLDER, "hl7v2").rglob(f"*.{suffix}")]
    assert len(paths) > 100

    found = 0
    for path in paths:
        for message in batch(path.read_bytes()).messages:
            found += len(documents(message, LABORATORY))
            identity_changes(message, LABORATORY)
    assert found > 100


PID_7 = "PID|1||7^^^LISAPP^MR||DOE^JANE||19600101|F"
OF_ONE = f"OBR|{{}}||F1^LISAPP|{{}}|||20261001{'|' * 15}20261002||PAT|{{}}"
A_TEXT = "OBX|{}|TX|{}||{}||||||{}"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("F", "X"), FINAL),
        (("X", "F"), FINAL),
        (("F", "Y"), FINAL),
        (("P", "X"), PRELIMINARY),
        (("X", "X"), DocumentStatus.CANCELLED),
    ],
)
def test_of_several_tests_of_one_number_one_that_is_cancelled_takes_no_other_back(
    words: tuple[str, str], status: DocumentStatus
):
    segments = [PID_7]
    for place, word in enumerate(words, start=1):
        result = word if word in "FP" else "X"
        segments += [OF_ONE.format(place, f"T{place}", word), A_TEXT.format(place, f"c{place}", "1.2", result)]
    (sent,) = a_report(*segments)

    assert sent.document.status is status


A_NOTE = "TXA|1|SP|AP|20261001||20261001||||||D2^LISAPP|D1^LISAPP||||AU||AV"


@pytest.mark.parametrize(
    ("header_says", "event", "status", "relation"),
    [
        ("MDM^T02", "T10", FINAL, Relation.REPLACES),
        ("MDM", "T10", FINAL, Relation.REPLACES),
        ("MDM^T02", "T06", FINAL, Relation.APPENDS),
        ("MDM^T02", "T11", DocumentStatus.CANCELLED, Relation.WITHDRAWS),
        ("MDM^T02", "T02", FINAL, None),
        ("MDM^T02", "T01", FINAL, None),
        ("MDM^T10", "T02", FINAL, Relation.REPLACES),
    ],
)
def test_what_becomes_of_a_document_may_stand_in_its_event(
    header_says: str, event: str, status: DocumentStatus, relation: Relation | None
):
    segments = (f"EVN|{event}|20261003", PID_7, A_NOTE, "OBX|1|TX|11526-1^Pathology^LN||text||||||F")
    (sent,) = documents((MSH.format(header_says) + "\r".join(segments)).encode(), LABORATORY)

    assert (sent.document.status, sent.document.relation) == (status, relation)
