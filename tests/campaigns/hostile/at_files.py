"""What takes files: `transfer verify`, `transfer open`, the pages for people, and the DICOMDIR of a packet."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from tests.campaigns.hostile.child import Child
from tests.campaigns.hostile.mutations import mutated
from tests.campaigns.hostile.samples import Language, Sample
from tests.campaigns.hostile.table import Row
from tests.campaigns.hostile.watched import altered, honest, row
from tests.kit import bombs
from tests.kit.builders import a_chart, referral_of
from tests.kit.packets import APacket, a_packet, a_pdf
from transfer.adapters.packet import pdf_merge

#: content types by the first bytes, for the pages
_TYPES = {Language.CDA: "text/xml", Language.FHIR: "application/fhir+json", Language.HL7: "text/plain"}
_PAGES_MB = pdf_merge.MEMORY / (1 << 20)


def verify(samples: list[Sample], folder: Path, names: frozenset[str] | None = None) -> Iterator[Row]:
    """Every sample in the place of a packet, and as a file that was put into one; then tars and folders that lie."""
    keys, target = folder / "jwks.json", folder / "packet.tar"
    packet = a_packet()
    keys.write_text(json.dumps(packet.jwks))
    target.write_bytes(packet.tar)
    with Child("command", "verify", "--jwks", str(keys)) as child:
        yield honest(row(child.ask(arguments=[str(target)]), "a packet", "whole", "verify"))
        for file, name, place in _changed(packet, samples, folder, target, names):
            yield altered(row(child.ask(arguments=[str(place)]), file, name, "verify"))
        target.write_bytes(packet.tar)
        for name, size in (("of 60 MB", 60 << 20), ("of 8 GB", 8 << 30)):
            os.truncate(keys, size)
            yield altered(row(child.ask(arguments=[str(target)], blamed="--jwks"), "pinned keys", name, "verify"))


def _changed(
    packet: APacket, samples: list[Sample], folder: Path, target: Path, names: frozenset[str] | None
) -> Iterator[tuple[str, str, Path]]:
    """File, mutation and where it is now; none of them is the packet."""
    for sample in samples:
        target.write_bytes(sample.body)
        yield sample.file, "as a packet", target
        bombs.many(target, _with(packet, sample), ())
        yield sample.file, "in a packet", target
    for name, body in mutated(Sample("a packet", Language.OTHER, packet.tar), names):
        if body != packet.tar:
            target.write_bytes(body)
            yield "a packet", name, target
    for name, write in bombs.tars(packet):
        if names is None or name in names:
            write(target)
            yield "a tar", name, target
            target.unlink()
    for name, place in bombs.folders(packet, folder):
        if names is None or name in names:
            yield "a folder", name, place


def _with(packet: APacket, sample: Sample) -> dict[str, bytes]:
    """The packet's files, the sample in the place of each document."""
    return {path: sample.body if path.startswith("data/documents/") else data for path, data in packet.files.items()}


def opened(samples: list[Sample], folder: Path, var: Path, names: frozenset[str] | None = None) -> Iterator[Row]:
    """Every sample as the file of a referral."""
    target = folder / "referral"
    given = ("--from", "lakeside-oncology", "--var", str(var), "--person", "hostile")
    with Child("command", "open", *given) as child:
        target.write_bytes(referral_of(a_chart()))
        yield honest(row(child.ask(arguments=[str(target)]), "a referral", "whole", "open"))
        for file, name, body in (*_referrals(samples, names), *bombs.referrals()):
            target.write_bytes(body)
            yield row(child.ask(arguments=[str(target)]), file, name, "open")
        os.truncate(target, 8 << 30)
        yield row(child.ask(arguments=[str(target)]), "a file", "of 8 GB", "open")
        target.unlink()


def _referrals(samples: list[Sample], names: frozenset[str] | None) -> Iterator[tuple[str, str, bytes]]:
    for sample in samples:
        if sample.language in (Language.FHIR, Language.HL7) and _may_refer(sample.body):
            yield from ((sample.file, name, body) for name, body in mutated(sample, names))
        else:
            yield sample.file, "as itself", sample.body


def _may_refer(body: bytes) -> bool:
    return b"ServiceRequest" in body or b"REF^" in body[:400]


def pages(samples: list[Sample], folder: Path, names: frozenset[str] | None = None) -> Iterator[Row]:
    """Every document among the pages for people. That process has bounds of its own and may die: never here, though."""
    target = folder / "document"
    with Child("pages") as child:
        target.write_bytes(a_pdf())
        first = child.ask(file=str(target), content_type="application/pdf")
        yield honest(row(first, "a PDF", "whole", "pages", _PAGES_MB))
        made = bombs.documents() if names is None else ()  # to make them takes minutes
        for file, name, content_type, body in (*_documents(samples, names), *made):
            target.write_bytes(body)
            became = child.ask(file=str(target), content_type=content_type)
            yield row(became, file, name, "pages", _PAGES_MB)


def _documents(samples: list[Sample], names: frozenset[str] | None) -> Iterator[tuple[str, str, str, bytes]]:
    for sample in samples:
        if sample.language in (Language.CDA, Language.OTHER):
            kind = _TYPES.get(sample.language, "application/octet-stream")
            yield from ((sample.file, name, kind, body) for name, body in mutated(sample, names))
        elif sample.language is not Language.DICOM:
            kind = _TYPES.get(sample.language, "application/octet-stream")
            yield sample.file, "as itself", kind, sample.body


def directory(samples: list[Sample], folder: Path, names: frozenset[str] | None = None) -> Iterator[Row]:
    """Every image in a packet: its head is read for the DICOMDIR."""
    target = folder / "image"
    with Child("directory") as child:
        for sample in samples:
            if sample.language is Language.DICOM:
                for name, body in mutated(sample, names):
                    target.write_bytes(body)
                    yield row(child.ask(file=str(target)), sample.file, name, "dicomdir")
