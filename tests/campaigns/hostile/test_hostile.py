"""A fast selection of the campaign (`make hostile`), on real doors: no row of its table may be a violation."""

import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from tests.campaigns.hostile import (
    at_dicomweb_source,
    at_dimse_source,
    at_fhir_source,
    at_files,
    at_http,
    at_mllp,
    crowd,
    full_doors,
    reckoning,
)
from tests.campaigns.hostile.child import Child
from tests.campaigns.hostile.honest import honest_beside
from tests.campaigns.hostile.house_doors import Besieged, besieged, giants, http, mllp, slow_ones
from tests.campaigns.hostile.memory import MOST_MB
from tests.campaigns.hostile.peer import a_peer, answer
from tests.campaigns.hostile.samples import OURS, Language, Sample, sample_of
from tests.campaigns.hostile.table import Outcome, Row, Table
from tests.campaigns.hostile.watched import outside, strayed
from tests.kit.house import a_house
from transfer.gateway.fhir_door import MAX_BODY_BYTES, MAX_POSTS_EACH

pytestmark = pytest.mark.servers

#: of each language some, of our own files whatever SAMPLES says
FILES = sorted(path for path in OURS.rglob("*") if path.is_file())
SOME = [sample_of(str(path.relative_to(OURS)), path.read_bytes()) for path in FILES]


def of(language: Language, every: int) -> list[Sample]:
    return [sample for sample in SOME if sample.language is language][::every]


@pytest.fixture(scope="module")
def at() -> Iterator[Besieged]:
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, a_house(Path(folder) / "var", cold=True) as house:
        with besieged(house) as doors:
            yield doors


def accounted_for(rows: Iterator[Row]) -> Table:
    table = Table()
    for _ in table.add(rows):
        pass
    assert not table.violations
    assert table.rows
    return table


def test_whatever_a_sender_sends_is_kept_or_refused_with_a_reason(at: Besieged) -> None:
    with honest_beside(at.mllp, at.http.url, pause=0.05) as honest:
        table = accounted_for(
            mllp(at, of(Language.HL7, 20), frozenset({"as itself", "truncated", "LF only", "nested"}))
        )
        accounted_for(http(at, of(Language.FHIR, 12), frozenset({"as itself", "as UTF-16", "nested in bundles"})))

    assert {Outcome.KEPT, Outcome.REFUSED} <= {row.outcome for row in table.rows}
    assert honest.row().outcome is Outcome.KEPT


GROWING = (
    "small keys",
    "one text, wide",
    "a long attachment",
    "a long attachment that may be heard",
    "an attachment of small keys, just held",
)


def test_bodies_made_to_grow_leave_the_doors_within_their_memory(at: Besieged) -> None:
    growing = [(name, body) for name, body in at_http.bombs(MAX_BODY_BYTES) if name in GROWING]

    assert [name for name, _ in growing] == list(GROWING)
    for name, body in growing:
        answered, most = at.measured(at_http.post, at.http, "a bomb", name, body)

        assert answered.status in (201, 403, 413)
        assert answered.reason
        assert most < MOST_MB


def test_many_long_messages_at_once_cost_the_doors_no_more_than_one(at: Besieged) -> None:
    def all_of_them() -> list[int]:
        return [at_http.ended(one).status for one in at_http.many_large(at.http, 6, 20 << 20, Random(1))]

    statuses, most = at.measured(all_of_them)

    assert set(statuses) == {201}
    assert most < MOST_MB


def test_an_institution_that_posts_too_much_at_once_is_told_to_wait_and_another_is_served(at: Besieged) -> None:
    lines = at_http.slow(at.http, MAX_POSTS_EACH, in_head=False)
    try:
        refused = at_http.post(at.http, "one more", "", b"{}")
        with honest_beside(at.mllp, at.http.url) as honest:
            honest.once()
    finally:
        for line in lines:
            line.close()

    assert (refused.status, refused.reason.partition(":")[0]) == (429, "throttled")
    assert honest.row().outcome is Outcome.KEPT


def test_a_refusal_is_written_down_with_its_reason(at: Besieged) -> None:
    refused = at_http.post(at.http, "no message", "", b'{"resourceType":"Basic"}')

    log = (at.house.var / "log" / "gateway.log").read_text()
    assert refused.status == 403
    assert "http: a message at the door of lakeside-oncology is refused with 403: NotAllowed: none of the things" in log


