"""Finding studies and fetching series from an archive on a real socket: nothing counted complete that is not."""

import base64
import hashlib
import tarfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.fakes import MemoryVault
from tests.kit.scripted_archive import (
    BOUNDARY,
    JANE,
    MERCY,
    SERIES,
    STUDY,
    Said,
    entry,
    image,
    listed,
    paged,
    parts,
    scripted_archive,
    study_entry,
    uid,
)
from tests.kit.series import missing
from transfer import errors
from transfer.adapters.dicom import DicomLimits
from transfer.adapters.dicomweb import DicomwebClient
from transfer.adapters.http import HttpLimits
from transfer.errors import (
    ChangedMeanwhile,
    CutShort,
    TooLarge,
    TurnedAway,
    Unavailable,
    Unexpected,
    Unreachable,
    Unreadable,
)
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.sources import Ending

pytestmark = pytest.mark.servers

SERIES_PATH = f"/studies/{STUDY}/series/{SERIES}"
QUICK = HttpLimits(connect_seconds=2, silence_seconds=0.3, page_seconds=2)


@pytest.fixture
def archive():
    with scripted_archive() as archive:
        yield archive


@pytest.fixture
def vault():
    return MemoryVault()


@pytest.fixture
def client(archive):
    return DicomwebClient(archive.url, "the-token", http=QUICK)


def fetch(client, vault, expected, wanted=None, keep_going=lambda: None):
    return client.fetch_series(
        STUDY, SERIES, expected=expected, wanted=wanted, institution=MERCY, vault=vault, keep_going=keep_going
    )


def kind(failure):
    """The kind of `transfer.errors` that a failure is, whatever an adapter calls it more closely."""
    return next(each for each in type(failure).__mro__ if each.__module__ == errors.__name__)


def held(vault, found):
    """The instances as they lie in the vault, each checked against its hash."""
    return {entry.sop_instance_uid: b"".join(vault.read(found.locate(entry))) for entry in found.index}


def members(vault, found):
    """What any tar reader finds in the object."""
    with tarfile.open(fileobj=BytesIO(b"".join(vault.read(found.location)))) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]


def test_an_archive_that_knows_users_is_shown_a_user_and_a_password(archive):
    DicomwebClient(archive.url, user="records-transfer", password="open:séame").series(STUDY)

    shown = base64.b64decode(archive.headers[0]["Authorization"].removeprefix("Basic ")).decode()
    assert shown == "records-transfer:open:séame"


# --- finding ----------------------------------------


def test_a_patient_is_asked_for_by_a_number_of_the_archives_own_and_found(archive, client):
    described = entry(
        t00080020="20260301",
        t00080030="143005.12",
        t00080050="A-99",
        t00080061=["CT", "PT"],
        t00081030="CT ABDOMEN",
        t00100040="F",
    )
    archive.answers["/studies"] = paged([study_entry() | described])

    [study] = client.studies(JANE, MERCY)

    assert archive.asked[0].startswith("/studies?PatientID=M-17&IssuerOfPatientID=MERCY&includefield=00080061")
    assert archive.headers[0]["Authorization"] == "Bearer the-token"
    assert study.study_instance_uid == STUDY
    assert study.identifiers == (
        IssuedIdentifier("urn:dicom:uid", f"urn:oid:{STUDY}"),
        IssuedIdentifier("urn:mercy:accession", "A-99"),
    )
    assert study.patient.names == (PersonName("DOE", ("JANE",)),)
    assert study.patient.identifiers == JANE.identifiers
    assert (study.patient.birth_date, study.patient.sex) == (date(1960, 1, 2), "female")
    assert (study.date, study.at) == (date(2026, 3, 1), datetime(2026, 3, 1, 20, 30, 5, tzinfo=UTC))
    assert (study.modalities, study.description) == ({"CT", "PT"}, "CT ABDOMEN")


