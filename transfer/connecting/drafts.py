"""What a new institution's file begins with: commented YAML, and the settings that it names."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Final

from transfer.identifiers import InstitutionId

_TEXTS: Final = Path(__file__).parent / "texts"

#: what stands in a draft where only people know the value: the word, a telephone number kept for fiction (555-0100 to
#: 555-0199), or a digest of nothing
_PLACEHOLDER: Final = re.compile(r"REPLACE|^\+?1?[-. (]*\d{3}[-. )]*555[-. ]*01\d\d$|^0{64}$")
_NO_DIGEST: Final = "0" * 64


class Way(StrEnum):
    """How an institution is connected."""

    FHIR = "fhir"
    MLLP = "mllp"
    DICOMWEB = "dicomweb"
    DIMSE = "dimse"
    PAPER = "paper"


#: the settings that a draft names, after the prefix: each with its placeholder and what is to stand there. An empty one
#: may stay so
_SETTINGS: Final[dict[Way, tuple[tuple[str, str, str], ...]]] = {
    Way.FHIR: (
        ("FHIR_URL", "https://REPLACE.example/fhir", "the base address of their FHIR R4 server"),
        ("FHIR_TOKEN", "REPLACE", "the bearer token that they gave us"),
        ("DOOR_TOKEN_SHA256", _NO_DIGEST, "T=$(openssl rand -hex 32), hand T over; here: printf %s $T | sha256sum"),
    ),
    Way.MLLP: (
        ("MLLP_PORT", "2575", "a free port of ours; 2575 is registered for HL7 over MLLP"),
        ("CERTIFICATE_SHA256", _NO_DIGEST, "openssl x509 -noout -fingerprint -sha256 -in theirs.pem"),
    ),
    Way.DICOMWEB: (
        ("DICOMWEB_URL", "https://REPLACE.example/dicom-web", "what stands before /studies"),
        ("DICOMWEB_TOKEN", "", "a bearer token, or empty"),
        ("DICOMWEB_USER", "", "a user of HTTP basic, or empty"),
        ("DICOMWEB_PASSWORD", "", "the password of that user, or empty"),
    ),
    Way.DIMSE: (("PACS_HOST", "REPLACE.example", "a name or an address alone"),),
    Way.PAPER: (),
}
_HOW: Final = {
    Way.FHIR: "FHIR R4: we search and read",
    Way.MLLP: "HL7 v2 over MLLP: it sends",
    Way.DICOMWEB: "DICOMweb: we search and fetch",
    Way.DIMSE: "DIMSE: C-FIND and C-GET",
    Way.PAPER: "letters and telephone",
}


def institution_file(institution: InstitutionId, way: Way, zone: str) -> str:
    """The YAML to begin with. `zone`: an IANA name. It loads once the settings of `settings_file` are there."""
    text = (_TEXTS / "head.yaml").read_text() + (_TEXTS / f"{way}.yaml").read_text()
    for token, value in (("ID", institution), ("PREFIX", prefix(institution)), ("ZONE", zone), ("HOW", _HOW[way])):
        text = text.replace(f"@{token}@", value)
    return text


def settings_file(institution: InstitutionId, way: Way) -> str:
    """The lines that the YAML refers to, to be filled in and added to `settings.env`."""
    lines = [
        f"# Fill in, then add to settings.env of the installation. It may hold secrets: {institution}.env stays 0600."
    ]
    for name, placeholder, what in _SETTINGS[way]:
        lines += [f"# {what}", f"{prefix(institution)}_{name}={placeholder}"]
    return "\n".join(lines) + "\n"


def prefix(institution: InstitutionId) -> str:
    """What names of its settings begin with: `prairie-pathology` is `PRAIRIE_PATHOLOGY`."""
    return institution.upper().replace("-", "_")


def is_placeholder(value: str) -> bool:
    """Whether a value still is what a draft has for want of one."""
    return bool(_PLACEHOLDER.search(value.strip()))
