"""Folders and files that only we can open."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path


def folder(path: Path) -> Path:
    """Make sure of a folder 0700 and return it."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    return path


def write(path: Path, text: str) -> None:
    """Write a file 0600, whole or not at all: a reader never meets half of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def kept(path: Path, draw: Callable[[], Mapping[str, str]]) -> dict[str, str]:
    """The secrets in a file; drawn and written the first time. New names in `draw` are added to an old file."""
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    drawn = draw()
    if not drawn.keys() <= known.keys():
        known = {**drawn, **known}
        write(path, json.dumps(known, indent=1))
    return known
