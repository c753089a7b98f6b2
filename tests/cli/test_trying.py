"""`transfer institution try` and `codes`: what a message would do is what it then does, and trying keeps nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from click.testing import Result

from tests.kit import builders as b
from tests.kit.fakes import MemoryVault
from tests.kit.images import images_of
from tests.kit.processing import process_all
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, ArrivalState, Door
from transfer.connecting import trying
from transfer.embedded.postgres import Postgres
from transfer.flow.services import Services
from transfer.identifiers import CaseId, InstitutionId
from transfer.ledger import Tx, unmapped_codes
from transfer.matching import Match
from transfer.sandbox.oncology import letters
from transfer.unmapped_codes import CodeUse

pytestmark = pytest.mark.servers

Transfer = Callable[..., Result]


@pytest.fixture
def written(migrated: Postgres) -> Callable[[], dict[str, list[str]]]:
    """Every row of every table, but the clock's."""

    def look() -> dict[str, list[str]]:
        with psycopg.connect(migrated.url("owner")) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'transfer'").fetchall()
            return {
                name: sorted(str(row) for row in connection.execute(f"SELECT * FROM transfer.{name}").fetchall())
                for (name,) in tables
            }

    return look


def saved(tmp_path: Path, body: bytes) -> Path:
    path = tmp_path / "message"
    path.write_bytes(body)
    return path


def tried(transfer: Transfer, institution: str, path: Path) -> tuple[int, dict[str, Any]]:
    result = transfer("institution", "try", institution, "--message", path, "--json")
    return result.exit_code, json.loads(result.stdout)


def became(services: Services, arrival: str) -> ArrivalState:
    with services.ledger.transaction() as tx:
        return ArrivalState(tx.value("SELECT state FROM arrivals WHERE arrival = %s", arrival))


def test_a_report_of_a_patient_with_a_case_answers_its_line(services: Services, transfer: Transfer, tmp_path: Path):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    code, said = tried(transfer, b.PRAIRIE, saved(tmp_path, b.report_of(chart)))

    assert (code, said["answer"]["code"], said["state"]) == (0, "AA", "filed")
    (document,) = said["documents"]
    assert document["verdict"] == "ours"
    assert document["kind"] == "pathology-report"
    (found,) = document["cases"]
    assert (found["case"], found["answers"], found["findings"]) == (case, True, [])
    # And so it is, when it comes.
    arrival = b.report_comes(services, chart)
    assert became(services, arrival) is ArrivalState.FILED
    with services.ledger.transaction() as tx:
        (line,) = [one.line for one in tx.case(CaseId(case)).records.values()]
    assert line == found["line"]


@pytest.mark.parametrize("what", ["report", "stranger", "referral", "form", "image", "nonsense", "unpermitted"])
def test_trying_keeps_nothing(
    services: Services,
    transfer: Transfer,
    tmp_path: Path,
    written: Callable[[], dict[str, list[str]]],
    what: str,
):
    chart = b.a_chart()
    b.a_case(services, chart, form=what != "unpermitted")
    assert isinstance(services.vault, MemoryVault)
    institution, body = {
        "report": (b.PRAIRIE, b.report_of(chart)),
        "unpermitted": (b.PRAIRIE, b.report_of(chart)),
        "stranger": (b.PRAIRIE, b.report_of(b.a_chart())),
        "referral": (b.LAKESIDE, b.referral_of(b.a_chart())),
        "form": (b.LAKESIDE, json.dumps(letters.release_form(chart, {})).encode()),
        "image": (b.MERCY, images_of(chart)[0]),
        "nonsense": (b.PRAIRIE, b"MSH|^~\\&|nobody"),
    }[what]
    before, objects = written(), dict(services.vault.objects)
    transfer("institution", "try", institution, "--message", saved(tmp_path, body))

    assert written() == before
    assert services.vault.objects == objects


