"""What every archive of images promises (`transfer.sources.ImageArchive`), asked by DICOMweb and by DIMSE alike."""

import time
from collections.abc import Callable, Iterator
from io import BytesIO

import pydicom
import pytest

from tests.kit.fakes import MemoryVault
from tests.kit.rejection_notes import a_note
from tests.kit.scripted_archive import (
    JANE,
    MERCY,
    SERIES,
    STUDY,
    Said,
    entry,
    image,
    paged,
    parts,
    scripted_archive,
    study_entry,
    uid,
)
from tests.kit.scripted_dimse import ABORT, body_of, said, scripted_dimse
from tests.kit.series import missing
from transfer.adapters.dicomweb import DicomwebClient
from transfer.adapters.dimse import DimseClient, DimsePeer, DimseTimeouts
from transfer.adapters.http import HttpLimits
from transfer.errors import ChangedMeanwhile, CutShort, NeedsReview, TransferError, Unreachable
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.sources import ImageArchive, SeriesObject

pytestmark = pytest.mark.servers

Patient = dict[str, str]
PATIENT: Patient = {"name": "DOE^JANE", "born": "19600102", "number": "M-17", "issuer": "MERCY"}


class Web:
    """DICOMweb, told what to hold and when to die."""

    def __init__(self, archive) -> None:
        self._archive = archive
        self.client: ImageArchive = DicomwebClient(
            archive.url, http=HttpLimits(connect_seconds=2, silence_seconds=0.5, page_seconds=2)
        )
        self.patient: ImageArchive = DicomwebClient(archive.url)
        self.nowhere: ImageArchive = DicomwebClient("http://127.0.0.1:1/", http=HttpLimits(connect_seconds=2))

    @property
    def was_asked(self) -> bool:
        return bool(self._archive.asked)

    def dawdles(self) -> None:
        for path in ("/studies", f"/studies/{STUDY}/series", f"/studies/{STUDY}/series/{SERIES}/instances"):
            self._archive.answers[path] = Said(body=b"[", dies="stall")

    def finds(self, by_number: list[Patient], by_name: list[Patient]) -> None:
        numbered, named = (paged([study_entry(**one) for one in those]) for those in (by_number, by_name))
        self._archive.answers["/studies"] = lambda query: (numbered if "PatientID" in query else named)(query)

    def describes(self) -> None:
        described = entry(t00080020="20260301", t00080030="1430", t00080050="A-99", t00080061=["CT", "PT"])
        self._archive.answers["/studies"] = paged([study_entry() | described])
        series = entry(t0020000E=SERIES, t00080060="CT")
        self._archive.answers[f"/studies/{STUDY}/series"] = paged([series])

    def holds(self, files: list[bytes]) -> frozenset[str]:
        return self._archive.serve_series(files)

    def dies_after(self, files: list[bytes], count: int) -> None:
        self._archive.answers[f"/studies/{STUDY}/series/{SERIES}"] = Said(body=parts(files[: count + 1])[:-200])

    def has_lost(self, name: str) -> None:
        del self._archive.answers[f"/studies/{STUDY}/series/{SERIES}/instances/{name}"]


