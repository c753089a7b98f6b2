"""What is on a disc, file by file: images by study and patient, what lies beside them, and what is not there."""

import hashlib
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from transfer.adapters.dicom.header import DicomHeader, Stated, decoded, read_header
from transfer.adapters.disc import directory
from transfer.adapters.disc.directory import NamedImage, named_in
from transfer.discs import (
    STUDIES,
    Beside,
    DirectoryState,
    DiscFile,
    DiscNotes,
    DiscPatient,
    DiscRefused,
    DiscSeries,
    DiscStudy,
    ListedDisc,
    ListedStudy,
    WhyNoDisc,
)
from transfer.errors import Unreadable

_PROGRAMS: Final = (
    ".exe",
    ".dll",
    ".com",
    ".bat",
    ".cmd",
    ".msi",
    ".inf",
    ".scr",
    ".js",
    ".vbs",
    ".jar",
    ".app",
    ".sh",
)
_ARCHIVES: Final = (b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")
_TAGS: Final = ["StudyDate", "StudyDescription", "AccessionNumber", "Modality", "SeriesDescription"]
#: characters of what a file says of its study
_MOST_CHARACTERS: Final = 200


@dataclass(slots=True)
class _Series:
    modality: str = ""
    description: str = ""
    files: list[tuple[str, DiscFile]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Study:
    said: dict[str, str]
    series: dict[str, _Series] = field(default_factory=dict)
    confidential: set[str] = field(default_factory=set)
    conflicting: int = 0


class DiscListing:
    """Told of each file once, it says what is on the disc."""

    most_of_directory = directory.LARGEST

    def __init__(self) -> None:
        self._studies: dict[tuple[str, Stated], _Study] = {}
        self._instances: dict[tuple[str, Stated, str], set[str]] = {}
        self._beside: Counter[Beside] = Counter()
        self._unreadable = 0
        self._directories: list[tuple[str, bytes]] = []
        self._paths: set[str] = set()

    def is_unreadable(self) -> None:
        """A file breaks off, or its bytes are not what its ZIP file says."""
        self._unreadable += 1

    def is_beside(self, path: str, head: bytes, whole: Callable[[], bytes]) -> bool:
        """Whether this file is no image. It is counted; `whole` gives the bytes of a directory."""
        folder, _, name = path.rpartition("/")
        self._paths.add(path.upper())
        if name.upper() in directory.NAMES:
            self._directories.append((folder, whole()))
            return True
        if head[128:132] == b"DICM":
            return False
        self._beside[_beside(name.lower(), head)] += 1
        return True

    def add(self, number: int, head: bytes, size: int, sha256: str) -> None:
        """An image, the file of this number, of which `head` is the first MiB."""
        try:
            header = read_header(head, is_all=len(head) == size)
        except Unreadable:
            header = None
        if header is None or not (header.study_instance_uid and header.series_instance_uid):
            self._unreadable += 1
            return
        study = self._study(header, head)
        series = study.series.get(header.series_instance_uid)
        if series is None:
            said = _said(head)
            series = _Series(modality=said.get("Modality", ""), description=said.get("SeriesDescription", ""))
            study.series[header.series_instance_uid] = series
        study.confidential |= {decoded(each, header.patient.character_set) for each in header.confidentiality}
        known = self._instances.setdefault((header.study_instance_uid, header.patient, header.sop_instance_uid), set())
        if sha256 in known:
            return  # a copy
        study.conflicting += bool(known)
        known.add(sha256)
        series.files.append((header.sop_instance_uid, DiscFile(number=number, size=size, sha256=sha256)))

    def _study(self, header: DicomHeader, head: bytes) -> _Study:
        assert header.study_instance_uid is not None  # the caller has looked
        name = header.study_instance_uid, header.patient
        if name not in self._studies:
            if len(self._studies) == STUDIES:
                raise DiscRefused(WhyNoDisc.TOO_MANY_STUDIES)
            self._studies[name] = _Study(_said(head))
        return self._studies[name]

    def ended(self) -> ListedDisc:
        """All of it, patient by patient, each study's files series by series.

        Raises:
            DiscRefused: there is no image.
        """
        if not self._studies:
            raise DiscRefused(WhyNoDisc.NO_IMAGES)
        state, missing = self._compare_with_directory()
        order = sorted(self._studies, key=lambda one: (_patient(one[1]).name, _patient(one[1]).number, one[0]))
        studies = tuple(_listed(uid, _patient(stated), self._studies[uid, stated]) for uid, stated in order)
        hashes = sorted(file.sha256 for one in studies for file in one.files)
        notes = DiscNotes(directory=state, unreadable=self._unreadable, missing=missing, beside=dict(self._beside))
        return ListedDisc(studies=studies, notes=notes, digest=hashlib.sha256("\n".join(hashes).encode()).hexdigest())

    def _compare_with_directory(self) -> tuple[DirectoryState, int]:
        """Note which images the directories name that are not there; how many of them are of no study that is there."""
        if not self._directories:
            return DirectoryState.NONE, 0
        state, elsewhere = DirectoryState.READ, 0
        for folder, body in self._directories:
            try:
                named = named_in(body)
            except Unreadable:
                state = DirectoryState.BROKEN
                continue
            elsewhere += sum(self._is_missing_elsewhere(folder, one) for one in named)
        return state, elsewhere

    def _is_missing_elsewhere(self, folder: str, named: NamedImage) -> bool:
        path = f"{folder}/{named.path}" if folder else named.path
        there = [study for (uid, _), study in self._studies.items() if uid == named.study]
        if any(named.instance == uid for one in there for s in one.series.values() for uid, _ in s.files):
            return False
        if {path.upper(), f"{path};1".upper(), f"{path}.;1".upper()} & self._paths:
            return False  # it is there, and says of itself what the directory does not, or cannot be read
        if there:
            there[0].series.setdefault(named.series, _Series()).missing.append(named.instance)
        return not there


def _beside(name: str, head: bytes) -> Beside:
    if head[:2] == b"MZ" or head[:4] == b"\x7fELF" or name.endswith(_PROGRAMS):
        return Beside.PROGRAM
    if b"%PDF-" in head[:1024]:
        return Beside.PDF
    return Beside.ARCHIVE if head.startswith(_ARCHIVES) else Beside.OTHER


def _patient(stated: Stated) -> DiscPatient:
    said = (stated.name, stated.number, stated.issuer, stated.born, stated.sex)
    return DiscPatient(*(decoded(one, stated.character_set) for one in said))


def _said(head: bytes) -> dict[str, str]:
    """What a file says of its study and series; nothing where that cannot be read. Its first MiB is looked at."""
    import pydicom

    try:
        found: Any = pydicom.dcmread(io.BytesIO(head), stop_before_pixels=True, specific_tags=list(_TAGS))
        return {name: str(found.get(name) or "")[:_MOST_CHARACTERS].strip() for name in _TAGS}
    except Exception:  # noqa: BLE001  # pydicom fails on hostile bytes in many ways; whose it is, is known all the same
        return {}


def _listed(uid: str, patient: DiscPatient, found: _Study) -> ListedStudy:
    series, files = [], []
    for name, one in sorted(found.series.items()):
        instances = tuple(dict.fromkeys(instance for instance, _ in one.files))
        said = DiscSeries(uid=name, modality=one.modality, description=one.description, instances=instances)
        series.append(replace(said, missing=tuple(sorted({*one.missing}))))
        files += [file for _, file in one.files]
    study = DiscStudy(
        uid=uid,
        patient=patient,
        day=found.said.get("StudyDate", ""),
        description=found.said.get("StudyDescription", ""),
        accession=found.said.get("AccessionNumber", ""),
        series=tuple(series),
        conflicting=found.conflicting,
        confidential=tuple(sorted(found.confidential)),
    )
    return ListedStudy(study=study, files=tuple(files))