def test_a_frame_without_end_is_refused_and_the_port_goes_on(at: Besieged) -> None:
    (word, reason), most = at.measured(at_mllp.never_ending, at.mllp, 80)

    assert (word, reason) == ("refused", "error 104")
    assert most < MOST_MB
    assert {one.answers for one in at_mllp.interleaved(at.mllp, 8)} == {("AA",)}


def test_doors_full_of_callers_nobody_knows_serve_who_is_honest_and_are_taken_for_well(at: Besieged) -> None:
    found = full_doors.measured(at, seconds=6.0)

    assert not found.failures, full_doors.told(found)
    assert max(found.slowest.values()) < full_doors.IN_TIME, full_doors.told(found)
    assert found.most_mb < MOST_MB, full_doors.told(found)
    assert found.restarts == 0
    assert min(found.connected.values()) > 0


def test_doors_that_speak_tls_hold_as_well_also_before_a_handshake_is_over(tmp_path: Path) -> None:
    with full_doors.by_tls(tmp_path) as (at, shown):
        found = full_doors.measured(at, seconds=6.0, tls=shown)

    assert not found.failures, full_doors.told(found)
    assert max(found.slowest.values()) < full_doors.IN_TIME, full_doors.told(found)
    assert found.most_mb < MOST_MB, full_doors.told(found)
    assert found.restarts == 0
    assert min(found.connected.values()) > 0
    assert {one.__name__ for one in (*crowd.BEFORE_TLS, *crowd.OF_TLS)} <= found.connected.keys()


def test_a_door_that_says_nothing_and_hangs_up_on_nobody_is_found_to_hang() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        door = at_http.Door(f"http://127.0.0.1:{port}", "shown", patience=0.2)
        rows = list(reckoning.posted([(at_http.post(door, "a post", "", b"{}"), 0.0)], {}, set(), "http"))
        endless = at_http.never_ending(door, 0.2)
        frame, _ = at_mllp.never_ending(port, 1, patience=0.2)

    assert (rows[0].outcome, endless[1], frame) == (Outcome.HUNG, at_http.SILENT, Outcome.HUNG)


def test_slow_callers_are_closed_or_told_to_wait_and_a_door_that_keeps_them_all_is_found(at: Besieged) -> None:
    lines = at_http.slow(at.http, MAX_POSTS_EACH + 6, in_head=False)
    kept = slow_ones(lines, MAX_POSTS_EACH, "in the body", "http", 1.0, 0.0)
    beyond = slow_ones(lines, 1, "in the body", "http", 0.0, 0.0)
    for line in lines:
        line.close()

    assert (kept.outcome, kept.reason) == (Outcome.UNFINISHED, f"6 of {len(lines)} closed, {MAX_POSTS_EACH} may stay")
    assert beyond.outcome is Outcome.HUNG


def test_a_giant_message_just_below_the_bound_is_answered_and_accounted_for(at: Besieged) -> None:
    table = accounted_for(giants(at, frozenset({"segments"})))

    assert {row.outcome for row in table.rows} == {Outcome.HELD}


def test_a_set_of_documents_with_another_one_in_it_is_not_taken_for_the_first(at: Besieged) -> None:
    (sample,) = [one for one in SOME if one.file.endswith("comprehensiveProvideDocumentBundleSimple.json")]
    sent = [
        at.measured(at_http.post, at.http, sample.file, name, body)
        for name, body in (("as itself", sample.body), ("changed", sample.body + b" "))
    ]
    assert at.process() is None

    assert {row.outcome for row in reckoning.of_http(at.house.services, sent, "http")} <= {Outcome.KEPT, Outcome.HELD}


def test_whatever_a_source_answers_is_told_apart_and_nothing_strays() -> None:
    names, places = frozenset({"as itself", "truncated"}), frozenset({"page", "resource", "attachment", "address"})

    table = accounted_for(at_fhir_source.all_of_it(of(Language.FHIR, 12), names, places))

    assert {Outcome.KEPT, Outcome.REFUSED} <= {row.outcome for row in table.rows}