class Dimse:
    """The same by DIMSE."""

    def __init__(self, archive) -> None:
        self._archive = archive
        us = {"called_ae_title": "FILMROOM", "calling_ae_title": "TRANSFER"}
        quick = DimseTimeouts(connect=2, associate=2, stall=0.5, listing=2)
        self.client: ImageArchive = DimseClient(DimsePeer(host="127.0.0.1", port=archive.port, **us), timeouts=quick)
        self.patient: ImageArchive = DimseClient(DimsePeer(host="127.0.0.1", port=archive.port, **us))
        self.nowhere: ImageArchive = DimseClient(DimsePeer(host="127.0.0.1", port=1, **us), timeouts=quick)

    @property
    def was_asked(self) -> bool:
        return bool(self._archive.asked)

    def dawdles(self) -> None:
        def late(_: object) -> list[object]:
            time.sleep(2)
            return []

        self._archive.finds = dict.fromkeys(("STUDY", "SERIES", "IMAGE"), late)

    def finds(self, by_number: list[Patient], by_name: list[Patient]) -> None:
        numbered, named = ([self._study(**one) for one in those] for those in (by_number, by_name))
        self._archive.finds["STUDY"] = lambda asked: numbered if asked.PatientID else named

    def describes(self) -> None:
        described = self._study(**PATIENT)
        described.update(said(StudyDate="20260301", StudyTime="1430", AccessionNumber="A-99"))
        described.update(said(ModalitiesInStudy=["CT", "PT"], NumberOfStudyRelatedInstances=412))
        self._archive.finds["STUDY"] = [described]
        series = said(SeriesInstanceUID=SERIES, Modality="CT", NumberOfSeriesRelatedInstances=7)
        self._archive.finds["SERIES"] = [series]

    def holds(self, files: list[bytes]) -> frozenset[str]:
        self._archive.getting = None
        return self._archive.serve_series(files)

    def dies_after(self, files: list[bytes], count: int) -> None:
        def dying(talk, context, asked, identifier):
            for file in files[:count]:
                talk.store(file)
            talk.send(ABORT)

        self._archive.getting = dying

    def has_lost(self, name: str) -> None:
        self._archive.serve_series([f for f in self._archive.files if str(body_of(f)[0].SOPInstanceUID) != name])

    def _study(self, *, name: str, born: str, number: str, issuer: str):
        return said(
            StudyInstanceUID=STUDY,
            PatientName=name,
            PatientBirthDate=born,
            PatientID=number,
            IssuerOfPatientID=issuer,
        )


@pytest.fixture(params=["dicomweb", "dimse"])
def archive(request) -> Iterator[Web | Dimse]:
    with scripted_archive() if request.param == "dicomweb" else scripted_dimse() as scripted:
        yield Web(scripted) if request.param == "dicomweb" else Dimse(scripted)


@pytest.fixture
def vault() -> MemoryVault:
    return MemoryVault()


def fetch(
    archive: Web | Dimse,
    vault: MemoryVault,
    expected: frozenset[str],
    wanted: frozenset[str] | None = None,
    keep_going: Callable[[], None] = lambda: None,
) -> SeriesObject | None:
    return archive.client.fetch_series(
        STUDY, SERIES, expected=expected, wanted=wanted, institution=MERCY, vault=vault, keep_going=keep_going
    )


def images(vault: MemoryVault, found: SeriesObject) -> dict[str, pydicom.Dataset]:
    """What lies there, by UID, each a file that opens and whose bytes are those that were kept."""
    files = {entry.sop_instance_uid: b"".join(vault.read(found.locate(entry))) for entry in found.index}
    return {name: pydicom.dcmread(BytesIO(file)) for name, file in files.items()}


def as_sent(files: list[bytes]) -> dict[str, pydicom.Dataset]:
    sent = [pydicom.dcmread(BytesIO(file)) for file in files]
    return {str(one.SOPInstanceUID): one for one in sent}


# --- finding --------------------------------------------------------------------------------------------------------


def test_a_patient_is_found_by_a_number_of_the_archives_own(archive):
    archive.finds([PATIENT], [])

    (study,) = archive.client.studies(JANE, MERCY)

    assert study.study_instance_uid == STUDY
    assert study.patient.identifiers == JANE.identifiers
    assert study.patient.names == (PersonName("DOE", ("JANE",)),)


def test_who_is_not_found_by_number_is_found_by_name_and_birth_date(archive):
    archive.finds([], [PATIENT])

    assert [study.study_instance_uid for study in archive.client.studies(JANE, MERCY)] == [STUDY]


def test_who_is_not_there_is_not_found(archive):
    archive.finds([], [])

    assert archive.client.studies(JANE, MERCY) == []


def test_who_has_no_number_there_and_no_birth_date_is_not_asked_about(archive):
    archive.finds([PATIENT], [PATIENT])
    unknown = Demographics(names=JANE.names, identifiers=(IssuedIdentifier("urn:oid:9.9", "M-17"),))

    assert archive.client.studies(unknown, MERCY) == []
    assert not archive.was_asked


@pytest.mark.parametrize("value", ["*", "M-1?", "M-17\\M-18", "M^17"])
def test_a_number_that_would_find_others_is_not_asked_about(archive, value):
    archive.finds([PATIENT], [])

    broad = Demographics(identifiers=(IssuedIdentifier("urn:oid:1.2.840.1", value),))

    assert archive.client.studies(broad, MERCY) == []
    assert not archive.was_asked


