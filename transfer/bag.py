"""The form of a packet's files: a BagIt bag (RFC 8493) that can take one shape only.

Names, order, manifest lines and tar headers all follow from the files themselves. So any byte that differs, in a file
or around it, is found and named. Writer and verifier of a packet read the same rules here.

RFC 8493: https://www.rfc-editor.org/rfc/rfc8493 · ustar: POSIX.1-2017, pax, "ustar Interchange Format".
"""

import re
from collections.abc import Mapping
from typing import Final

DECLARATION: Final = "bagit.txt"
INFO: Final = "bag-info.txt"
PAYLOAD_MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
#: detached JWS over the tag manifest
SIGNATURE: Final = "signature.jws"
#: the public key that checks it
SIGNER: Final = "signer.jwk.json"
PAYLOAD: Final = "data/"

#: first in the tar and in this order, so that a reader knows what to expect before the first large file
CONTROL: Final = (DECLARATION, INFO, PAYLOAD_MANIFEST, TAG_MANIFEST, SIGNATURE, SIGNER)
#: every tag file but these two stands in the tag manifest: it cannot hold itself, nor what signs it (section 2.2.1)
UNLISTED: Final = frozenset({TAG_MANIFEST, SIGNATURE})

DECLARATION_TEXT: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

BLOCK: Final = 512
#: two blocks of zeros end a tar
END: Final = bytes(2 * BLOCK)
#: the largest size eleven octal digits can say; no single file of a packet is larger
LARGEST_FILE: Final = 8**11 - 1
MAX_PATH_LENGTH: Final = 100

_PART = r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*"
_PATH = re.compile(rf"{_PART}(/{_PART}){{0,7}}")
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)\n")
#: 1980-01-01 UTC: the same for every file of every packet, and the earliest date a ZIP could say
_MTIME: Final = 315_532_800


def is_path(text: str) -> bool:
    """One that a packet may hold: relative, ASCII, at most 100 bytes, no part that hides or climbs."""
    return len(text) <= MAX_PATH_LENGTH and _PATH.fullmatch(text) is not None


def order(path: str) -> tuple[int, str]:
    """What entries are sorted by: the control files, then our own files, then the payload."""
    if path in CONTROL:
        return CONTROL.index(path), ""
    return len(CONTROL) + path.startswith(PAYLOAD), path


def is_payload(path: str) -> bool:
    return path.startswith(PAYLOAD)


def manifest(hashes: Mapping[str, str]) -> bytes:
    """The one text that lists these SHA-256 (path → lower-case hex): sorted, two spaces, one line feed each."""
    return "".join(f"{hashes[path]}  {path}\n" for path in sorted(hashes)).encode("ascii")


def listed(text: bytes) -> dict[str, str] | None:
    """What a manifest lists; None unless it is exactly what `manifest` would have written."""
    try:
        found = {path: sha256 for sha256, path in _LINE.findall(text.decode("ascii"))}
    except UnicodeDecodeError:
        return None
    is_ours = all(is_path(path) for path in found) and manifest(found) == text
    return found if is_ours else None


def header(path: str, size: int) -> bytes:
    """The tar header of a file: fixed owner, mode and time, so that name and size say every byte of it.

    Raises:
        ValueError: the name or size does not fit; packets never hold such a file.
    """
    if not is_path(path) or not 0 <= size <= LARGEST_FILE:
        raise ValueError("not an entry of a packet")
    fields = (
        path.encode("ascii").ljust(100, b"\0"),
        b"0000644\0",
        b"0000000\0",
        b"0000000\0",
        b"%011o\0" % size,
        b"%011o\0" % _MTIME,
        b" " * 8,  # the checksum counts itself as spaces
        b"0",
        bytes(100),
        b"ustar\x0000",
        bytes(64),
        b"0000000\0",
        b"0000000\0",
        bytes(155 + 12),
    )
    block = b"".join(fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padding(size: int) -> int:
    """Zero bytes after a file of `size` bytes, up to the next block."""
    return -size % BLOCK
