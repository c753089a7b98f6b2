"""DICOM: multipart bodies, the header of a file, an archive's lists, a series into its tar, the DICOMDIR."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from datetime import UTC, date, datetime

from pydicom import Dataset, Sequence, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.campaigns.fuzz.contract import Target, answer, can_be_kept, files, pieces
from tests.campaigns.fuzz.partners import MERCY
from tests.campaigns.fuzz.wire import NEXT, Said, Wire, answers_in
from tests.kit.fakes import MemoryVault
from tests.kit.packets import a_record, contents
from transfer.adapters.dicom.found import series_found, study_found
from transfer.adapters.dicom.header import demographics, read_header
from transfer.adapters.dicomweb import DicomwebClient
from transfer.adapters.dicomweb.multipart import Mark, Multipart, boundary_of
from transfer.adapters.dimse import identifier, negotiation
from transfer.adapters.dimse.command import FIND, Command, question
from transfer.adapters.dimse.negotiation import GET, Context, storage
from transfer.adapters.packet.dicomdir import dicomdir
from transfer.adapters.packet.layout import lay_out
from transfer.errors import TransferError
from transfer.identifiers import InstitutionId
from transfer.institutions import Basis
from transfer.packet import DicomInstance, ImagingItem, SeriesItem
from transfer.patients import Demographics, IssuedIdentifier, PersonName

_DEFLATED = b"1.2.840.10008.1.2.1.99"
#: of a sample file, what is given to begin with: a header is in its first kilobytes
_HEAD = 4 << 10
_BOUNDARY = b"--b"
_WHO = Demographics(
    names=(PersonName("Doe", ("John",)),),
    birth_date=date(1961, 2, 3),
    identifiers=(IssuedIdentifier(MERCY.default_issuer or "", "1"),),
)


def multipart(data: bytes) -> None:
    """The same parts and the same end however the body is cut; what is not parts is none of ours to guess."""
    said, _, rest = data.partition(b"\n")
    boundary = answer(boundary_of, said.decode("latin-1")) if said else b"b"
    if boundary is None:
        return
    stream, cut = pieces(rest)
    assert _parts(boundary, cut) == _parts(boundary, [stream])


def _parts(boundary: bytes, cut: Iterable[bytes]) -> tuple[list[bytes], bool, str]:
    body = Multipart(boundary, most_parts=50)
    parts: list[bytes] = []
    current = bytearray()
    try:
        for piece in cut:
            for event in body.feed(piece):
                if event is Mark.PART_ENDS:
                    parts.append(bytes(current))
                elif event is Mark.PART_BEGINS:
                    current = bytearray()
                else:
                    current += event
    except TransferError as error:
        return parts, body.closed, type(error).__name__
    return parts, body.closed, ""


def header(data: bytes) -> None:
    """What the first bytes say is what all of them say; a UID stands in the file; a patient can be kept."""
    whole = answer(read_header, data, is_all=True)
    for part in (1, 3, 7):
        early = answer(read_header, data[: len(data) * part // 8], is_all=False)
        assert early is None or early == whole
    if whole is not None:
        assert whole.sop_instance_uid.encode() in data or _DEFLATED in data
        can_be_kept(demographics(whole.patient, MERCY))


def lists(data: bytes) -> None:
    """Of an archive's lists, studies can be kept and UIDs are UIDs."""
    client = _client(answers_in(data))
    for study in answer(client.studies, _WHO, MERCY) or ():
        can_be_kept(study.patient, *study.identifiers, study.description or "")
    for series in answer(client.series, "1.2.3") or ():
        can_be_kept(series.uid)
    answer(client.instances, "1.2.3", "1.2.3.4")


def series(data: bytes) -> None:
    """Every instance of the index lies in the tar where the index says, and only a closed body is complete."""
    vault = MemoryVault()
    said = answers_in(data)
    came = answer(
        _client(said).fetch_series,
        *("1.2.3", "1.2.3.4"),
        expected=frozenset({"1.2.3.4.5", "1.2.3.4.6"}),
        institution=MERCY,
        vault=vault,
        keep_going=lambda: None,
    )
    if came is None:
        assert not vault.objects or len(vault.objects) == 1
        return
    whole = b"".join(vault.read(came.location))
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        assert len(tar.getmembers()) == len(came.index) + len(came.conflicting)
    for entry in (*came.index, *came.conflicting):
        there = whole[entry.offset : entry.offset + entry.length]
        assert hashlib.sha256(there).hexdigest() == entry.sha256
        assert there in data
    closing = b"--" + boundary_of(said[0][1]["Content-Type"]) + b"--"
    assert not came.complete or (closing in data and came.instances == {"1.2.3.4.5", "1.2.3.4.6"})
    can_be_kept(*came.stated)