@pytest.mark.parametrize(
    "other",
    [PATIENT | {"number": "M-18"}, PATIENT | {"number": ""}, PATIENT | {"issuer": "ELSEWHERE"}],
    ids=["another number", "no number", "another issuer"],
)
def test_what_an_archive_gives_beyond_the_number_asked_for_is_dropped(archive, other):
    archive.finds([other], [])

    assert archive.client.studies(Demographics(identifiers=JANE.identifiers), MERCY) == []


@pytest.mark.parametrize("other", [{"name": "DOERING^JANE"}, {"born": "19600103"}, {"born": ""}])
def test_what_an_archive_gives_beyond_the_name_asked_for_is_dropped(archive, other):
    archive.finds([], [PATIENT | other])

    assert archive.client.studies(JANE, MERCY) == []


def test_a_study_is_described_in_our_words(archive):
    archive.describes()

    (study,) = archive.client.studies(JANE, MERCY)
    (series,) = archive.client.series(STUDY)

    assert IssuedIdentifier("urn:mercy:accession", "A-99") in study.identifiers
    assert study.at and study.at.isoformat() == "2026-03-01T20:30:00+00:00"
    assert study.modalities == {"CT", "PT"}
    assert series.uid == SERIES


def test_an_archive_that_is_not_there_is_unreachable(archive):
    with pytest.raises(Unreachable):
        archive.nowhere.series(STUDY)


def test_a_uid_that_is_none_is_not_asked_about(archive):
    with pytest.raises(ValueError, match="UID"):
        archive.client.series("1.2\\1.3")
    with pytest.raises(ValueError, match="UID"):
        archive.client.instances("1.2", "*")


@pytest.mark.parametrize("what", ["studies", "series", "instances"])
def test_a_search_that_may_not_go_on_ends_while_the_archive_dawdles(archive, what):
    archive.dawdles()
    asked = {"studies": (JANE, MERCY), "series": (STUDY,), "instances": (STUDY, SERIES)}[what]
    begun = time.monotonic()

    def keep_going() -> None:
        if time.monotonic() - begun > 0.2:
            raise ChangedMeanwhile("the epoch moved")

    with pytest.raises(ChangedMeanwhile):
        getattr(archive.patient, what)(*asked, keep_going=keep_going)


# --- fetching -------------------------------------------------------------------------------------------------------


def test_a_series_comes_whole_and_every_image_is_what_was_sent(archive, vault):
    files = [image(n, pixels=n * 1000) for n in range(1, 6)]
    expected = archive.holds(files)
    assert archive.client.instances(STUDY, SERIES) == expected

    found = fetch(archive, vault, expected)

    assert found and found.complete
    assert images(vault, found) == as_sent(files)


def test_a_series_that_broke_off_is_not_complete_and_its_rest_completes_it(archive, vault):
    files = [image(n) for n in range(1, 6)]
    expected = archive.holds(files)
    archive.dies_after(files, 2)
    first = fetch(archive, vault, expected)
    assert first and not first.complete
    assert first.instances == {uid(1), uid(2)}

    archive.holds(files)
    rest = fetch(archive, vault, expected, wanted=missing(expected, first))

    assert rest and rest.complete
    assert not missing(expected, first, rest)
    assert not first.instances & rest.instances


def test_a_series_that_broke_off_before_one_image_was_whole_leaves_nothing(archive, vault):
    expected = archive.holds([image(1)])
    archive.dies_after([image(1)], 0)

    with pytest.raises(CutShort):
        fetch(archive, vault, expected)
    assert vault.objects == {}


def test_fewer_images_than_were_listed_are_not_complete(archive, vault):
    expected = archive.holds([image(1), image(2)])

    found = fetch(archive, vault, expected | {uid(9)})

    assert found and not found.complete
    assert missing(expected | {uid(9)}, found) == {uid(9)}


def test_an_image_that_is_gone_meanwhile_is_still_missing_and_the_others_come(archive, vault):
    expected = archive.holds([image(n) for n in range(1, 5)])
    archive.has_lost(uid(3))

    found = fetch(archive, vault, expected, wanted=frozenset([uid(2), uid(3), uid(4)]))

    assert found
    assert (found.instances, found.complete) == ({uid(2), uid(4)}, False)


