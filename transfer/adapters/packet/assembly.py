"""Putting a packet together: documents are read once, what we add is kept in the vault, the rest is a plan."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

import rfc8785

from transfer import bag
from transfer.adapters.packet import layout as names
from transfer.adapters.packet.dicomdir import Directory, dicomdir
from transfer.adapters.packet.in_words import SeriesView, views
from transfer.adapters.packet.index_page import index_page
from transfer.adapters.packet.layout import Layout, PlacedDocument, lay_out
from transfer.adapters.packet.manifest import bag_info, manifest_json
from transfer.adapters.packet.pdf import LARGEST, LARGEST_ALL, bookmarked
from transfer.adapters.packet.submission import submission
from transfer.adapters.packet.thumbnails import drawn
from transfer.errors import TooLarge
from transfer.packet import (
    NOTICE,
    PART_2_LABEL,
    PART_2_NOTICE,
    Contents,
    PacketSigner,
    Plan,
    PlanEntry,
    PlannedDocument,
)
from transfer.staging import CHUNK, Location, Vault


def assemble(contents: Contents, *, vault: Vault, signer: PacketSigner) -> Plan:
    """Make the packet: every document is read (and so checked against its hash), the files we add are kept.

    Doing it twice makes two plans over the same bytes: each file, the signature too, is a function of the contents and
    the key. If it fails, nothing it kept stays in the vault.

    Raises:
        TooLarge: one file is larger than a packet can hold (8 GiB).
        Unreadable: the vault no longer gives a document's bytes as they were kept.
        Unavailable: the vault did not answer.
    """
    layout = lay_out(contents)
    payload = _payload(layout)
    if any(location.length > bag.LARGEST_FILE for location in payload.values()):
        raise TooLarge("a file of 8 GiB or more does not fit a packet")
    planned, files = _made(contents, layout, payload, vault, signer)
    kept, made = _kept(files, vault)
    entries = [PlanEntry(path, location) for path, location in payload.items()]
    entries += [PlanEntry(path, location, generated=True) for path, location in made.items()]
    return Plan(
        packet=contents.packet,
        entries=tuple(sorted(entries, key=lambda entry: bag.order(entry.path))),
        documents=planned,
        made=kept,
    )


def _kept(files: Mapping[str, bytes], vault: Vault) -> tuple[Location, dict[str, Location]]:
    """All of it as one object, and where in it each file lies: a store is asked for one of them as for twelve."""
    ordered = sorted(files.items(), key=lambda one: bag.order(one[0]))
    whole = vault.keep(data[at : at + CHUNK] for _, data in ordered for at in range(0, len(data), CHUNK))
    ends = accumulate(len(data) for _, data in ordered)
    return whole, {
        path: Location(whole.key, end - len(data), len(data), hashlib.sha256(data).hexdigest())
        for (path, data), end in zip(ordered, ends, strict=True)
    }


def _payload(layout: Layout) -> dict[str, Location]:
    payload = {document.path: document.item.location for document in layout.documents}
    for study in layout.studies:
        for series in study.series:
            payload |= {path: instance.location for path, instance in series.instances}
    return payload


def _made(
    contents: Contents, layout: Layout, payload: Mapping[str, Location], vault: Vault, signer: PacketSigner
) -> tuple[tuple[PlannedDocument, ...], dict[str, bytes]]:
    """Every file of ours, by path."""
    directory = dicomdir(contents.packet, layout.studies, vault) if layout.studies else None
    images = _seen(layout, directory, vault) if directory else {}
    read = _read(layout, vault)
    shown = bookmarked(contents, layout, read.opened, images)
    key = signer.public_jwk()
    files = {names.RECORDS_PDF: shown.pdf, names.NOTICE: f"{NOTICE}\n".encode()}
    if PART_2_LABEL in contents.labels:
        files[names.PART_2_NOTICE] = f"{PART_2_NOTICE}\n".encode()
    if directory:
        files[names.DICOMDIR] = directory.written
    files[names.MANIFEST] = manifest_json(contents, layout, shown, directory)
    files[names.SUBMISSION] = submission(contents, layout, read.planned)
    files[names.INDEX_PAGE] = index_page(contents, layout, shown, images, key["kid"])
    files[bag.SIGNER] = rfc8785.dumps(key)
    return read.planned, files | _sealed(contents, payload, files, signer)


def _seen(layout: Layout, directory: Directory, vault: Vault) -> dict[str, SeriesView]:
    middles = {folder: said.middle for folder, said in directory.series.items() if said.middle}
    return views(layout.studies, directory, drawn(middles, vault))


@dataclass(frozen=True, slots=True)
class _Read:
    planned: tuple[PlannedDocument, ...]
    #: documents small enough to be opened for the PDF, by number
    opened: Mapping[int, bytes]


def _read(layout: Layout, vault: Vault) -> _Read:
    planned, opened, left = [], {}, LARGEST_ALL
    for document in layout.documents:
        size = document.item.location.length
        keep = size <= min(LARGEST, left)
        sha1 = hashlib.sha1(usedforsecurity=False)
        pieces = []
        for piece in _bytes(vault, document):
            sha1.update(piece)
            if keep:
                pieces.append(piece)
        if keep:
            opened[document.number] = b"".join(pieces)
            left -= size
        planned.append(_planned(document, base64.b64encode(sha1.digest()).decode()))
    return _Read(tuple(planned), opened)


def _bytes(vault: Vault, document: PlacedDocument) -> Iterator[bytes]:
    return vault.read(document.item.location)


def _planned(document: PlacedDocument, sha1: str) -> PlannedDocument:
    item = document.item
    return PlannedDocument(
        number=document.number,
        record=item.record,
        path=document.path,
        content_type=item.content_type,
        size=item.location.length,
        sha1=sha1,
    )


def _sealed(
    contents: Contents, payload: Mapping[str, Location], files: Mapping[str, bytes], signer: PacketSigner
) -> dict[str, bytes]:
    """The bag's own files: what lists everything, and the signature over it."""
    ours = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    hashes = {path: location.sha256 for path, location in payload.items()}
    hashes |= {path: sha256 for path, sha256 in ours.items() if bag.is_payload(path)}
    sizes = dict(payload) | {
        path: Location("made", 0, len(files[path]), ours[path]) for path in files if bag.is_payload(path)
    }
    tags = {
        bag.DECLARATION: bag.DECLARATION_TEXT,
        bag.INFO: bag_info(contents, sizes),
        bag.PAYLOAD_MANIFEST: bag.manifest(hashes),
    }
    listed = {path: sha256 for path, sha256 in ours.items() if not bag.is_payload(path)}
    listed |= {path: hashlib.sha256(data).hexdigest() for path, data in tags.items()}
    tag_manifest = bag.manifest(listed)
    return tags | {bag.TAG_MANIFEST: tag_manifest, bag.SIGNATURE: signer.sign(tag_manifest).encode("ascii")}
