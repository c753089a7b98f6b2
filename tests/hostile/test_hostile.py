"""A fast selection of the campaign (`make hostile`), on real doors: no row of its table may be a violation."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.hostile import at_dicomweb_source, at_dimse_source, at_fhir_source, at_files, at_http, at_mllp, reckoning
from tests.hostile.honest import honest_beside
from tests.hostile.house_doors import Besieged, besieged, http, mllp
from tests.hostile.memory import MOST_MB
from tests.hostile.samples import OURS, Language, Sample, sample_of
from tests.hostile.table import Outcome, Row, Table
from tests.journeys.house import a_house
from transfer.gateway.http import BODY, POSTS_EACH

pytestmark = pytest.mark.servers

#: of each language some, of our own files whatever SAMPLES says
FILES = sorted(path for path in OURS.rglob("*") if path.is_file())
SOME = [sample_of(str(path.relative_to(OURS)), path.read_bytes()) for path in FILES]


def of(language: Language, every: int) -> list[Sample]:
    return [sample for sample in SOME if sample.language is language][::every]


@pytest.fixture(scope="module")
def at() -> Iterator[Besieged]:
    with tempfile.TemporaryDirectory(prefix="rt-") as folder, a_house(Path(folder) / "var") as house:
        with besieged(house) as doors:
            yield doors


def accounted_for(rows: Iterator[Row]) -> Table:
    table = Table()
    for _ in table.add(rows):
        pass
    assert not table.violations
    assert table.rows
    return table


def test_whatever_a_sender_sends_is_kept_or_refused_with_a_reason(at):
    with honest_beside(at.mllp, at.http.url, pause=0.05) as honest:
        table = accounted_for(
            mllp(at, of(Language.HL7, 20), frozenset({"as itself", "truncated", "LF only", "nested"}))
        )
        accounted_for(http(at, of(Language.FHIR, 12), frozenset({"as itself", "as UTF-16", "nested in bundles"})))

    assert {Outcome.KEPT, Outcome.REFUSED} <= {row.outcome for row in table.rows}
    assert honest.row().outcome is Outcome.KEPT


def test_bodies_made_to_grow_leave_the_doors_within_their_memory(at):
    for name, body in at_http.bombs(BODY):
        if name in ("small keys", "one text, wide", "a long attachment"):
            answered, most = at.measured(at_http.post, at.http, "a bomb", name, body)

            assert answered.status in (201, 403, 413)
            assert answered.reason
            assert most < MOST_MB


def test_many_long_messages_at_once_cost_the_doors_no_more_than_one(at):
    def all_of_them() -> list[int]:
        lines = at_http.many_large(at.http, 6, 20 << 20, at_http.random.Random(1))
        for line in lines:
            line.sendall(b"}")
        statuses = [at_http.answered(line)[0] for line in lines]
        for line in lines:
            line.close()
        return statuses

    statuses, most = at.measured(all_of_them)

    assert set(statuses) == {201}
    assert most < MOST_MB


def test_an_institution_that_posts_too_much_at_once_is_told_to_wait_and_another_is_served(at):
    lines = at_http.slow(at.http, POSTS_EACH, in_head=False)
    try:
        refused = at_http.post(at.http, "one more", "", b"{}")
        with honest_beside(at.mllp, at.http.url) as honest:
            honest.once()
    finally:
        for line in lines:
            line.close()

    assert (refused.status, refused.reason.partition(":")[0]) == (429, "throttled")
    assert honest.row().outcome is Outcome.KEPT


def test_a_refusal_is_written_down_with_its_reason(at):
    refused = at_http.post(at.http, "no message", "", b'{"resourceType":"Basic"}')

    log = (at.house.var / "log" / "gateway.log").read_text()
    assert refused.status == 403
    assert "http: a message at the door of lakeside-oncology is refused with 403: NotAllowed: none of the things" in log


def test_a_frame_without_end_is_refused_and_the_port_goes_on(at):
    (word, reason), most = at.measured(at_mllp.never_ending, at.mllp, 80)

    assert (word, reason) == ("refused", "error 104")
    assert most < MOST_MB
    assert set(at_mllp.interleaved(at.mllp, 8)) == {"AA"}


def test_a_set_of_documents_with_another_one_in_it_is_not_taken_for_the_first(at):
    (sample,) = [one for one in SOME if one.file.endswith("comprehensiveProvideDocumentBundleSimple.json")]
    sent = [
        at.measured(at_http.post, at.http, sample.file, name, body)
        for name, body in (("as itself", sample.body), ("changed", sample.body + b" "))
    ]
    assert at.attend() is None

    assert {row.outcome for row in reckoning.of_http(at.house.edges, sent, "http")} <= {Outcome.KEPT, Outcome.HELD}


def test_whatever_a_source_answers_is_told_apart_and_nothing_strays():
    names, places = frozenset({"as itself", "truncated"}), frozenset({"page", "resource", "attachment", "address"})

    table = accounted_for(at_fhir_source.all_of_it(of(Language.FHIR, 12), names, places))

    assert {Outcome.KEPT, Outcome.REFUSED} <= {row.outcome for row in table.rows}


def test_whatever_an_archive_answers_is_told_apart_and_nothing_strays():
    names, places = frozenset({"as itself", "lying length"}), frozenset({"image", "address"})

    table = accounted_for(at_dicomweb_source.all_of_it(of(Language.DICOM, 4), names, places))

    assert {Outcome.KEPT, Outcome.REFUSED} <= {row.outcome for row in table.rows}


def test_whatever_an_archive_says_by_dimse_is_told_apart():
    names, places = frozenset({"as itself", "lying length", "bits flipped"}), frozenset({"image", "retrieve", "page"})

    table = accounted_for(at_dimse_source.all_of_it(of(Language.DICOM, 4), names, places))

    assert {Outcome.KEPT, Outcome.REFUSED} <= {row.outcome for row in table.rows}


def test_a_file_that_never_ends_is_not_read_to_its_end(tmp_path, at):
    table = accounted_for(at_files.opened(of(Language.HL7, 20), tmp_path, at.house.var, frozenset({"as itself"})))

    assert Outcome.REFUSED in {row.outcome for row in table.rows}


def test_who_hangs_up_in_the_middle_leaves_nothing_behind(at):
    line = at.http.connected()
    with suppress(OSError):
        line.sendall(at.http.head("/fhir", 30 << 20) + b"x" * (5 << 20))
    line.shutdown(socket.SHUT_RDWR)
    line.close()

    assert at_http.post(at.http, "afterwards", "", b'{"resourceType":"Basic"}').status == 403
