"""A study of a disc as a body of its own: a tar of each series, as an archive's series are kept, and behind them what
somebody said of it and where each image lies.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from transfer import codec
from transfer.adapters.dicom.header import Stated, demographics
from transfer.adapters.dicom.limits import DicomLimits
from transfer.adapters.dicom.series import TAR_END, Arriving, Bytes, Gathering
from transfer.discs import DiscPatient, DiscStudy
from transfer.errors import Unreadable
from transfer.institutions import Institution
from transfer.partial_dates import PartialDate
from transfer.patients import Demographics, IssuedIdentifier
from transfer.records import Document, DocumentStatus, RecordKind
from transfer.security_labels import SENSITIVITY, read_label
from transfer.sources import IndexEntry

DISC_STUDY: Final = "application/vnd.records-transfer.disc-study"
#: bytes of what is said
_LARGEST_SAID: Final = 64 << 20
#: bytes at the end that say how many are said
SIZE_AT_END: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscPart:
    """The tar of one series: where it lies in the body, and where each image lies in it."""

    series: str
    offset: int
    length: int
    sha256: str
    images: tuple[IndexEntry, ...]
    #: instances that the disc has several times with other bytes; the first is the one that counts
    conflicting: tuple[str, ...] = ()
    #: what rejection notes of the series name, and the notes themselves
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscRecord:
    """What somebody said of a study. `patient`: whose it is, as the patient is known."""

    patient: Demographics
    study: DiscStudy
    parts: tuple[DiscPart, ...]
    #: files that are no images, or notes of which nobody can say what they reject
    unreadable: int = 0

    def document(self, institution: Institution) -> Document:
        """As an archive's list would describe it."""
        study = self.study
        numbers = [IssuedIdentifier("urn:dicom:uid", f"urn:oid:{study.uid}")]
        if study.accession and (issuer := institution.issuer("accession")):
            numbers.append(IssuedIdentifier(issuer, study.accession))
        return Document(
            patient=self.patient,
            kind=RecordKind.IMAGES,
            code=None,
            title=study.description or None,
            status=DocumentStatus.FINAL,
            at=None,
            day=_day(study.day),
            identifiers=tuple(numbers),
            content_type="application/dicom",
            labels=frozenset[str]().union(*(_labels(text, institution) for text in study.confidential)),
        )


def _day(said: str) -> PartialDate | None:
    try:
        return PartialDate.of(datetime.strptime(said, "%Y%m%d").date())  # noqa: DTZ007  a date
    except ValueError:
        return None


def _labels(text: str, institution: Institution) -> frozenset[str]:
    """DICOM has no codes for labels: the institution's table says what a text means."""
    code = text if text in SENSITIVITY | {"R", "V"} else None
    return read_label(None, code, text, institution.labels)


def demographics_of(said: DiscPatient, institution: Institution) -> Demographics:
    """Whom the files of a study name, in our words. What cannot be read is absent."""
    texts = (said.name, said.number, said.issuer, said.born, said.sex)
    return demographics(Stated(b"ISO_IR 192", *(text.encode() for text in texts)), institution)


def bundled(patient: Demographics, study: DiscStudy, images: Iterable[Arriving]) -> Iterator[Bytes]:
    """The body of a study. `images`: all of it, series by series; each is closed here."""
    listed = {one.uid: (*one.instances, *one.missing) for one in study.series}
    parts, at, unreadable = list[DiscPart](), 0, 0
    for uid, of_series in groupby(images, lambda one: one.header().series_instance_uid or ""):
        gathering = Gathering(study.uid, uid, frozenset(listed[uid]), None, DicomLimits().series)
        sha256, size = hashlib.sha256(), 0
        for piece in _tar(gathering, of_series):
            sha256.update(piece)
            size += len(piece)
            yield piece
        parts.append(
            DiscPart(
                series=uid,
                offset=at,
                length=size,
                sha256=sha256.hexdigest(),
                images=tuple(gathering.index.values()),
                conflicting=tuple(sorted({one.sop_instance_uid for one in gathering.conflicting})),
                rejected=tuple(sorted(gathering.rejected)),
            )
        )
        at, unreadable = at + size, unreadable + gathering.unreadable
    said = DiscRecord(patient=patient, study=study, parts=tuple(parts), unreadable=unreadable)
    text = codec.dump(DiscRecord, said)
    yield text
    yield struct.pack(">Q", len(text))


def _tar(gathering: Gathering, images: Iterable[Arriving]) -> Iterator[Bytes]:
    for image in images:
        yield from gathering.take(image)
        image.close()
    yield TAR_END


def size_said(end: bytes) -> int:
    """How many bytes before the last eight of a body say what it is, by these eight.

    Raises:
        Unreadable: `bundled` did not make it.
    """
    size = struct.unpack(">Q", end)[0] if len(end) == SIZE_AT_END else _LARGEST_SAID + 1
    if size > _LARGEST_SAID:
        raise Unreadable("no study of a disc")
    return int(size)


def said_of(text: bytes) -> DiscRecord:
    """What was said of a study."""
    return codec.load(DiscRecord, text)


# --- a study as it is kept before somebody says whose it is -----------------------------------------------------------


def framed(size: int) -> bytes:
    """What stands before an image."""
    return struct.pack(">Q", size)


def images_of(chunks: Iterable[bytes]) -> Iterator[Arriving]:
    """The images, one at a time."""
    stream = _Stream(chunks)
    while head := stream.read(8):
        image = Arriving(DicomLimits())
        for piece in stream.pieces(struct.unpack(">Q", head)[0]):
            image.add(memoryview(piece))
        yield image


class _Stream:
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._held = iter(chunks), b""

    def read(self, size: int) -> bytes:
        """So many bytes, or nothing where the stream is at its end."""
        self._held = self._held or next(self._chunks, b"")
        return b"".join(self.pieces(size)) if self._held else b""

    def pieces(self, size: int) -> Iterator[bytes]:
        while size:
            self._held = self._held or next(self._chunks, b"")
            if not self._held:
                raise Unreadable("a study of a disc that breaks off")
            piece, self._held = self._held[:size], self._held[size:]
            size -= len(piece)
            yield piece