def test_who_is_not_found_by_number_is_asked_for_by_name_and_birth_date(archive, client):
    archive.answers["/studies"] = lambda query: listed(
        [] if "PatientID" in query or "offset=1" in query else [study_entry()]
    )

    assert len(client.studies(JANE, MERCY)) == 1

    by_name = [asked for asked in archive.asked if "PatientName" in asked]
    assert by_name[0].startswith("/studies?PatientName=DOE*&PatientBirthDate=19600102&")
    assert not any("^" in asked or "%2A" in asked for asked in archive.asked)


def test_who_is_found_by_number_is_not_asked_for_by_name(archive, client):
    archive.answers["/studies"] = paged([study_entry()])

    assert len(client.studies(JANE, MERCY)) == 1

    assert not any("PatientName" in asked for asked in archive.asked)


def test_another_spelling_of_the_issuer_is_tried_only_if_the_first_finds_nothing(archive, client):
    both = MERCY.model_copy(update={"issuers": {"MERCY": "urn:oid:1.2.840.1", "1.2.840.1": "urn:oid:1.2.840.1"}})
    only_number = Demographics(identifiers=JANE.identifiers)
    archive.answers["/studies"] = lambda query: listed(
        [study_entry()] if "IssuerOfPatientID=1.2.840.1" in query else []
    )
    assert len(client.studies(only_number, both)) == 1
    archive.answers["/studies"] = paged([study_entry()])
    archive.asked.clear()

    assert len(client.studies(only_number, both)) == 1
    assert not any("IssuerOfPatientID=1.2.840.1" in asked for asked in archive.asked)


def test_a_number_the_archive_has_no_word_for_is_not_told_to_it(archive, client):
    archive.answers["/studies"] = paged([])
    unknown = Demographics(
        identifiers=(IssuedIdentifier("urn:oid:9.9", "X-1"), IssuedIdentifier("urn:oid:1.2.840.1", "*"))
    )

    assert client.studies(unknown, MERCY) == []
    assert archive.asked == []


def test_a_name_that_may_be_written_otherwise_there_is_asked_for_with_wildcards(archive, client):
    archive.answers["/studies"] = paged([study_entry(name="O'BRIEN-MÜLLER^JANE", number="Z-9")])
    jane = Demographics(names=(PersonName("O'Brien-Müller"),), birth_date=date(1960, 1, 2))

    assert len(client.studies(jane, MERCY)) == 1
    assert "PatientName=O*BRIEN*M*LLER*&" in archive.asked[0]


@pytest.mark.parametrize(
    "other",
    [
        study_entry(number="M-18"),
        study_entry(number=None),
        study_entry(issuer="ELSEWHERE"),
    ],
)
def test_what_an_archive_gives_beyond_the_number_asked_for_is_dropped(archive, client, other):
    archive.answers["/studies"] = paged([other])
    only_number = Demographics(identifiers=JANE.identifiers)

    assert client.studies(only_number, MERCY) == []


@pytest.mark.parametrize(
    "other", [study_entry(name="DOERING^JANE"), study_entry(born="19600103"), study_entry(born=None)]
)
def test_what_an_archive_gives_beyond_the_name_asked_for_is_dropped(archive, client, other):
    archive.answers["/studies"] = paged([other])
    only_name = Demographics(names=JANE.names, birth_date=JANE.birth_date)

    assert client.studies(only_name, MERCY) == []


