"""Finding a patient's studies in Orthanc, which hospitals run, and fetching them: by DICOMweb over HTTP, over TLS with
certificates on both sides, and by DIMSE over the same.
"""

import ssl
import uuid
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from tests.kit.fakes import MemoryVault
from tests.kit.images import images_of
from tests.kit.peers.certificates import Certificates, certificates
from tests.kit.peers.orthanc import PASSWORD, USER, DicomOrthanc, Front, base, put_in
from tests.kit.series import fetch, fetched, largest, missing
from transfer.adapters.dicomweb import DicomwebClient
from transfer.adapters.dimse import DimseClient, DimsePeer, DimseTimeouts
from transfer.errors import ChangedMeanwhile, TurnedAway, Unexpected, Unreachable
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.sandbox.charts import draw_chart
from transfer.sources import ImageArchive

pytestmark = pytest.mark.servers

SAMPLES = Path(__file__).parents[1] / "samples" / "dicom"
SLICES = 7


class InTheArchive:
    """A patient with images there, as a chart draws one; nobody else's test knows them."""

    def __init__(self, orthanc: DicomOrthanc, slices: int = SLICES) -> None:
        self.chart = draw_chart(slices=slices)
        self.images = images_of(self.chart)
        put_in(orthanc, self.images)
        number, person = self.chart["numbers"]["mercy-imaging"], self.chart["patient"]
        self.institution = Institution(
            id="mercy-imaging", name="Mercy", time_zone="America/Chicago", issuers={"MERCY": number["system"]}
        )
        self.who = Demographics(
            names=(PersonName(person["family"], tuple(person["given"])),),
            birth_date=date.fromisoformat(person["birth_date"]),
            identifiers=(IssuedIdentifier(number["system"], number["value"]),),
        )
        self.study = str(self.chart["imaging"]["study_uid"])

    @property
    def by_uid(self) -> dict[str, bytes]:
        """What was put in, by SOP Instance UID."""
        uids = [str(pydicom.dcmread(BytesIO(image), stop_before_pixels=True).SOPInstanceUID) for image in self.images]
        return dict(zip(uids, self.images, strict=True))


@pytest.fixture
def patient(orthanc: DicomOrthanc) -> InTheArchive:
    return InTheArchive(orthanc)


@pytest.fixture
def web(orthanc: DicomOrthanc) -> DicomwebClient:
    return DicomwebClient(base(orthanc), user=USER, password=PASSWORD)


@pytest.fixture
def dimse(orthanc: DicomOrthanc, known: Certificates) -> DimseClient:
    return DimseClient(as_peer(orthanc, known.client()))


@pytest.fixture(params=["web", "dimse"])
def client(request: pytest.FixtureRequest) -> ImageArchive:
    asks: ImageArchive = request.getfixturevalue(request.param)
    return asks


def as_peer(orthanc: DicomOrthanc, tls: ssl.SSLContext | None) -> DimsePeer:
    return DimsePeer(
        host="localhost",
        port=orthanc.dicom_port,
        called_ae_title=orthanc.called,
        calling_ae_title=orthanc.calling,
        tls=tls,
    )


def assert_same(came: dict[str, bytes], sent: dict[str, bytes], client: ImageArchive) -> None:
    """To the byte by DICOMweb. By DIMSE a data set comes without its head, and Orthanc writes it anew: then value by
    value, and in the same transfer syntax.
    """
    if isinstance(client, DicomwebClient):
        assert came == sent
        return
    assert came.keys() == sent.keys()
    for uid, file in came.items():
        one, other = pydicom.dcmread(BytesIO(file)), pydicom.dcmread(BytesIO(sent[uid]))
        assert one == other
        assert one.file_meta.TransferSyntaxUID == other.file_meta.TransferSyntaxUID


def test_a_patients_study_is_found_by_number(client: ImageArchive, patient: InTheArchive) -> None:
    (found,) = client.studies(patient.who, patient.institution)

    assert found.study_instance_uid == patient.study
    assert patient.who.identifiers[0] in found.patient.identifiers


def test_a_patients_study_is_found_by_name_and_birth_date(client: ImageArchive, patient: InTheArchive) -> None:
    who = Demographics(names=patient.who.names, birth_date=patient.who.birth_date)

    found = client.studies(who, patient.institution)

    assert patient.study in [each.study_instance_uid for each in found]