def test_if_all_that_was_missing_is_gone_there_is_no_object(archive, vault):
    expected = archive.holds([image(1), image(2)])
    archive.has_lost(uid(2))

    assert fetch(archive, vault, expected, wanted=frozenset([uid(2)])) is None
    assert vault.objects == {}


def test_the_same_image_with_other_bytes_is_a_conflict_and_both_are_kept(archive, vault):
    expected = archive.holds([image(1), image(1, pixels=2000), image(1)])

    found = fetch(archive, vault, expected)

    assert found and found.complete
    assert [entry.sop_instance_uid for entry in found.conflicting] == [uid(1)]


def test_what_a_rejection_note_names_is_told(archive, vault):
    who = {"PatientName": "DOE^JANE", "PatientID": "M-17", "IssuerOfPatientID": "MERCY", "PatientBirthDate": "19600102"}
    expected = archive.holds([image(1), a_note(uid(2), [uid(1)], title="113037", study=STUDY, series=SERIES, **who)])

    found = fetch(archive, vault, expected)

    assert found and found.complete
    assert found.rejected == {uid(1), uid(2)}


def test_an_unlisted_image_of_another_study_is_not_kept(archive, vault):
    archive.holds([image(1), image(2, study="9.9.9", PatientName="ROE^RICHARD")])

    found = fetch(archive, vault, frozenset([uid(1)]))

    assert found
    assert (found.strays, found.instances, len(found.stated)) == ({uid(2)}, {uid(1)}, 1)


def test_an_unlisted_image_of_another_series_is_left_to_that_series(archive, vault):
    archive.holds([image(1), image(2, series="1.2.3.4.6")])

    found = fetch(archive, vault, frozenset([uid(1)]))

    assert found and found.complete
    assert (found.strays, found.instances, found.misplaced) == ({uid(2)}, {uid(1)}, frozenset())


@pytest.mark.parametrize("other", [{"study": "9.9.9"}, {"series": "1.2.3.4.6"}], ids=["study", "series"])
def test_a_listed_image_that_names_another_is_kept_and_named(archive, vault, other):
    files = [image(1), image(2, **other)]
    archive.holds(files)

    found = fetch(archive, vault, frozenset([uid(1), uid(2)]))

    assert found
    assert images(vault, found) == as_sent(files)
    assert (found.misplaced, found.strays) == ({uid(2)}, frozenset())


def test_a_series_of_nothing_but_anothers_images_is_for_a_person_to_look_at(archive, vault):
    archive.holds([image(1, series="1.2.3.4.6")])

    with pytest.raises(NeedsReview):
        fetch(archive, vault, frozenset([uid(7)]))
    assert vault.objects == {}


def test_a_series_with_images_of_two_patients_says_both(archive, vault):
    expected = archive.holds([image(1), image(2, PatientID="M-99", PatientName="ROE^RICHARD")])

    found = fetch(archive, vault, expected)

    assert found
    assert [each.names[0].family for each in found.stated] == ["DOE", "ROE"]


def test_what_may_not_go_on_ends_at_once_and_nothing_is_kept(archive, vault):
    expected = archive.holds([image(n, pixels=400_000) for n in range(20)])
    looks = []

    def keep_going() -> None:
        looks.append(1)
        if len(looks) == 4:
            raise ChangedMeanwhile("the epoch moved")

    with pytest.raises(ChangedMeanwhile):
        fetch(archive, vault, expected, keep_going=keep_going)
    assert vault.objects == {}


def test_it_is_looked_at_least_every_mebibyte_whether_to_go_on(archive, vault):
    expected = archive.holds([image(n, pixels=400_000) for n in range(20)])
    looks: list[int] = []

    found = fetch(archive, vault, expected, keep_going=lambda: looks.append(1))

    assert found and found.complete
    assert len(looks) >= found.location.length >> 20


def test_a_vault_that_fails_fails_the_fetch(archive):
    class Full(MemoryVault):
        def keep(self, chunks):
            for count, _ in enumerate(chunks):
                if count > 4:
                    raise Unreachable("full")
            raise AssertionError

    expected = archive.holds([image(n) for n in range(20)])

    with pytest.raises(TransferError, match="full"):
        fetch(archive, Full(), expected)
