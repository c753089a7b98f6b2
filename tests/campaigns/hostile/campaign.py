"""Every sample to every door it could reach, and the attacks that are no file: what `make hostile` runs."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.campaigns.hostile import at_dicomweb_source, at_dimse_source, at_fhir_source, at_files, full_doors
from tests.campaigns.hostile.house_doors import Besieged, all_of_it, besieged
from tests.campaigns.hostile.samples import Sample
from tests.campaigns.hostile.table import Row
from tests.kit.house import a_house

Names = frozenset[str] | None

#: doors that need nothing else
_ALONE: dict[str, Callable[[list[Sample], Names], Iterator[Row]]] = {
    "fhir-source": at_fhir_source.all_of_it,
    "dicomweb-source": at_dicomweb_source.all_of_it,
    "dimse-source": at_dimse_source.all_of_it,
}
#: doors that take files
_OF_FILES: dict[str, Callable[[list[Sample], Path, Names], Iterator[Row]]] = {
    "verify": at_files.verify,
    "pages": at_files.pages,
    "dicomdir": at_files.directory,
}
#: doors of a whole house
_OF_A_HOUSE = ("doors", "open", "full")
#: doors of a whole house that speaks TLS
_BY_TLS = "full-tls"
DOORS = (*_ALONE, *_OF_FILES, *_OF_A_HOUSE, _BY_TLS)


def rows(samples: list[Sample], doors: list[str], names: Names = None) -> Iterator[Row]:
    """The rows of these doors, door by door."""
    with tempfile.TemporaryDirectory(prefix="rt-") as folder:
        for door in doors:
            if door in _ALONE:
                yield from _ALONE[door](samples, names)
            elif door in _OF_FILES:
                yield from _OF_FILES[door](samples, Path(folder), names)
        if set(doors) & set(_OF_A_HOUSE):
            with a_house(Path(folder) / "var", cold=True) as house, besieged(house) as at:
                yield from _of_a_house(at, samples, doors, names, Path(folder))
        if _BY_TLS in doors:
            with full_doors.by_tls(Path(folder)) as (at, shown):
                yield from full_doors.rows(at, shown)


def _of_a_house(at: Besieged, samples: list[Sample], doors: list[str], names: Names, folder: Path) -> Iterator[Row]:
    if "open" in doors:
        yield from at_files.opened(samples, folder, at.house.var, names)
    if "doors" in doors:
        yield from all_of_it(at, samples, names)
    if "full" in doors:
        yield from full_doors.rows(at)