@pytest.mark.parametrize("nothing", [Said(status=204), listed([])])
def test_nothing_found_is_an_empty_list_however_it_is_said(archive, client, nothing):
    archive.answers["/studies"] = nothing

    assert client.studies(JANE, MERCY) == []


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        (Said(status=401), TurnedAway),
        (Said(status=403), TurnedAway),
        (Said(status=404), Unexpected),
        (Said(status=400), Unexpected),
        (Said(status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"}), Unexpected),
        (Said(status=408), Unreachable),
        (Said(status=429), Unreachable),
        (Said(status=500), Unreachable),
        (Said(status=501), Unexpected),
        (Said(status=503), Unreachable),
        (Said(body=b"<html>Please log in</html>"), Unexpected),
        (Said(body=b'{"not": "a list"}'), Unexpected),
        (Said(body=b"[1]"), Unexpected),
        (Said(body=b"[" * 100_000), Unexpected),
        (Said(body=b"[" + b"9" * 10_000 + b"]"), Unexpected),
        (Said(body=b"\xff\xfe"), Unexpected),
        (listed([{"00100020": {"vr": "LO", "Value": ["no uid"]}}]), Unexpected),
        (listed([study_entry(uid="../../etc/passwd")]), Unexpected),
        (Said(body=b"[]", headers={"Content-Encoding": "gzip"}), Unexpected),
        (Said(body=b"[", dies="reset"), Unreachable),
        (Said(body=b"[", dies="stall"), Unreachable),
        (Said(body=b"[]" + b" " * 5000), TooLarge),
    ],
)
def test_every_failure_of_a_search_is_told_apart(archive, said, ours):
    archive.answers["/studies"] = said
    client = DicomwebClient(
        archive.url, "the-token", http=replace(QUICK, page_bytes=4000) if ours is TooLarge else QUICK
    )

    with pytest.raises(ours) as failure:
        client.studies(JANE, MERCY)

    assert kind(failure.value) is ours
    assert "the-token" not in str(failure.value)
    assert "M-17" not in str(failure.value)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"Retry-After": "99999999999"}, 86400.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_an_archive_that_says_when_to_come_back_is_heard(archive, client, headers, seconds):
    archive.answers["/studies"] = Said(status=503, headers=headers)

    with pytest.raises(Unreachable) as failure:
        client.studies(JANE, MERCY)

    assert failure.value.retry_after == seconds


def test_an_archive_that_is_not_there_is_unreachable(client, archive):
    nowhere = DicomwebClient("http://127.0.0.1:1/dicom-web", http=QUICK)

    with pytest.raises(Unreachable):
        nowhere.series(STUDY)


@pytest.mark.parametrize("url", ["ftp://x/", "http://user@host/", "http://host/?a=b", "nonsense"])
def test_a_base_url_must_be_one(url):
    with pytest.raises(ValueError, match="base URL"):
        DicomwebClient(url)


def test_a_long_list_is_read_to_its_end_even_if_pages_are_shorter_than_asked_for(archive, client):
    uids = [uid(number) for number in range(25)]
    archive.answers[f"{SERIES_PATH}/instances"] = paged([entry(t00080018=each) for each in uids], most=10)

    assert client.instances(STUDY, SERIES) == frozenset(uids)


def test_an_archive_that_does_not_know_offsets_is_not_asked_for_ever(archive, client):
    archive.answers[f"{SERIES_PATH}/instances"] = listed([entry(t00080018=uid(1))])

    assert client.instances(STUDY, SERIES) == {uid(1)}
    assert len(archive.asked) == 2


def test_an_archive_whose_list_never_ends_is_stopped(archive):
    client = DicomwebClient(archive.url, limits=DicomLimits(entries=50))
    archive.answers[f"{SERIES_PATH}/instances"] = lambda query: listed(
        [entry(t00080018=uid(int(query.rpartition("=")[2]) + n)) for n in range(20)]
    )

    with pytest.raises(TooLarge):
        client.instances(STUDY, SERIES)


def test_an_archive_that_gives_one_entry_at_a_time_is_not_asked_for_days(archive):
    client = DicomwebClient(archive.url, limits=DicomLimits(pages=20))
    archive.answers[f"{SERIES_PATH}/instances"] = paged([entry(t00080018=uid(n)) for n in range(30)], most=1)

    with pytest.raises(TooLarge, match="pages"):
        client.instances(STUDY, SERIES)
    assert len(archive.asked) == 20


