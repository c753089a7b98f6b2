"""Judging what was read: first what was signed, then everything else by it.

What was signed is found wherever it lies. A manifest with a changed byte does not accuse the files it lists. Two files
that changed places are named as swapped, not as altered.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from joserfc.jwk import RSAKey

from transfer import bag
from transfer.verify import keys
from transfer.verify.nouns import FileFinding, FileFindingKind, FoundFile, Inventory, Verification, VerificationOutcome

_IDENTIFIER: Final = re.compile(rb"^External-Identifier: ([a-z0-9-]{1,40})$", re.MULTILINE)
_FLIPPED: Final = "its bytes are not those that were signed"
_HEADER: Final = "its tar header was changed"


@dataclass(frozen=True, slots=True)
class _Signed:
    """What the signature holds over: the tag manifest's text, and who signed."""

    text: bytes
    signature: bytes
    thumbprint: str


def judge(inventory: Inventory, pinned: Mapping[str, RSAKey]) -> Verification:
    """What can be said of it."""
    signed = _signed(inventory, pinned)
    expected = _expected(inventory, signed)
    files, renamed = _resolved(inventory.files, expected)
    findings = [*_unless_emptied(inventory.findings, expected), *renamed, *_differences(files, expected)]
    if signed is None:
        findings += _unsigned(inventory, findings)
    return Verification(
        outcome=_outcome(findings, signed, pinned),
        findings=_once(findings),
        packet=_packet(inventory),
        signer=signed.thumbprint if signed else None,
        files=len(inventory.files),
        size=sum(file.size for file in inventory.files.values()),
    )


def _outcome(findings: list[FileFinding], signed: _Signed | None, pinned: Mapping[str, RSAKey]) -> VerificationOutcome:
    if findings or signed is None:
        return VerificationOutcome.ALTERED
    return VerificationOutcome.VERIFIED if signed.thumbprint in pinned else VerificationOutcome.UNKNOWN_SIGNER


def _signed(inventory: Inventory, pinned: Mapping[str, RSAKey]) -> _Signed | None:
    """A key, a signature and a tag manifest that fit one another and name that key; None where there are none."""
    known = dict(_keys(inventory, pinned))
    signatures = [text for text in inventory.texts.values() if keys.is_signature(text)]
    for text in _tag_manifests(inventory):
        key = known.get((bag.listed(text) or {}).get(bag.SIGNER, ""))
        if key is None:
            continue
        for signature in signatures:
            if keys.holds(signature, text, key):
                return _Signed(text, signature, key.thumbprint())
    return None


def _keys(inventory: Inventory, pinned: Mapping[str, RSAKey]) -> Iterator[tuple[str, RSAKey]]:
    """Keys by the SHA-256 of the file they are written in: the pinned ones too, should the enclosed one be changed."""
    for key in pinned.values():
        yield _sha256(keys.written(key)), key
    for text in inventory.texts.values():
        if (enclosed := keys.enclosed_key(text)) is not None:
            yield _sha256(text), enclosed


def _tag_manifests(inventory: Inventory) -> Iterator[bytes]:
    """The tag manifest as it is, as it should be for the files that are there, and what may be it under other names."""
    if bag.TAG_MANIFEST in inventory.texts:
        yield inventory.texts[bag.TAG_MANIFEST]
    tags = {path: file.sha256 for path, file in inventory.files.items() if _is_listed_tag(path)}
    yield bag.manifest(tags)
    yield from (text for path, text in inventory.texts.items() if path != bag.TAG_MANIFEST)


def _is_listed_tag(path: str) -> bool:
    return bag.is_path(path) and not bag.is_payload(path) and path not in bag.UNLISTED


def _expected(inventory: Inventory, signed: _Signed | None) -> dict[str, str]:
    """Path → SHA-256 of everything that should be there; as far as it can be known, where nothing signed is found."""
    text = signed.text if signed else inventory.texts.get(bag.TAG_MANIFEST, b"")
    tags = bag.listed(text) or {}
    expected = tags | _expected_payload(inventory, tags.get(bag.PAYLOAD_MANIFEST))
    if signed:
        expected |= {bag.TAG_MANIFEST: _sha256(signed.text), bag.SIGNATURE: _sha256(signed.signature)}
    elif text:
        expected[bag.TAG_MANIFEST] = _sha256(text)
    return expected


