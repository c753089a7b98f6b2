"""A study as it lies in the vault, and what a packet's DICOMDIR leaves out of one."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from tests.kit.fakes import MemoryVault
from tests.kit.packets import a_record
from transfer.adapters.packet.dicomdir import dicomdir
from transfer.identifiers import InstitutionId, PacketId
from transfer.institutions import Basis
from transfer.packet import DicomInstance, ImagingItem, SeriesItem
from transfer.partial_dates import PartialDate
from transfer.staging import CHUNK, Location


def a_study(vault: MemoryVault, *files: bytes, number: int = 7, **said: Any) -> ImagingItem:
    """All files in one object, as a fetched series lies in the vault. `said` of the study, beside what all say."""
    whole = vault.keep(files)
    instances, at = [], 0
    for n, file in enumerate(files):
        there = vault.keep([file])
        instances.append(DicomInstance(f"1.2.3.{n}", Location(whole.key, at, len(file), there.sha256)))
        vault.remove(there.key)
        at += len(file)
    plain: dict[str, Any] = {
        "record": a_record(number),
        "study_instance_uid": "1.2.3",
        "series": (SeriesItem("1.2.3.4", tuple(instances)),),
        "title": "CT",
        "at": datetime(2026, 8, 1, tzinfo=UTC),
        "day": PartialDate(2026, 8, 1),
        "source": InstitutionId("mercy-imaging"),
        "source_name": "Mercy Imaging",
        "basis": Basis.TREATMENT,
        "line": "ct",
    }
    return ImagingItem(**(plain | said))


class OneObject(MemoryVault):
    """A vault that holds one object, and reads it without a second copy."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    def read_range(self, location: Location, start: int, stop: int) -> Iterator[bytes]:
        yield from (self._body[at : min(at + CHUNK, stop)] for at in range(start, stop, CHUNK))


def listed(body: bytes) -> list[str]:
    """The paths that the DICOMDIR of a packet with this one file leaves out."""
    location = Location("one", 0, len(body), hashlib.sha256(body).hexdigest())
    placed = ("data/images/1/1/1.dcm", SimpleNamespace(location=location))
    series = SimpleNamespace(item=SimpleNamespace(series_instance_uid="1.2.3.4"), folder="S1", instances=[placed])
    study: Any = SimpleNamespace(item=SimpleNamespace(study_instance_uid="1.2.3", day=None), series=[series])
    return list(dicomdir(PacketId("c00000000001-p1"), (study,), OneObject(body)).unlisted)