def test_each_series_is_listed_once(archive, client):
    archive.answers[f"/studies/{STUDY}/series"] = paged(
        [entry(t0020000E=SERIES, t00080060="CT"), entry(t0020000E=f"{SERIES}.0")]
    )

    first, second = client.series(STUDY)

    assert (first.uid, second.uid) == (SERIES, f"{SERIES}.0")


def test_a_study_that_is_gone_has_no_series_and_no_instances(client):
    assert client.series(STUDY) == []
    assert client.instances(STUDY, SERIES) == frozenset()


# --- fetching ----------------------------------------


def test_a_series_is_one_request_and_one_tar_with_an_index_and_every_byte_as_it_came(archive, client, vault):
    images = [image(n, pixels=n * 100) for n in range(1, 6)]
    expected = archive.serve_series(images)

    found = fetch(client, vault, expected)

    assert archive.paths == [SERIES_PATH]
    assert archive.headers[0]["Accept"] == 'multipart/related; type="application/dicom"; transfer-syntax=*'
    assert found.complete
    assert found.ending is Ending.CLOSED
    assert found.instances == expected
    assert held(vault, found) == {uid(n): images[n - 1] for n in range(1, 6)}
    assert members(vault, found) == [(f"{n:08d}.dcm", images[n - 1]) for n in range(1, 6)]
    assert [entry.sha256 for entry in found.index] == [hashlib.sha256(each).hexdigest() for each in images]
    assert len(vault.objects) == 1
    assert found.location.length % 512 == 0


def test_the_order_of_the_parts_is_not_trusted(archive, client, vault):
    images = [image(n) for n in (3, 1, 2)]
    found = fetch(client, vault, archive.serve_series(images))

    assert held(vault, found) == {uid(3): images[0], uid(1): images[1], uid(2): images[2]}


@pytest.mark.parametrize("dies", [None, "reset"])
def test_a_stream_that_dies_at_the_end_of_an_image_is_not_complete_and_the_rest_is_asked_for_one_by_one(
    archive, client, vault, dies
):
    images = [image(n) for n in range(1, 6)]
    expected = archive.serve_series(images)
    archive.answers[SERIES_PATH] = Said(
        body=parts(images[:3], closed=False) + f"\r\n--{BOUNDARY}\r\n".encode(), dies=dies
    )

    first = fetch(client, vault, expected)

    assert not first.complete
    assert first.ending is Ending.DIED
    assert held(vault, first) == {uid(n): images[n - 1] for n in (1, 2, 3)}

    wanted = missing(expected, first)
    assert wanted == {uid(4), uid(5)}
    second = fetch(client, vault, expected, wanted)

    assert second.complete
    assert held(vault, second) == {uid(4): images[3], uid(5): images[4]}
    assert missing(expected, first, second) == frozenset()
    assert archive.paths[1:] == [f"{SERIES_PATH}/instances/{uid(n)}" for n in (4, 5)]
    assert archive.connections == 2  # the one by one share theirs


def test_with_every_image_there_and_only_the_closing_delimiter_missing_it_is_not_complete(archive, client, vault):
    images = [image(1), image(2)]
    archive.answers[SERIES_PATH] = Said(body=parts(images, closed=False) + f"\r\n--{BOUNDARY}\r\n".encode())

    found = fetch(client, vault, frozenset([uid(1), uid(2)]))

    assert found.instances == {uid(1), uid(2)}
    assert (found.complete, found.ending) == (False, Ending.DIED)


def test_half_an_image_is_nowhere_and_the_tar_ends_as_a_tar_does(archive, client, vault):
    images = [image(1), image(2, pixels=50_000)]
    expected = archive.serve_series(images)
    archive.answers[SERIES_PATH] = Said(body=parts(images)[:-30_000])

    found = fetch(client, vault, expected)

    assert not found.complete
    assert members(vault, found) == [("00000001.dcm", images[0])]
    assert found.location.length == 512 + len(images[0]) + -len(images[0]) % 512 + 1024