def test_what_a_rule_writes_while_it_is_asked_is_rolled_back(
    services: Services,
    transfer: Transfer,
    tmp_path: Path,
    written: Callable[[], dict[str, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
):
    matched = trying.match_message

    def writes(tx: Tx, institution: InstitutionId, *said: Any) -> Match:
        unmapped_codes.note(tx, institution, CodeUse.DOCUMENT, ["http://lake.example/codes|1"])
        return matched(tx, institution, *said)

    monkeypatch.setattr(trying, "match_message", writes)
    with services.ledger.transaction():  # whoever comes first marks the ledger with its keys
        pass
    before = written()
    _, said = tried(transfer, b.PRAIRIE, saved(tmp_path, b.report_of(b.a_chart())))

    assert said["documents"][0]["verdict"] == "not-ours"
    assert written() == before


@pytest.mark.parametrize(
    ("change", "answer", "why"),
    [
        ((b"|PRAIRIELIS|", b"|OTHERLIS|"), "AR", "MSH-3 and MSH-4"),
        ((b"|P|2.5.1", b"|T|2.5.1"), "AR", "MSH-11 is not P"),
        ((b"ORU^R01^ORU_R01", b"REF^I12^REF_I12"), "AR", "its grants do not cover REF"),
    ],
)
def test_what_the_door_refuses_is_refused_with_its_answer(
    services: Services, transfer: Transfer, tmp_path: Path, change: tuple[bytes, bytes], answer: str, why: str
):
    body = b.report_of(b.a_chart())
    assert change[0] in body
    code, said = tried(transfer, b.PRAIRIE, saved(tmp_path, body.replace(*change)))

    assert (code, said["answer"]["code"], said["state"]) == (1, answer, None)
    assert why in said["answer"]["why"]
    assert said["answer"]["text"].startswith("MSH|")
    assert f"MSA|{answer}|" in said["answer"]["text"]


def test_a_stranger_is_sealed_and_it_says_so(services: Services, transfer: Transfer, tmp_path: Path):
    path = saved(tmp_path, b.report_of(b.a_chart()))
    result = transfer("institution", "try", b.PRAIRIE, "--message", path)

    assert result.exit_code == 4
    assert "Its sender is answered AA." in result.stdout
    assert "about nobody we have a case for" in result.stdout


def test_without_a_form_it_waits(services: Services, transfer: Transfer, tmp_path: Path):
    chart = b.a_chart()
    b.a_case(services, chart, form=False)
    code, said = tried(transfer, b.PRAIRIE, saved(tmp_path, b.report_of(chart)))

    assert (code, said["state"], said["because"]) == (4, "sealed", ["waits-for-permission"])
    assert said["documents"][0]["cases"][0]["findings"] == ["no-form"]


def test_a_twin_is_a_question_to_people(services: Services, transfer: Transfer, tmp_path: Path):
    chart = b.a_chart()
    b.a_case(services, chart)
    code, said = tried(transfer, b.PRAIRIE, saved(tmp_path, b.report_of(b.a_twin(chart))))

    assert (code, said["state"], said["because"][0]) == (4, "held", "whose-record")


def test_a_referral_says_which_list_it_picks(services: Services, transfer: Transfer, tmp_path: Path):
    chart = b.a_chart()
    code, said = tried(transfer, b.LAKESIDE, saved(tmp_path, b.referral_of(chart)))

    assert (code, said["answer"]["code"], said["says"]) == (0, "200", "referral")
    assert said["because"][0].startswith("checklist ")


def test_what_an_institution_may_not_post_is_refused(services: Services, transfer: Transfer, tmp_path: Path):
    code, said = tried(transfer, b.PRAIRIE, saved(tmp_path, b.referral_of(b.a_chart())))

    assert (code, said["answer"]["code"]) == (1, "403")


def test_an_image_is_matched_as_if_it_had_been_fetched(services: Services, transfer: Transfer, tmp_path: Path):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    code, said = tried(transfer, b.MERCY, saved(tmp_path, images_of(chart)[0]))

    assert (code, said["says"], said["answer"]["is_stored"]) == (0, "image", False)
    (found,) = said["documents"][0]["cases"]
    assert found["case"] == case
    assert found["line"]


def test_a_batch_is_told_message_by_message(services: Services, transfer: Transfer, tmp_path: Path):
    chart = b.a_chart()
    b.a_case(services, chart)
    both = [b.report_of(chart), b.report_of(b.a_chart(), "2")]
    text = b"FHS|^~\\&\rBHS|^~\\&|PRAIRIELIS|PRAIRIE\r" + b"".join(both) + b"BTS|2\rFTS|1\r"
    code, said = tried(transfer, b.PRAIRIE, saved(tmp_path, text))

    assert (code, said["state"]) == (4, "sealed")  # as the part that fares worst
    assert [one["state"] for one in said["parts"]] == ["filed", "sealed"]


def test_an_empty_batch_is_taken_and_nothing_is_left_of_it(services: Services, transfer: Transfer, tmp_path: Path):
    head, *_ = b.report_of(b.a_chart()).split(b"\r")
    ends = head.split(b"|")
    whose = b"|".join([b"BHS", *ends[1:7], b"", b"", b"", b"B1"])
    code, said = tried(transfer, b.PRAIRIE, saved(tmp_path, whose + b"\rBTS|0\r"))

    assert (code, said["answer"]["code"], said["parts"]) == (0, "AA", [])


@pytest.mark.parametrize("before", [b"ZPI|1|theirs\r", b"Hello,\nhere is the report:\n\n"])
def test_what_stands_before_the_message_is_named(services: Services, transfer: Transfer, tmp_path: Path, before: bytes):
    code, said = tried(transfer, b.PRAIRIE, saved(tmp_path, before + b.report_of(b.a_chart())))

    assert (code, said["answer"]["code"]) == (1, "AR")
    assert "before MSH" in said["answer"]["why"]


def test_a_file_can_be_tried_before_it_is_in_its_place(
    services: Services, transfer: Transfer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    transfer("institution", "new", "riverside-pathology", "--like", "mllp")
    file = tmp_path / "riverside-pathology" / "riverside-pathology.yaml"
    file.write_text(
        file.read_text().replace("REPLACE-APPLICATION", "PRAIRIELIS").replace("REPLACE-FACILITY", "PRAIRIE")
    )
    body = b.report_of(b.a_chart())
    result = transfer("institution", "try", file, "--message", saved(tmp_path, body), "--json")

    assert json.loads(result.stdout)["answer"]["code"] == "AA"


def coded(body: bytes, code: bytes) -> bytes:
    """The report under a code of the laboratory's own, and no other."""
    changed = body.replace(b"11529-5^", code + b"^").replace(b"^LN", b"^L")
    assert changed != body
    return changed


def test_codes_that_mean_nothing_are_listed_and_pasting_the_lines_empties_the_list(
    services: Services, transfer: Transfer, tmp_path: Path
):
    for number in (1, 2):  # of strangers: their codes are the same
        body = coded(b.report_of(b.a_chart(), str(number)), b"PATH7")
        b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, body, HL7_V2, Door.MLLP)
    process_all(services)
    told = transfer("institution", "codes", b.PRAIRIE)
    (one,) = json.loads(transfer("institution", "codes", b.PRAIRIE, "--json").stdout)

    assert (one["key"], one["use"], one["times"]) == (f"urn:x-institution:{b.PRAIRIE}:L|PATH7", "document", 2)
    lines = told.stdout.partition("below codes:\n")[2]

    file = tmp_path / "institutions" / f"{b.PRAIRIE}.yaml"
    said = yaml.safe_load(file.read_text())
    said["codes"] |= yaml.safe_load(lines.replace(": other", ": pathology-report"))
    file.write_text(yaml.safe_dump(said))

    assert transfer("institution", "codes", b.PRAIRIE).stdout == "Every code that came is mapped.\n"
    body = coded(b.report_of(b.a_chart()), b"PATH7")
    _, tried_now = tried(transfer, b.PRAIRIE, saved(tmp_path, body))
    assert tried_now["documents"][0]["kind"] == "pathology-report"


@pytest.mark.parametrize(
    ("ending", "is_taken"), [(b"\x1c\r", True), (b"\x1c\r\n", True), (b"\x1c", False), (b"\x1c\n", False)]
)
def test_a_frame_is_tried_as_our_port_takes_it(
    services: Services, transfer: Transfer, tmp_path: Path, ending: bytes, is_taken: bool
):
    chart = b.a_chart()
    b.a_case(services, chart)
    code, said = tried(transfer, b.PRAIRIE, saved(tmp_path, b"\x0b" + b.report_of(chart) + ending))

    assert (code, said["answer"]["code"]) == ((0, "AA") if is_taken else (1, None))
    assert is_taken or "FS CR" in said["answer"]["why"]


def test_several_frames_are_each_told(services: Services, transfer: Transfer, tmp_path: Path):
    known, stranger = b.a_chart(), b.a_chart()
    b.a_case(services, known)
    frames = b"".join(b"\x0b" + b.report_of(one) + b"\x1c\r" for one in (known, stranger))
    code, said = tried(transfer, b.PRAIRIE, saved(tmp_path, frames))
    refused, _ = tried(transfer, b.PRAIRIE, saved(tmp_path, frames + b"\x0bMSH|^~\\&|nobody\r\x1c\r"))

    assert (code, [one["state"] for one in said["parts"]]) == (4, ["filed", "sealed"])
    assert refused == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (b'<Patient xmlns="http://hl7.org/fhir"/>', "XML"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"PK\x03\x04\0\0", "a ZIP file"),
        (b"\x1f\x8b\x08\0", "gzip"),
        ("MSH|^~\\&|A".encode("utf-16"), "UTF-16"),
        (b"\x08\x00\x05\x00CS", "DICOM"),
        (b"DICM\x02\x00\x00\x00UL", "DICOM"),
        (b"\x02\x00\x00\x00UL\x04\x00", "DICOM"),
        (b'{"resourceType": "Patient"}\n{"resourceType": "Patient"}\n', "NDJSON"),
        (b'[{"00080005": {"vr": "CS"}}]', "DICOM as JSON"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture"),
        (b"{\\rtf1 a report}", "a text of an office"),
    ],
)
def test_a_file_of_another_kind_is_told_as_what_it_is(
    services: Services, transfer: Transfer, tmp_path: Path, body: bytes, why: str
):
    code, said = tried(transfer, b.PRAIRIE, saved(tmp_path, body))

    assert (code, why in said["answer"]["why"]) == (1, True)


def test_an_image_that_is_cut_in_its_header_leads_to_no_question_that_there_is_not(
    services: Services, transfer: Transfer, tmp_path: Path
):
    result = transfer("institution", "try", b.MERCY, "--message", saved(tmp_path, images_of(b.a_chart())[0][:140]))

    assert result.exit_code == 4
    assert "Its DICOM header cannot be read" in result.stdout
    assert "hold list" not in result.output