def test_an_unknown_patient_has_no_studies_there(client: ImageArchive, patient: InTheArchive) -> None:
    issuer = patient.who.identifiers[0].issuer
    unknown = Demographics(identifiers=(IssuedIdentifier(issuer, uuid.uuid4().hex[:16]),))

    assert client.studies(unknown, patient.institution) == []


def test_every_image_of_a_study_comes_as_it_is_kept(client: ImageArchive, patient: InTheArchive) -> None:
    assert_same(fetched(client, patient.study), patient.by_uid, client)


def test_a_study_it_does_not_know_has_no_series(client: ImageArchive) -> None:
    assert client.series("1.2.3.4.5.6") == []
    assert client.instances("1.2.3.4.5.6", "1.2.3.4.5.7") == frozenset()


def test_a_series_listed_with_more_than_it_has_is_not_complete(client: ImageArchive, patient: InTheArchive) -> None:
    series, instances = largest(client, patient.study)

    came = fetch(client, patient.study, series, MemoryVault(), expected=instances | {"1.2.3.9"})

    assert came
    assert not came.complete
    assert missing(instances | {"1.2.3.9"}, came) == {"1.2.3.9"}


def test_the_instances_that_are_missing_are_fetched_one_by_one(client: ImageArchive, patient: InTheArchive) -> None:
    series, instances = largest(client, patient.study)
    wanted = frozenset(sorted(instances)[:2])

    came = fetch(client, patient.study, series, MemoryVault(), expected=instances, wanted=wanted)

    assert came
    assert (came.complete, came.instances) == (True, wanted)


def test_an_instance_it_does_not_have_is_missing_and_the_others_come(
    client: ImageArchive, patient: InTheArchive
) -> None:
    series, instances = largest(client, patient.study)
    wanted = frozenset({*sorted(instances)[:1], "1.2.3.9"})

    came = fetch(client, patient.study, series, MemoryVault(), expected=instances | wanted, wanted=wanted)

    assert came
    assert (came.complete, came.instances) == (False, wanted - {"1.2.3.9"})