SMALL = [image(n) for n in range(1, 4)]
WHOLE = parts(SMALL)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.one_of(st.integers(0, len(WHOLE) - 1), st.integers(len(WHOLE) - 90, len(WHOLE) - 1)),
    piece=st.integers(50, 20_000),
)
def test_cut_off_anywhere_it_is_never_complete_and_loses_no_image_that_was_whole(archive, client, at, piece):
    vault = MemoryVault()
    archive.answers[SERIES_PATH] = Said(body=WHOLE[:at], piece=piece)
    whole = sum(at >= len(parts(SMALL[:n])) for n in (1, 2, 3))

    try:
        found = fetch(client, vault, frozenset(uid(n) for n in (1, 2, 3)))
    except CutShort:
        assert whole == 0
        assert vault.objects == {}
        return

    assert not found.complete
    assert held(vault, found) == {uid(n + 1): SMALL[n] for n in range(whole)}


def test_a_stream_closed_properly_with_an_image_missing_is_not_complete(archive, client, vault):
    images = [image(1), image(2)]
    expected = archive.serve_series(images)
    archive.answers[SERIES_PATH] = Said(body=parts(images[:1]))

    found = fetch(client, vault, expected)

    assert found.ending is Ending.CLOSED
    assert not found.complete
    assert missing(expected, found) == {uid(2)}


def test_an_image_more_than_was_listed_is_kept_and_the_list_is_to_be_asked_again(archive, client, vault):
    archive.serve_series([image(1), image(2)])

    found = fetch(client, vault, frozenset([uid(1)]))

    assert found.instances == {uid(1), uid(2)}
    assert not found.complete


def test_the_same_image_twice_is_a_copy_and_with_other_bytes_a_conflict(archive, client, vault):
    first, other = image(1), image(1, PatientComments="retouched")
    archive.answers[SERIES_PATH] = Said(body=parts([first, image(2), first, other]))

    found = fetch(client, vault, frozenset([uid(1), uid(2)]))

    assert held(vault, found)[uid(1)] == first
    [conflict] = found.conflicting
    assert conflict.sop_instance_uid == uid(1)
    assert b"".join(vault.read(found.locate(conflict))) == other
    assert len(members(vault, found)) == 3


def test_what_the_images_say_of_their_patient_is_told_once_for_all_of_them(archive, client, vault):
    found = fetch(client, vault, archive.serve_series([image(n) for n in range(1, 4)]))

    assert found.stated == (
        Demographics(
            names=(PersonName("DOE", ("JANE",)),),
            birth_date=date(1960, 1, 2),
            sex="female",
            identifiers=JANE.identifiers,
        ),
    )


def test_a_series_with_images_of_two_patients_says_both(archive, client, vault):
    images = [image(1), image(2, PatientID="M-99", PatientName="ROE^RICHARD")]
    found = fetch(client, vault, archive.serve_series(images))

    assert [each.names[0].family for each in found.stated] == ["DOE", "ROE"]


def test_an_unlisted_image_of_another_study_is_not_kept(archive, client, vault):
    archive.serve_series([image(1), image(2, study="9.9.9", PatientName="ROE^RICHARD")])

    found = fetch(client, vault, frozenset([uid(1)]))

    assert found.strays == {uid(2)}
    assert len(members(vault, found)) == 1
    assert len(found.stated) == 1


def test_a_part_that_is_no_image_is_counted_and_the_others_are_kept(archive, client, vault):
    archive.answers[SERIES_PATH] = Said(body=parts([b"<error/>", image(1), b""]))

    found = fetch(client, vault, frozenset([uid(1), uid(2)]))

    assert (found.unreadable, found.instances, found.complete) == (2, {uid(1)}, False)


def test_nothing_but_rubbish_is_unreadable_and_nothing_is_kept(archive, client, vault):
    archive.answers[SERIES_PATH] = Said(body=parts([b"<error/>"]))

    with pytest.raises(Unreadable):
        fetch(client, vault, frozenset([uid(1)]))
    assert vault.objects == {}


