"""QIDO-RS: how studies, series and instances are described, and how attributes match (PS3.18 10.6, PS3.4 C.2.2.2)."""

import fnmatch
import re
from typing import Any

from pydicom.datadict import dictionary_keyword, dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from transfer.sandbox.archive.series import Series, Study, as_json

#: the DICOM JSON model of one study, series or instance
Described = dict[str, Any]

_ABOUT_THE_ANSWER = {"limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching"}
_STUDY_LEVEL = (
    "SpecificCharacterSet",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
    "ReferringPhysicianName",
    "StudyDescription",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
)
_SERIES_LEVEL = ("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality")


def described_study(study: Study, counts: bool) -> Described:
    found = _picked(study.series[0].dataset(1), _STUDY_LEVEL)
    found.ModalitiesInStudy = sorted({series.modality for series in study.series})
    if counts:
        found.NumberOfStudyRelatedSeries = len(study.series)
        found.NumberOfStudyRelatedInstances = sum(series.instances for series in study.series)
    return as_json(found)


def described_series(study: Study, series: Series, counts: bool) -> Described:
    found = _picked(series.dataset(1), (*_SERIES_LEVEL, "PatientID", "IssuerOfPatientID"))
    if counts:
        found.NumberOfSeriesRelatedInstances = series.instances
    found.StudyInstanceUID = study.uid
    return as_json(found)


def described_instances(study: Study, series: Series) -> list[Described]:
    """All instances of a series, written straight down: there may be thousands."""
    return [
        {
            "00080016": {"vr": "UI", "Value": [series.sop_class]},
            "00080018": {"vr": "UI", "Value": [series.instance_uid(number)]},
            "0020000D": {"vr": "UI", "Value": [study.uid]},
            "0020000E": {"vr": "UI", "Value": [series.uid]},
            "00200013": {"vr": "IS", "Value": [number]},
            "00280010": {"vr": "US", "Value": [series.rows]},
            "00280011": {"vr": "US", "Value": [series.rows]},
        }
        for number in range(1, series.instances + 1)
    ]


def metadata(study: Study, series: Series) -> list[Described]:
    """Every attribute of every instance but the pixels."""
    first = as_json(series.dataset(1))
    first["0020000D"] = {"vr": "UI", "Value": [study.uid]}
    return [{**first, **described} for described in described_instances(study, series)]


def matching(described: list[Described], parameters: list[tuple[str, str]]) -> list[Described]:
    """Those that match all attributes asked for, cut to `offset` and `limit`.

    Raises:
        ValueError: an attribute that does not exist, or a limit that is no number.
    """
    wanted = [(_tag(name), value) for name, value in parameters if name not in _ABOUT_THE_ANSWER and value]
    found = [one for one in described if all(_matches(one, tag, value) for tag, value in wanted)]
    numbers = {name: int(value) for name, value in parameters if name in ("limit", "offset")}
    start = numbers.get("offset", 0)
    return found[start : start + numbers.get("limit", len(found))]


def _tag(name: str) -> str:
    """`PatientID` or `00100020`, as eight hexadecimal digits."""
    if re.fullmatch(r"[0-9A-Fa-f]{8}", name):
        return name.upper()
    tag = tag_for_keyword(name)
    if tag is None:
        raise ValueError(f"no such attribute: {name}")
    return f"{tag:08X}"


def _matches(described: Described, tag: str, wanted: str) -> bool:
    held = [_plain(value) for value in described.get(tag, {}).get("Value", [])]
    vr = dictionary_VR(int(tag, 16)) if dictionary_keyword(int(tag, 16)) else "LO"
    if vr == "DA" and "-" in wanted:
        first, _, last = wanted.partition("-")
        return any((first or "0") <= value <= (last or "9") for value in held)
    if vr == "UI":
        return any(value in re.split(r"[\\,]", wanted) for value in held)
    if vr == "PN":
        return any(_named(value.casefold(), wanted.casefold()) for value in held)
    return any(fnmatch.fnmatchcase(value, _pattern(wanted)) for value in held)


def _plain(value: Any) -> str:
    return str(value.get("Alphabetic", "")) if isinstance(value, dict) else str(value)


def _named(held: str, wanted: str) -> bool:
    """A person's name, without regard to case; components not asked for match anything."""
    asked = wanted.split("^")
    return fnmatch.fnmatchcase("^".join(held.split("^")[: len(asked)]), _pattern(wanted))


def _pattern(wanted: str) -> str:
    """`*` and `?` are wild in DICOM, brackets are not."""
    return wanted.replace("[", "[[]")


def _picked(image: Dataset, keywords: tuple[str, ...]) -> Dataset:
    picked = Dataset()
    for keyword in keywords:
        if keyword in image:
            picked[keyword] = image[keyword]
    return picked
