"""The folder a backup lies in: every file sealed, 0600 in folders 0700, the manifest last.

A file is a row of frames: four bytes of length, then up to 1 MiB sealed under a key of the installation. The seal
covers what the file is, the frame's place in it, and whether it is the last. So a file that was cut short, or joined of
two, is found before its hash is read.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from transfer.backups import BackedUpObject, BackedUpTable, Manifest, NoBackup
from transfer.errors import Refused, Unreadable
from transfer.identifiers import BackupId
from transfer.sealing import SITE, KeyGone, KeyName, Keys
from transfer.staging import CHUNK

_MANIFEST: Final = "backup.json"
_UNFINISHED: Final = "UNFINISHED"
#: a sealed frame is its content, a nonce and a tag
_MAX_LENGTH: Final = CHUNK + 64


class BackupFolder:
    """A backup in `folder`, with the keys of the installation it is of."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self.folder = folder
        self._keys = keys

    def begin(self) -> BackupId:
        """Get ready to write. One that was begun and not finished is begun anew; its objects are used again, and so is
        its name: purges may have spoken of it.

        Raises:
            Refused: a whole backup, or something else, lies there.
        """
        self.check_free()
        _make(self.folder)
        (self.folder / _UNFINISHED).touch(0o600)
        shutil.rmtree(self.folder / "ledger", ignore_errors=True)
        return self._named()

    def check_free(self) -> None:
        """Raises `Refused` where `begin` would."""
        if (self.folder / _UNFINISHED).exists():
            return
        if (self.folder / _MANIFEST).exists():
            raise Refused("a backup lies there already; each one has a folder of its own")
        if self.folder.exists() and any(self.folder.iterdir()):
            raise Refused("that folder is not empty, and not a backup that was begun")

    def is_begun(self) -> bool:
        """One was begun here and not finished."""
        return (self.folder / _UNFINISHED).exists() or not any(self.folder.iterdir())

    def _named(self) -> BackupId:
        """The name it was begun under, else a new one, kept where the next attempt finds it."""
        place = self.folder / _UNFINISHED
        with suppress(ValueError):
            return BackupId(place.read_bytes().decode())
        backup = BackupId.draw()
        with _fresh(place) as file:
            _write_all(file, backup.encode())
        return backup

    def write_table(self, name: str, columns: Iterable[str], rows: Iterable[bytes]) -> BackedUpTable:
        """Write a table's rows, each a line of COPY's text."""
        sha256, count = hashlib.sha256(), 0

        def counted() -> Iterator[bytes]:
            nonlocal count
            for row in rows:
                sha256.update(row)
                count += 1
                yield row

        self._write(self._table(name), SITE, f"backup|{name}", counted())
        return BackedUpTable(name=name, columns=tuple(columns), rows=count, sha256=sha256.hexdigest())

    def read_table(self, table: BackedUpTable) -> Iterator[bytes]:
        """Its rows, in pieces.

        Raises:
            NoBackup: they are not what was written.
        """
        return self._checked(self._table(table.name), SITE, f"backup|{table.name}", table.sha256)

    def write_object(self, kept: BackedUpObject, chunks: Iterable[bytes]) -> None:
        """Write an object, unless an earlier attempt did.

        Raises:
            KeyGone: its key was destroyed meanwhile: it is purged.
        """
        if not self.has(kept):
            self._write(self._object(kept.key), kept.under, f"backup|{kept.key}", chunks)

    def has(self, kept: BackedUpObject) -> bool:
        """It is there, whole and as it was kept."""
        try:
            for _ in self.read_object(kept):
                pass
        except (NoBackup, KeyGone):
            return False
        return True

    def read_object(self, kept: BackedUpObject) -> Iterator[bytes]:
        """Its bytes.

        Raises:
            NoBackup: they are not what was kept.
            KeyGone: the key was destroyed: what it sealed is purged.
        """
        return self._checked(self._object(kept.key), kept.under, f"backup|{kept.key}", kept.sha256)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest: from now on it is a backup. Objects of an attempt before that it does not name go."""
        named = {self._object(one.key) for one in manifest.objects}
        for path in (self.folder / "objects").rglob("*"):
            if path.is_file() and path not in named:
                path.unlink()
        text = manifest.dumps()
        seal = self._keys.hmac(SITE, b"backup|" + text).hex()
        with _fresh(self.folder / _MANIFEST) as file:
            _write_all(file, json.dumps({"manifest": text.decode(), "seal": seal}).encode())
        (self.folder / _UNFINISHED).unlink()

    def manifest(self) -> Manifest:
        """What it holds, as this installation wrote it.

        Raises:
            NoBackup: none, an unfinished one, an altered one, or one of another installation's keys.
        """
        if (self.folder / _UNFINISHED).exists():
            raise NoBackup("this backup was not finished")
        try:
            found = json.loads((self.folder / _MANIFEST).read_bytes())
            text, seal = found["manifest"].encode(), str(found["seal"])
        except FileNotFoundError:
            raise NoBackup("no backup lies there") from None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise NoBackup("its manifest is damaged") from None
        if not secrets.compare_digest(seal, self._keys.hmac(SITE, b"backup|" + text).hex()):
            raise NoBackup("its manifest was altered, or these are not the keys it was made with")
        return Manifest.loads(text)

    def _table(self, name: str) -> Path:
        return self.folder / "ledger" / name

    def _object(self, key: str) -> Path:
        return self.folder / "objects" / key

    def _write(self, path: Path, under: KeyName, about: str, chunks: Iterable[bytes]) -> None:
        with _fresh(path) as file:
            for number, (piece, is_last) in enumerate(_pieces(chunks)):
                frame = self._keys.seal(under, piece, about=_place(about, number, is_last=is_last))
                _write_all(file, len(frame).to_bytes(4, "big") + frame)

    def _checked(self, path: Path, under: KeyName, about: str, expected: str) -> Iterator[bytes]:
        sha256 = hashlib.sha256()
        for piece in self._read(path, under, about):
            sha256.update(piece)
            yield piece
        if sha256.hexdigest() != expected:
            raise NoBackup(f"{path.relative_to(self.folder)} is not what was written")

    def _read(self, path: Path, under: KeyName, about: str) -> Iterator[bytes]:
        name = path.relative_to(self.folder)
        try:
            with path.open("rb") as file:
                number, length = 0, file.read(4)
                while True:
                    frame, length = _frame(length, file), file.read(4)
                    yield self._keys.unseal(under, frame, about=_place(about, number, is_last=not length))
                    if not length:
                        return
                    number += 1
        except FileNotFoundError:
            raise NoBackup(f"{name} is missing") from None
        except Unreadable:
            raise NoBackup(f"{name} is not what was written") from None


def _frame(length: bytes, file: BinaryIO) -> bytes:
    wanted = int.from_bytes(length, "big")
    frame = file.read(wanted) if len(length) == 4 and wanted <= _MAX_LENGTH else b""
    if len(frame) != wanted:
        raise Unreadable("cut short")
    return frame


def _place(about: str, number: int, *, is_last: bool) -> str:
    return f"{about}|{number}{'|last' if is_last else ''}"


def _pieces(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The same bytes in pieces of `CHUNK`, at least one, and which is the last."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) > CHUNK:
            yield bytes(held[:CHUNK]), False
            del held[:CHUNK]
    yield bytes(held), True


@contextmanager
def _fresh(path: Path) -> Iterator[int]:
    """A file that is there, whole and durable, once the block ends; not at all where it fails."""
    _make(path.parent)
    fresh = path.with_name(f".{path.name}.new")
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        yield file
        os.fsync(file)
    except BaseException:
        fresh.unlink()
        raise
    finally:
        os.close(file)
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _write_all(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