def test_a_client_that_goes_where_an_answer_points_is_found() -> None:
    with a_peer(lambda *_: iter([answer(b"", "text/plain")])) as elsewhere:
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, elsewhere.port)).close()
        until = time.monotonic() + 5
        while elsewhere.visits < 2 and time.monotonic() < until:
            time.sleep(0.01)
    fetched = Row(file="an attachment", mutation="at file:", door="", outcome=Outcome.KEPT, reason="a document")

    assert elsewhere.visits == 2
    assert [row.outcome for row in (outside(fetched), *strayed(2, ""))] == [Outcome.STRAYED] * 2
    assert not list(strayed(0, ""))


def test_whatever_an_archive_answers_is_told_apart_and_nothing_strays() -> None:
    names, places = frozenset({"as itself", "lying length"}), frozenset({"image", "address"})

    table = accounted_for(at_dicomweb_source.all_of_it(of(Language.DICOM, 4), names, places))

    assert {Outcome.KEPT, Outcome.REFUSED} <= {row.outcome for row in table.rows}


def test_whatever_an_archive_says_by_dimse_is_told_apart() -> None:
    names, places = frozenset({"as itself", "lying length", "bits flipped"}), frozenset({"image", "retrieve", "page"})

    table = accounted_for(at_dimse_source.all_of_it(of(Language.DICOM, 4), names, places))

    assert {Outcome.KEPT, Outcome.REFUSED} <= {row.outcome for row in table.rows}


def test_a_file_that_never_ends_is_not_read_to_its_end(tmp_path: Path, at: Besieged) -> None:
    table = accounted_for(at_files.opened(of(Language.HL7, 20), tmp_path, at.house.var, frozenset({"as itself"})))

    assert Outcome.REFUSED in {row.outcome for row in table.rows}


def test_a_packet_that_differs_by_one_byte_or_holds_one_thing_more_is_never_verified(tmp_path: Path) -> None:
    tars = {"a path that climbs", "a path in an extended header", "a file twice", "a symbolic link", "a negative size"}
    folders = {"a link to the root", "a pipe nobody writes to", "a manifest that is a link"}
    names = frozenset({"as itself", "truncated", "bits flipped", "a stretch missing", "doubled", *tars, *folders})

    table = accounted_for(at_files.verify(of(Language.HL7, 10), tmp_path, names))

    assert [(row.mutation, row.outcome) for row in table.rows if row.outcome is not Outcome.REFUSED] == [
        ("whole", Outcome.KEPT)
    ]
    assert tars | folders <= {row.mutation for row in table.rows}


def test_an_option_that_is_not_understood_is_no_refusal_of_a_packet(tmp_path: Path) -> None:
    with Child("command", "verify", "--of-yesterday") as child:
        became = child.ask(arguments=[str(tmp_path)])

    assert (became.outcome, became.reason) == (Outcome.FELL, "Error: No such option '--of-yesterday'.")


def test_whatever_document_becomes_pages_or_is_said_not_to(tmp_path: Path) -> None:
    names = frozenset({"as itself", "truncated", "entities"})
    note = b'<ClinicalDocument xmlns="urn:hl7-org:v3"><title>A note</title></ClinicalDocument>'
    some = [Sample("a note", Language.CDA, note), *of(Language.HL7, 12), *of(Language.OTHER, 12)]

    table = accounted_for(at_files.pages(some, tmp_path, names))

    assert {Outcome.KEPT, Outcome.REFUSED} <= {row.outcome for row in table.rows}


def test_whatever_image_is_in_the_list_of_a_packets_images_or_said_not_to_be(tmp_path: Path) -> None:
    table = accounted_for(
        at_files.directory(of(Language.DICOM, 4), tmp_path, frozenset({"as itself", "truncated", "lying length"}))
    )

    assert {Outcome.KEPT, Outcome.REFUSED} <= {row.outcome for row in table.rows}


def test_who_hangs_up_in_the_middle_leaves_nothing_behind(at: Besieged) -> None:
    line = at.http.connected()
    with suppress(OSError):
        line.sendall(at.http.head("/fhir", 30 << 20) + b"x" * (5 << 20))
    line.shutdown(socket.SHUT_RDWR)
    line.close()

    assert at_http.post(at.http, "afterwards", "", b'{"resourceType":"Basic"}').status == 403