def identifiers(data: bytes) -> None:
    """Of an archive's answers by DIMSE, studies can be kept and UIDs are UIDs; a command is one or is refused."""
    command = answer(Command.read, data)
    assert command is None or -1 <= command.field < 1 << 16
    entry = answer(identifier.entry, data)
    if entry is None:
        return
    study = answer(study_found, entry, MERCY)
    if study is not None:
        assert study.study_instance_uid.encode() in data
        can_be_kept(study.patient, *study.identifiers, study.description or "")
    series = answer(series_found, entry)
    if series is not None:
        can_be_kept(series.uid)


def agreement(data: bytes) -> None:
    """An answer to our proposal accepts a part of what we proposed, or nothing."""
    contexts = [Context(GET), *storage(["1.2.840.10008.5.1.4.1.1.2"])]
    agreed = answer(negotiation.agreed, contexts, data)
    if agreed is not None:
        for number, one in agreed.contexts.items():
            assert one.abstract_syntax == contexts[number // 2].abstract_syntax
            assert set(one.transfer_syntaxes) <= set(contexts[number // 2].transfer_syntaxes)
    assert isinstance(negotiation.rejection(data), TransferError)


def directory(data: bytes) -> None:
    """Any files give a DICOMDIR that can be read, and each is listed in it or named as one that is not."""
    vault = MemoryVault()
    half = len(data) // 2
    kept = [vault.keep([file]) for file in (data, data[:half] + data[half + 1 :])]
    item = ImagingItem(
        record=a_record(1),
        study_instance_uid="1.2.3",
        series=(SeriesItem("1.2.3.4", tuple(DicomInstance(f"1.2.3.{n}", one) for n, one in enumerate(kept))),),
        title="CT",
        at=datetime(2026, 8, 1, tzinfo=UTC),
        source=InstitutionId("mercy-imaging"),
        source_name="Mercy Imaging",
        basis=Basis.TREATMENT,
        line="ct",
    )
    said = contents((), (item,))
    directory = dicomdir(said.packet, lay_out(said).studies, vault)
    records = dcmread(io.BytesIO(directory.written)).DirectoryRecordSequence
    assert len(directory.unlisted) + sum("ReferencedFileID" in record for record in records) == 2


def _client(answers: list[Said]) -> DicomwebClient:
    client = DicomwebClient("http://127.0.0.1/dicom-web", "token")
    client._client._pool = Wire(answers)  # type: ignore[assignment]
    return client


def seeds() -> Iterable[tuple[str, bytes]]:
    for asked in ({"PatientID": "1"}, {"PatientName": "Doe", "PatientBirthDate": "19610203"}):
        yield "identifiers", identifier.find("STUDY", {"StudyInstanceUID": "1.2.3", **asked})
    yield "identifiers", identifier.find("IMAGE", {"SeriesInstanceUID": "1.2.3.4", "SOPInstanceUID": "1.2.3.4.5"})
    yield "identifiers", question(FIND, GET, 1)
    yield "agreement", bytes.fromhex(_AGREEMENT)
    yield "agreement", b"\3\0\0\0\0\4\0\1\1\7"
    for file in files("dicom", suffixes=(".dcm", ""), longest=1 << 20):
        head = file[:_HEAD]
        for parser in ("header", "directory"):
            yield parser, head
        part = _BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n" + head + b"\r\n"
        for end in (b"--b--\r\n", b""):
            yield "series", _RELATED + part + end
            yield "multipart", b"\n\x20\x40\x80\xc0" + part + end
    yield "multipart", b'multipart/related; type="application/dicom"; boundary="b"\n\0\0\0\0--b\r\n\r\nx\r\n--b--'
    entry = {
        "00100020": {"vr": "LO", "Value": ["1"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^John"}]},
        "00100030": {"vr": "DA", "Value": ["19610203"]},
        "00100040": {"vr": "CS", "Value": ["F"]},
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "0020000E": {"vr": "UI", "Value": ["1.2.3.4"]},
        "00080018": {"vr": "UI", "Value": ["1.2.3.4.5"]},
        "00080020": {"vr": "DA", "Value": ["20260801"]},
        "00080030": {"vr": "TM", "Value": ["101500.5"]},
        "00080050": {"vr": "SH", "Value": ["A1"]},
        "00080051": {"vr": "SQ", "Value": [{"00400031": {"vr": "UT", "Value": ["MERCYRIS"]}}]},
        "00080061": {"vr": "CS", "Value": ["CT", "SR"]},
        "00080201": {"vr": "SH", "Value": ["-0500"]},
        "00081030": {"vr": "LO", "Value": ["CT abdomen"]},
        "00201206": {"vr": "IS", "Value": [1]},
        "00201209": {"vr": "IS", "Value": ["16"]},
    }
    one, two = json.dumps([entry]).encode(), json.dumps([entry, entry | {"0020000D": {"Value": ["1.2.4"]}}]).encode()
    yield "lists", _JSON + one
    yield "lists", _JSON + two
    yield "lists", NEXT.join((_JSON + one, _JSON + b"[]", _JSON + two, _JSON + b"[]"))
    for status in (
        b"204 ",
        b"404 ",
        b"401 ",
        b"503 x\t120",
        b"429 x\tSat, 21 Nov 2026 10:00:09 GMT\tSat, 21 Nov 2026 10:00:00 GMT",
    ):
        yield "lists", status + b"\n\0\0\0\0"
    yield "lists", b"200 application/dicom+json\t\t\tgzip\n\0\0\0\0[]"
    yield "lists", b"200 application/dicom+json\t\t\t\t9\n\0\0\0\0[]"
    first, second, other = _a_file("1.2.3.4.5"), _a_file("1.2.3.4.6"), _a_file("1.2.3.4.5", "Roe^Jane")
    for parts in (
        (first, second),
        (first, first),
        (first, other, b"no image"),
        (_a_file("1.2.9", study="1.2.8"), first),
    ):
        yield "series", _RELATED + b"".join(_BOUNDARY + b"\r\n\r\n" + part + b"\r\n" for part in parts) + b"--b--"
    for file in (
        first,
        _a_file("1.2.3.4.5", syntax=DeflatedExplicitVRLittleEndian),
        _a_file("1.2", syntax=ImplicitVRLittleEndian),
    ):
        yield "header", file
        yield "directory", file


#: an A-ASSOCIATE-AC that takes C-GET and CT images in Explicit VR Little Endian
_AGREEMENT = """
0200000000cf0001000050414353202020202020202020202020555320202020202020202020202020200000000000000000000000000000
00000000000000000000000000000000000010000015312e322e3834302e31303030382e332e312e312e3121000019010000004000001131
2e322e3834302e31303030382e312e322100001b0300000040000013312e322e3834302e31303030382e312e322e31500000325100000400
00400052000005312e322e335400001d0019312e322e3834302e31303030382e352e312e342e312e312e320001
"""
_JSON = b"200 application/dicom+json\n\0\0\0\0"
_RELATED = b"200 multipart/related; boundary=b\n\x20\x40\x80\xc0"


def _a_file(uid: str, name: str = "Doe^John", *, study: str = "1.2.3", syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A small image of our series."""
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 100"
    image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
    image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = name, "1", "19610203", "M"
    image.ReferencedStudySequence = Sequence([Dataset()])
    image.StudyInstanceUID, image.SeriesInstanceUID, image.Modality = study, "1.2.3.4", "CT"
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = syntax
    image.file_meta.MediaStorageSOPClassUID, image.file_meta.MediaStorageSOPInstanceUID = image.SOPClassUID, uid
    kept = io.BytesIO()
    dcmwrite(kept, image, enforce_file_format=True)
    return kept.getvalue()


TARGET = Target(
    name="dicom",
    parsers=(multipart, header, lists, series, directory, identifiers, agreement),
    seeds=seeds,
    words=(
        *(b"DICM", b"\r\n--b\r\n", b"\r\n--b--", b"\r\n\r\n", b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1", _DEFLATED),
        *(b"1.2.840.10008.1.2.2", b"\xff\xff\xff\xff", b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"),
        *(
            b"\x08\x00\x05\x00CS",
            b"\x08\x00\x18\x00UI",
            b"\x10\x00\x10\x00PN",
            b"\x20\x00\x0e\x00UI",
            b"SQ\0\0",
            b"UN\0\0",
        ),
        *(
            b"ISO_IR 100",
            b"ISO 2022 IR 87",
            b"\\ISO 2022 IR 149",
            b"GB18030",
            b'"Value":',
            b'"Alphabetic":',
            b"\\ud800",
        ),
        *(
            b'"0020000D":',
            b'"00080020":',
            b'"00080201":',
            b"+2359",
            b"-9959",
            b"00010101",
            b"99991231",
            b"1e999",
            b"NaN",
        ),
    ),
)