def test_before_one_image_is_whole_nothing_is_kept(archive, client, vault):
    archive.answers[SERIES_PATH] = Said(body=parts([image(1)])[:-200])

    with pytest.raises(CutShort):
        fetch(client, vault, frozenset([uid(1)]))
    assert vault.objects == {}


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        (Said(status=401), TurnedAway),
        (Said(status=403), TurnedAway),
        (Said(status=404), Unexpected),
        (Said(status=406), Unexpected),
        (Said(status=301, headers={"Location": "/elsewhere"}), Unexpected),
        (Said(status=503, headers={"Retry-After": "3"}), Unreachable),
        (Said(body=b"<html/>", content_type="text/html"), Unexpected),
        (Said(body=b"x" * 100_000), Unexpected),
    ],
)
def test_every_failure_of_a_fetch_is_told_apart(archive, client, vault, said, ours):
    archive.answers[SERIES_PATH] = said

    with pytest.raises(ours) as failure:
        fetch(client, vault, frozenset([uid(1)]))

    assert kind(failure.value) is ours
    assert getattr(failure.value, "retry_after", None) == (3.0 if said.status == 503 else None)
    assert vault.objects == {}


def test_an_image_that_is_gone_meanwhile_is_still_missing_and_the_others_come(archive, client, vault):
    expected = archive.serve_series([image(n) for n in range(1, 5)])
    del archive.answers[f"{SERIES_PATH}/instances/{uid(3)}"]

    found = fetch(client, vault, expected, wanted=frozenset([uid(2), uid(3), uid(4)]))

    assert found.instances == {uid(2), uid(4)}
    assert not found.complete


def test_if_all_that_was_missing_is_gone_there_is_no_object(archive, client, vault):
    expected = archive.serve_series([image(1), image(2)])
    del archive.answers[f"{SERIES_PATH}/instances/{uid(2)}"]

    assert fetch(client, vault, expected, wanted=frozenset([uid(2)])) is None
    assert vault.objects == {}


def test_an_archive_that_stops_answering_among_the_missing_leaves_what_came(archive, client, vault):
    expected = archive.serve_series([image(n) for n in range(1, 5)])
    archive.answers[f"{SERIES_PATH}/instances/{uid(3)}"] = Said(status=503)

    found = fetch(client, vault, expected, wanted=frozenset([uid(2), uid(3), uid(4)]))

    assert (found.instances, found.ending, found.complete) == ({uid(2)}, Ending.DIED, False)


def test_a_stream_that_stalls_is_left_after_the_time_set_with_what_came(archive, client, vault):
    archive.answers[SERIES_PATH] = Said(body=parts([image(1), image(2)])[:-1000], dies="stall")
    begun = time.monotonic()

    found = fetch(client, vault, frozenset([uid(1), uid(2)]))

    assert time.monotonic() - begun < 8
    assert (found.ending, found.instances) == (Ending.STALLED, {uid(1)})


def test_a_fetch_that_takes_too_long_in_all_is_left_with_what_came(archive, vault):
    client = DicomwebClient(archive.url, http=HttpLimits(silence_seconds=2, stream_seconds=0.5))
    images = [image(n) for n in range(1, 40)]
    archive.answers[SERIES_PATH] = Said(body=parts(images), piece=len(images[0]), pause=0.05)

    found = fetch(client, vault, frozenset(uid(n) for n in range(1, 40)))

    assert found.ending is Ending.OUT_OF_TIME
    assert 1 <= len(found.index) < 39
    assert archive.broken_off.wait(2)


def test_a_fetch_of_many_images_one_by_one_is_bounded_as_a_whole(archive, vault):
    client = DicomwebClient(archive.url, http=HttpLimits(silence_seconds=2, stream_seconds=0.8))
    expected = archive.serve_series([image(n) for n in range(1, 40)])
    for said in archive.answers.values():
        if isinstance(said, Said):
            said.pause = 0.05
    asked_first = time.monotonic()

    found = fetch(client, vault, expected, wanted=expected - {uid(1)})

    assert time.monotonic() - asked_first < 8
    assert (found.ending, found.complete) == (Ending.OUT_OF_TIME, False)
    assert 1 <= len(found.index) < 38


