"""Verifying a packet offline: that it is whole, unaltered, and signed by somebody we know.

Needs the packet, as a folder or a tar, and the public keys that were given apart from it. The packet's own key says
whether anything was changed, the pinned keys whether its signer is who we think.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transfer.verify.judging import judge
from transfer.verify.keys import pinned_keys
from transfer.verify.nouns import FileFinding, FileFindingKind, Verification, VerificationOutcome
from transfer.verify.reading import read_folder, read_tar

__all__ = ["FileFinding", "FileFindingKind", "Verification", "VerificationOutcome", "verify"]


def verify(path: Path, jwks: Mapping[str, Any], progress: Callable[[int], None] | None = None) -> Verification:
    """What can be said of the packet at `path`. Nothing is unpacked or written; memory is bounded whatever it holds.

    `jwks` is a JWK set (RFC 7517). `progress` is told how many bytes were read since the last time.

    Raises:
        ValueError: `jwks` is not a JWK set.
        OSError: `path` cannot be read, or is neither a folder nor a regular file.
    """
    pinned = pinned_keys(jwks)
    read = read_folder if path.is_dir() else read_tar
    return judge(read(path, progress or (lambda _: None)), pinned)
