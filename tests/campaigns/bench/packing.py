"""What a large packet costs to put together: forty documents, twenty studies.

    PYTHONPATH=. python tests/campaigns/bench/packing.py [FOLDER OF DOCUMENTS] [SERIES OF A STUDY] [IMAGES OF A SERIES]

The store is the embedded one. Each series is one object of images of half a mebibyte, as a fetched one is. Without a
folder the documents are made here. The same packet is put together once with one study and once with twenty: what is
added per image is time, and must not be memory. Each is measured in a process of its own.
"""

# ruff: noqa: T201 - one process tells the other

import hashlib
import io
import json
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.campaigns.bench.measure import Line, tell
from tests.kit.packets import a_pdf, a_record, a_signer, an_item, contents
from transfer.adapters.packet.assembly import assemble
from transfer.adapters.vault import S3Vault
from transfer.embedded.store import Store
from transfer.identifiers import InstitutionId
from transfer.institutions import Basis
from transfer.packet import DicomInstance, ImagingItem, PacketItem, SeriesItem
from transfer.records import RecordKind
from transfer.staging import Location

_STUDIES, _DOCUMENTS = 20, 40
_TYPES = {".pdf": "application/pdf", ".xml": "application/cda+xml", ".hl7": "application/hl7-v2", ".txt": "text/plain"}
_KINDS = tuple(kind for kind in RecordKind if kind not in (RecordKind.IMAGES, RecordKind.MATERIAL))


def _image(study: str, series: str, number: int) -> bytes:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, f"{series}.{number}"
    image.StudyInstanceUID, image.SeriesInstanceUID = study, series
    image.PatientName, image.PatientID, image.Modality = "Nguyen^Maria", "MRN-00123", "CT"
    image.StudyDate, image.StudyDescription, image.SeriesDescription = "20260801", "CT chest", "Axial 5 mm"
    image.SeriesNumber, image.InstanceNumber = 1, number
    image.Rows = image.Columns = 512
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    across = np.arange(512, dtype=np.uint16)
    image.PixelData = ((across[:, None] + across + number) & 0xFFF).astype("<u2").tobytes()
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _series(vault: S3Vault, study: str, series: str, images: int) -> SeriesItem:
    """All its files in one object, one behind the other."""
    places: list[tuple[str, int, int, str]] = []

    def chunks() -> Iterator[bytes]:
        at = 0
        for number in range(1, images + 1):
            file = _image(study, series, number)
            places.append((f"{series}.{number}", at, len(file), hashlib.sha256(file).hexdigest()))
            at += len(file)
            yield file

    key = vault.keep(chunks()).key
    return SeriesItem(series, tuple(DicomInstance(uid, Location(key, at, size, sha)) for uid, at, size, sha in places))


def _study(vault: S3Vault, number: int, series: int, images: int) -> ImagingItem:
    uid = f"1.2.826.0.1.3680043.8.498.{number}"
    return ImagingItem(
        record=a_record(1000 + number),
        study_instance_uid=uid,
        series=tuple(_series(vault, uid, f"{uid}.{one}", images) for one in range(1, series + 1)),
        title="CT chest",
        at=None,
        source=InstitutionId("mercy-imaging"),
        source_name="Mercy Imaging",
        basis=Basis.TREATMENT,
        line="ct",
    )


def _documents(vault: S3Vault, folder: Path | None) -> tuple[PacketItem, ...]:
    files = sorted(path for path in folder.rglob("*") if path.suffix in _TYPES) if folder else []
    found: list[tuple[bytes, str]] = [(path.read_bytes(), _TYPES[path.suffix]) for path in files[:_DOCUMENTS]]
    found += [
        (a_pdf(*(f"page {page} of {n}" for page in range(5))), "application/pdf")
        if n % 2
        else (f"Result {n}\n".encode() * 200, "text/plain")
        for n in range(_DOCUMENTS - len(found))
    ]
    return tuple(
        an_item(vault, data, number, content_type=content_type, kind=_KINDS[number % len(_KINDS)])  # type: ignore[arg-type]
        for number, (data, content_type) in enumerate(found, 1)
    )


def _vault(settings: dict[str, Any]) -> S3Vault:
    return S3Vault(bucket="bench", region="us-east-1", **settings)


def _measure() -> None:
    """One packet, in this process: seconds, its own peak and the peak of what it started, in MB."""
    told = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the process that started this one
    vault = _vault(told["vault"])
    signer = a_signer()
    began, before = time.perf_counter(), _worked()
    plan = assemble(told["contents"], vault=vault, signer=signer)
    seconds, worked = time.perf_counter() - began, _worked() - before
    here, started = (
        resource.getrusage(who).ru_maxrss >> 10 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    made = sum(entry.location.length for entry in plan.entries if entry.generated) / 1e6
    studies = told["contents"].imaging
    named = f"{len(told['contents'].items)} documents, {len(studies)} studies"
    figures = {"s": seconds, "CPU s": worked, "MB here": here, "MB started": started, "MB made": made}
    print(json.dumps([named, figures]))


def _worked() -> float:
    """CPU seconds of this process and of those it started. On a busy machine they say more than the clock."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main(folder: Path | None = None, series: int = 3, images: int = 20) -> None:
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name) / "store")
        store.start()
        try:
            settings = {
                "endpoint": store.endpoint,
                "access_key": store.access_key,
                "secret_key": store.secret_key,
            }
            vault = _vault(settings)
            vault.ensure_bucket()
            documents = _documents(vault, folder)
            studies = tuple(_study(vault, number, series, images) for number in range(1, _STUDIES + 1))
            for some in (studies[:1], studies):
                told = pickle.dumps({"vault": settings, "contents": contents(documents, some)})
                done = subprocess.run(
                    [sys.executable, "-m", "tests.campaigns.bench.packing", "measure"],
                    input=told,
                    stdout=subprocess.PIPE,
                    check=True,
                )
                named, figures = json.loads(done.stdout)
                for unit, figure in figures.items():
                    tell(Line(name=named, figure=figure, unit=unit))
        finally:
            store.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        _measure()
    else:
        main(
            Path(sys.argv[1]) if sys.argv[1:] else None,
            int(sys.argv[2]) if sys.argv[2:] else 3,
            int(sys.argv[3]) if sys.argv[3:] else 20,
        )
