"""What is sent: every sample file, by the language it is in."""

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

#: the files that the default tests use
OURS = Path(__file__).parents[2] / "samples"


class Language(StrEnum):
    HL7 = "hl7v2"
    #: MLLP frames, recorded as they came
    STREAM = "mllp"
    FHIR = "fhir"
    CDA = "cda"
    DICOM = "dicom"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Sample:
    file: str
    language: Language
    body: bytes


def samples() -> list[Sample]:
    """All files of the folder that the variable SAMPLES names, else of our own."""
    folder = Path(os.environ.get("SAMPLES") or OURS)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [sample_of(str(path.relative_to(folder)), path.read_bytes()) for path in paths]


def sample_of(file: str, body: bytes) -> Sample:
    return Sample(file, _language(file, body), body)


def _language(file: str, body: bytes) -> Language:
    if file.endswith(".mllp"):
        return Language.STREAM
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:3] in (b"MSH", b"FHS", b"BHS"):
        return Language.HL7
    if file.endswith((".json", ".fhir")):
        return Language.FHIR
    if file.startswith("cda/") and b"<ClinicalDocument" in body[:8192]:
        return Language.CDA
    if body[128:132] == b"DICM" or (file.startswith("dicom/") and not file.endswith(".txt")):
        return Language.DICOM
    return Language.OTHER