def test_a_revocation_stops_the_bytes_at_once_and_nothing_is_kept(archive, client, vault):
    archive.serve_series([image(n, pixels=400_000) for n in range(60)])
    asked = []

    def keep_going():
        asked.append(archive.sent)
        if len(asked) == 5:
            raise ChangedMeanwhile("the epoch moved")

    with pytest.raises(ChangedMeanwhile):
        fetch(client, vault, frozenset([uid(1)]), keep_going=keep_going)

    assert vault.objects == {}
    assert archive.broken_off.wait(2)
    assert archive.sent < 20 << 20


def test_the_permission_is_looked_at_at_least_every_mebibyte(archive, client, vault):
    images = [image(n, pixels=400_000) for n in range(30)]
    expected = archive.serve_series(images)
    looks = []

    found = fetch(client, vault, expected, keep_going=lambda: looks.append(1))

    assert len(looks) >= found.location.length >> 20


def test_and_once_a_second_while_little_comes(archive, client, vault):
    archive.answers[SERIES_PATH] = Said(body=parts([image(1, pixels=8000)]), piece=1000, pause=0.15)
    looks = []

    fetch(client, vault, frozenset([uid(1)]), keep_going=lambda: looks.append(time.monotonic()))

    assert len(looks) >= 3
    assert max(b - a for a, b in pairwise(looks)) < 1


@pytest.mark.parametrize(
    "limits",
    [DicomLimits(instance=10_000), DicomLimits(series=40_000), DicomLimits(parts=3)],
    ids=["instance", "series", "parts"],
)
def test_beyond_what_is_taken_of_a_series_it_is_refused_and_nothing_is_kept(archive, vault, limits):
    client = DicomwebClient(archive.url, limits=limits)
    expected = archive.serve_series([image(n, pixels=15_000) for n in range(1, 5)])

    with pytest.raises(TooLarge):
        fetch(client, vault, expected)
    assert vault.objects == {}


def test_a_series_of_a_hundred_patients_and_one_is_nobodys(archive, client, vault):
    expected = archive.serve_series([image(n, PatientID=f"M-{n}") for n in range(1, 102)])

    with pytest.raises(TooLarge):
        fetch(client, vault, expected)
    assert vault.objects == {}


@pytest.mark.parametrize("piece", [999, 1 << 20])
def test_a_large_image_passes_through_a_nameless_file_unchanged(archive, vault, piece):
    client = DicomwebClient(archive.url, limits=DicomLimits(in_memory=30_000))
    images = [image(1), image(2, pixels=200_000), image(3)]
    expected = archive.serve_series(images)
    archive.answers[SERIES_PATH] = Said(body=parts(images), piece=piece)

    found = fetch(client, vault, expected)

    assert found.complete
    assert [content for _, content in members(vault, found)] == images


def test_a_vault_that_fails_fails_the_fetch_and_the_archive_is_left(archive, client):
    class FullVault(MemoryVault):
        def keep(self, chunks):
            for count, _ in enumerate(chunks):
                if count > 10:
                    raise Unavailable("full")

    archive.serve_series([image(n, pixels=400_000) for n in range(60)])

    with pytest.raises(Unavailable, match="full"):
        fetch(client, FullVault(), frozenset([uid(1)]))
    assert archive.broken_off.wait(2)


def test_a_uid_that_is_none_is_not_put_into_an_address(client, archive):
    with pytest.raises(ValueError, match="UID"):
        client.series("1.2/../../admin")
    assert archive.asked == []


def test_the_token_and_the_patient_stand_in_no_representation(client):
    assert "the-token" not in repr(client)
