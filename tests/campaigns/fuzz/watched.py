"""What atheris watches while a target runs. Imports nothing, so that nothing is imported unwatched."""

from collections.abc import Mapping
from typing import Final

#: packages whose branches are learnt: our own, and libraries that do a parser's work in Python
WATCHED: Final[Mapping[str, tuple[str, ...]]] = {
    "hl7v2": ("transfer",),
    "dicom": ("transfer", "pydicom"),
    "fhir_inbound": ("transfer",),
    "fhir_source": ("transfer",),
    "packet": ("transfer", "yaml"),
    "documents": ("transfer", "lxml", "docx", "striprtf"),
}