def _expected_payload(inventory: Inventory, sha256: str | None) -> dict[str, str]:
    """What the payload manifest lists: the one that was signed, wherever it lies, else the one that is there."""
    there = {path: file.sha256 for path, file in inventory.files.items() if bag.is_payload(path) and bag.is_path(path)}
    found = inventory.texts.get(bag.PAYLOAD_MANIFEST, b"")
    for text in (found, bag.manifest(there), *inventory.texts.values()):
        if _sha256(text) == sha256:
            return bag.listed(text) or {}
    return bag.listed(found) or there


def _resolved(
    files: Mapping[str, FoundFile], expected: Mapping[str, str]
) -> tuple[dict[str, FoundFile], list[FileFinding]]:
    """Files whose tar header was changed, under the name they must have had: known by their bytes."""
    resolved = {path: file for path, file in files.items() if not file.damaged}
    lost: dict[str, list[str]] = defaultdict(list)
    for path in sorted(expected.keys() - resolved.keys(), reverse=True):
        lost[expected[path]].append(path)
    findings = []
    for file in (file for file in files.values() if file.damaged):
        is_named = expected.get(file.path) == file.sha256
        path = file.path if is_named else _next(lost[file.sha256], resolved) or file.path
        resolved[path] = replace(file, path=path)
        findings.append(FileFinding(FileFindingKind.FLIPPED, path, _HEADER))
    return resolved, findings


def _next(paths: list[str], taken: Container[str]) -> str | None:
    """The last of the paths that is not taken; those behind it go."""
    while paths and paths[-1] in taken:
        paths.pop()
    return paths.pop() if paths else None


def _unless_emptied(findings: Iterable[FileFinding], expected: Mapping[str, str]) -> Iterator[FileFinding]:
    """A folder that is empty because its files were removed is told by what was removed."""
    folders = {path[: at + 1] for path in expected for at, letter in enumerate(path) if letter == "/"}
    return (finding for finding in findings if finding.path not in folders)


def _differences(files: Mapping[str, FoundFile], expected: Mapping[str, str]) -> Iterator[FileFinding]:
    there = {path: file.sha256 for path, file in files.items()}
    altered = {path: there[path] for path in expected.keys() & there.keys() if there[path] != expected[path]}
    swapped = {(expected[path], altered[path]): path for path in sorted(altered, reverse=True)}
    for path, sha256 in sorted(altered.items()):
        other = swapped.get((sha256, expected[path]))
        if other is None:
            yield FileFinding(FileFindingKind.FLIPPED, path, _FLIPPED)
        elif path < other:
            yield FileFinding(FileFindingKind.SWAPPED, path, f"changed places with {other}", other)
    for path in sorted(expected.keys() - there.keys()):
        yield FileFinding(FileFindingKind.MISSING, path, "was removed")
    for path in sorted(there.keys() - expected.keys() - {bag.TAG_MANIFEST, bag.SIGNATURE}):
        yield FileFinding(FileFindingKind.ADDED, path, "does not belong to the packet")


def _unsigned(inventory: Inventory, findings: list[FileFinding]) -> Iterator[FileFinding]:
    """No signature holds: name the file it fails in, unless one that is already named explains it."""
    for path in (bag.TAG_MANIFEST, bag.SIGNATURE):
        if path not in inventory.files:
            yield FileFinding(FileFindingKind.MISSING, path, "was removed")
    if bag.SIGNATURE in inventory.files and not any(finding.path == bag.SIGNER for finding in findings):
        yield FileFinding(
            FileFindingKind.FLIPPED, bag.SIGNATURE, f"does not fit {bag.TAG_MANIFEST}: one of the two was changed"
        )


def _once(findings: list[FileFinding]) -> tuple[FileFinding, ...]:
    """One finding a file; the first says most."""
    first: dict[tuple[str, str | None], FileFinding] = {}
    for finding in findings:
        first.setdefault((finding.path, finding.other), finding)
    return tuple(first.values())


def _packet(inventory: Inventory) -> str | None:
    match = _IDENTIFIER.search(inventory.texts.get(bag.INFO, b""))
    return match[1].decode() if match else None


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