def test_more_instances_than_one_page_lists_are_all_listed(
    web: DicomwebClient, patient: InTheArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    series, instances = largest(web, patient.study)
    assert len(instances) > 3

    monkeypatch.setattr("transfer.adapters.dicomweb.client._PAGE", 3)

    assert web.instances(patient.study, series) == instances


@pytest.mark.parametrize(
    "name", ["MR_small_implicit.dcm", "ExplVR_BigEnd.dcm", "JPEG2000.dcm", "sm_image_jpegls.dcm", "test-SR.dcm"]
)
def test_images_come_in_the_transfer_syntax_they_are_kept_in(
    client: ImageArchive, orthanc: DicomOrthanc, name: str
) -> None:
    file = (SAMPLES / name).read_bytes()
    head = pydicom.dcmread(BytesIO(file), stop_before_pixels=True)
    put_in(orthanc, [file])

    came = fetched(client, str(head.StudyInstanceUID))

    assert_same(came, {str(head.SOPInstanceUID): file}, client)


def test_an_image_in_a_syntax_newer_than_the_archive_comes_by_dicomweb_and_by_dimse_is_no_answer(
    web: DicomwebClient, dimse: DimseClient, orthanc: DicomOrthanc
) -> None:
    file = (SAMPLES / "liver_deflate.dcm").read_bytes()
    head = pydicom.dcmread(BytesIO(file), stop_before_pixels=True)
    put_in(orthanc, [file])

    assert fetched(web, str(head.StudyInstanceUID)) == {str(head.SOPInstanceUID): file}
    with pytest.raises(Unreachable, match="status A702"):
        fetch(dimse, str(head.StudyInstanceUID), str(head.SeriesInstanceUID), MemoryVault())


def test_a_wrong_password_is_turned_away_and_not_answered_with_nothing(
    orthanc: DicomOrthanc, patient: InTheArchive
) -> None:
    guessing = DicomwebClient(base(orthanc), user=USER, password="guessed")

    with pytest.raises(TurnedAway):
        guessing.studies(patient.who, patient.institution)
    with pytest.raises(TurnedAway):
        guessing.instances(patient.study, "1.2.3")


def test_a_fetch_that_may_not_go_on_ends_and_nothing_of_it_is_kept(client: ImageArchive, patient: InTheArchive) -> None:
    series, instances = largest(client, patient.study)
    vault = MemoryVault()

    with pytest.raises(ChangedMeanwhile):
        fetch(client, patient.study, series, vault, expected=instances, keep_going=_stopped)

    assert not vault.objects


def _stopped() -> None:
    raise ChangedMeanwhile("another worker has it")


# --- through nginx, which wants a certificate ------------------------------------------------------------------


def through(nginx: Front, tls: ssl.SSLContext | None, password: str = PASSWORD) -> DicomwebClient:
    return DicomwebClient(nginx.base, user=USER, password=password, tls=tls)


def test_who_shows_its_certificate_finds_and_fetches_over_tls(
    nginx: Front, known: Certificates, patient: InTheArchive
) -> None:
    client = through(nginx, known.client())

    assert [each.study_instance_uid for each in client.studies(patient.who, patient.institution)] == [patient.study]
    assert fetched(client, patient.study) == patient.by_uid


def a_strangers(known: Certificates, folder: Path) -> ssl.SSLContext:
    """Trusts whom we trust, and shows a certificate of another authority."""
    strangers = certificates(folder / "strangers")
    tls = known.client(shows_certificate=False)
    tls.load_cert_chain(strangers.folder / "client.pem", strangers.folder / "client.key")
    return tls


def test_who_shows_no_certificate_or_a_strangers_gets_nothing(
    nginx: Front, known: Certificates, patient: InTheArchive, tmp_path: Path
) -> None:
    for tls in (known.client(shows_certificate=False), a_strangers(known, tmp_path)):
        with pytest.raises((Unexpected, Unreachable)):
            through(nginx, tls).studies(patient.who, patient.institution)


@pytest.mark.parametrize("trusts", ["another-authority", "the-machine"])
def test_an_archive_whose_certificate_is_not_trusted_is_told_nothing(
    nginx: Front, patient: InTheArchive, tmp_path: Path, trusts: str
) -> None:
    tls = certificates(tmp_path / "others").client() if trusts == "another-authority" else None

    with pytest.raises(Unexpected, match="certificate"):
        through(nginx, tls).studies(patient.who, patient.institution)


def test_a_certificate_is_no_password(nginx: Front, known: Certificates, patient: InTheArchive) -> None:
    with pytest.raises(TurnedAway):
        through(nginx, known.client(), password="guessed").studies(patient.who, patient.institution)


# --- by DIMSE, over TLS with certificates on both sides ---------------------------------------------------------------


def test_who_shows_no_certificate_or_a_strangers_gets_no_association(
    orthanc: DicomOrthanc, known: Certificates, patient: InTheArchive, tmp_path: Path
) -> None:
    for tls in (known.client(shows_certificate=False), a_strangers(known, tmp_path)):
        with pytest.raises((TurnedAway, Unreachable)):
            DimseClient(as_peer(orthanc, tls)).studies(patient.who, patient.institution)


def test_an_archive_that_speaks_tls_is_told_nothing_in_plain_text(orthanc: DicomOrthanc, patient: InTheArchive) -> None:
    with pytest.raises(Unreachable):
        DimseClient(as_peer(orthanc, None), timeouts=DimseTimeouts(associate=5)).studies(
            patient.who, patient.institution
        )


@pytest.mark.parametrize("trusts", ["another-authority", "the-machine"])
def test_an_archive_that_cannot_prove_who_it_is_gets_no_association(
    orthanc: DicomOrthanc, patient: InTheArchive, tmp_path: Path, trusts: str
) -> None:
    tls = certificates(tmp_path / "others").client() if trusts == "another-authority" else ssl.create_default_context()

    with pytest.raises(Unexpected, match="certificate"):
        DimseClient(as_peer(orthanc, tls)).studies(patient.who, patient.institution)


@pytest.mark.parametrize("wrong", ["called_ae_title", "calling_ae_title"])
def test_who_names_it_or_itself_wrongly_is_turned_away(
    orthanc: DicomOrthanc, known: Certificates, patient: InTheArchive, wrong: str
) -> None:
    peer = replace(as_peer(orthanc, known.client()), **{wrong: "NOBODY"})

    with pytest.raises(TurnedAway, match="AE title"):
        DimseClient(peer).studies(patient.who, patient.institution)
