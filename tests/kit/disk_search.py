"""Searching the disk for what must not be there."""

import base64
import mmap
import os
from collections.abc import Iterable
from pathlib import Path

import psycopg

from tests.kit.house import House
from transfer.embedded.installation import Installation


def spellings(word: str) -> set[bytes]:
    """A word as it may lie on a disk: plain, UTF-16 either way, hex, and base64 at each of its three alignments."""
    plain = word.encode()
    wide = {word.encode("utf-16-le"), word.encode("utf-16-be")}
    return {plain, plain.lower(), plain.hex().encode(), *wide, *in_base64(plain)}


def in_base64(content: bytes) -> set[bytes]:
    """What stands in any base64 text that `content` is part of: without the characters that its neighbours change."""
    found = set()
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + content)
        found.add(text[(shift * 8 + 5) // 6 : (shift + len(content)) * 8 // 6])
    return found


def key_spellings(key: bytes) -> set[bytes]:
    return {key, key.hex().encode(), key.hex().upper().encode(), *in_base64(key)}


def on_disk(house: House, sought: Iterable[bytes]) -> list[str]:
    """Every file of the installation but the stand-in institutions' own that holds any of the sought bytes."""
    with psycopg.connect(Installation(house.var, {}).postgres.url("superuser"), autocommit=True) as superuser:
        # What is only in PostgreSQL's memory would be on the disk a moment later.
        superuser.execute("CHECKPOINT")
    wanted = list(sought)
    return sorted(
        f"{path.relative_to(house.var)}: {one[:24]!r}" for path in _files(house.var) for one in _in(path, wanted)
    )


def _files(var: Path) -> Iterable[Path]:
    for folder, folders, names in os.walk(var):
        if Path(folder) == var and "sandbox" in folders:
            folders.remove("sandbox")
        yield from (Path(folder) / name for name in names)


def _in(path: Path, wanted: list[bytes]) -> list[bytes]:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return [one for one in wanted if content.find(one) >= 0]
    except (FileNotFoundError, ValueError, OSError):  # gone meanwhile, empty, a socket
        return []
