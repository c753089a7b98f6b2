"""The copy of the keys: another folder, on another disk, each key sealed under a passphrase of the operator's.

There is one copy, not one for each backup, and it follows what is destroyed: a backup holds no key, so that destroying
a key purges every backup ever made, and a restore cannot bring back what was purged since.
"""

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from transfer.errors import Refused, Unavailable, Unreadable
from transfer.remedies import Remedy, RemedyCode
from transfer.sealing import SITE

#: beside the keys: names of those destroyed, and the permissions that ended
DESTROYED: Final = "destroyed"
ENDED: Final = "ended"
#: beside the keys: there is a copy, and what is destroyed here has to be destroyed there
COPIED: Final = "copied"
#: beside the keys: where they are kept now
MOVED: Final = "moved"
_HEADER: Final = "copy.json"
_NONCE: Final = 12
#: RFC 7914; 128 MB and about half a second for each guess at the passphrase
_COST: Final = {"n": 1 << 17, "r": 8, "p": 1}
_CHECK: Final = b"records-transfer keys"


class WrongPassphrase(Refused):
    """The copy was made with another passphrase."""

    remedy = Remedy(RemedyCode.TYPE_PASSPHRASE)


class KeysCopy:
    """The copy in `folder`. All but `take` and `put_back` work without the passphrase."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, keys: Path, passphrase: str) -> int:
        """Make the copy what the folder of keys is now: what is missing there is added, what was destroyed is
        destroyed. Says how many keys the folder has.

        Raises:
            Refused: it is the copy of another installation's keys.
            Unavailable: a copy was made, and is not where it was.
            WrongPassphrase: it was begun with another.
        """
        self._is_there(keys)
        _make(self._folder)
        cipher = self._cipher(passphrase)
        if self._opened(cipher, SITE) not in (None, (keys / SITE).read_bytes()):
            raise Refused("this is the copy of other keys than those here; it is left as it is")
        # Before the first key: what is destroyed from now on is destroyed there, or is not called destroyed.
        write(keys / COPIED, b"")
        count = sum(self._add(cipher, keys, name) for name in sorted(secrets_in(keys)))
        # A key destroyed after it was read, and written to the copy after it was destroyed there, goes here.
        self._follow(keys)
        for name in _lines(self._folder / DESTROYED):
            if not (keys / name).exists():
                overwrite(self._sealed(name))
        for permission in (keys / ENDED).glob("[!.]*"):
            write_note(self._folder, permission.name, permission.read_text())
        return count

    def give_up(self, keys: Path) -> bool:
        """The former copy was destroyed, a person says: nothing waits for it any more, and another may be made.

        False: there was none to give up, because it is there or none was made. Doing so twice does nothing more.
        """
        if (self._folder / _HEADER).exists() or not (keys / COPIED).exists():
            return False
        (keys / COPIED).unlink(missing_ok=True)
        settle(keys)
        return True

    def _add(self, cipher: AESGCM, keys: Path, name: str) -> bool:
        """Have a key in the copy, as it is in the folder. False: it was destroyed meanwhile."""
        try:
            key = (keys / name).read_bytes()
        except FileNotFoundError:
            return False
        if self._readable(cipher, name) != key:
            nonce = os.urandom(_NONCE)
            _make(self._sealed(name).parent)
            write(self._sealed(name), nonce + cipher.encrypt(nonce, key, name.encode()))
        return True

    def put_back(self, keys: Path, passphrase: str) -> int:
        """Put back the keys that are missing from the folder, but for those destroyed. Says how many. What a new
        installation drew for itself, before it knew a patient, is replaced.

        Raises:
            Unavailable: there is no copy.
            WrongPassphrase: it was made with another.
        """
        if not (self._folder / _HEADER).exists():
            raise absent()
        cipher = self._cipher(passphrase)
        is_new = not any((keys / of).exists() for of in ("patient", "day"))
        gone = {*_lines(keys / DESTROYED), *_lines(self._folder / DESTROYED)}
        count = 0
        for name in self._sealed_names():
            if name in gone or ((keys / name).exists() and not is_new):
                continue
            key = self._opened(cipher, name)
            assert key is not None  # it was listed
            _make((keys / name).parent)
            write(keys / name, key)
            count += 1
        for name in sorted(gone - set(_lines(keys / DESTROYED))):
            add_line(keys / DESTROYED, name)
        for permission in (self._folder / ENDED).glob("[!.]*"):
            if not (keys / ENDED / permission.name).exists():
                write_note(keys, permission.name, permission.read_text())
        write(keys / COPIED, b"")
        return count

    def destroy(self, keys: Path, name: str) -> None:
        """Destroy a key's copy.

        Raises:
            Unavailable: a copy was made, and is not where it was.
        """
        if self._is_there(keys):
            self._follow(keys)
            overwrite(self._sealed(name))

    def note_end(self, keys: Path, permission: str, how: str) -> None:
        """That a permission ended. Where the copy is away it learns of it when it is next made: nobody may be kept
        from ending a permission.
        """
        try:
            if self._is_there(keys):
                write_note(self._folder, permission, how)
        except (Unavailable, OSError):
            return

    def _is_there(self, keys: Path) -> bool:
        if (self._folder / _HEADER).exists():
            return True
        if (keys / COPIED).exists():
            raise absent()
        return False

    def _follow(self, keys: Path) -> None:
        known = set(_lines(self._folder / DESTROYED))
        for name in _lines(keys / DESTROYED):
            if name not in known:
                add_line(self._folder / DESTROYED, name)

    def _sealed(self, name: str) -> Path:
        return self._folder / "keys" / f"{name}.sealed"

    def _sealed_names(self) -> list[str]:
        """What the copy holds. First what a new installation draws as well: once a patient's or a day's key is back, it
        is no new one any more, and whoever was interrupted goes on from there.
        """
        top = self._folder / "keys"
        names = (path.relative_to(top).as_posix().removesuffix(".sealed") for path in top.rglob("*.sealed"))
        return sorted(names, key=lambda name: ("/" in name, name))

    def _readable(self, cipher: AESGCM, name: str) -> bytes | None:
        """A key of the copy, while the true one is at hand: one that its disk has damaged counts as missing."""
        try:
            return self._opened(cipher, name)
        except Unreadable:
            return None

    def _opened(self, cipher: AESGCM, name: str) -> bytes | None:
        """A key of the copy; None where it has none of that name."""
        try:
            sealed = self._sealed(name).read_bytes()
        except FileNotFoundError:
            return None
        try:
            return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except InvalidTag:
            raise Unreadable("a key in the copy is not what was sealed") from None

    def _cipher(self, passphrase: str) -> AESGCM:
        path = self._folder / _HEADER
        if not path.exists():
            header: dict[str, Any] = {"format": 1, "salt": secrets.token_hex(16), **_COST}
            cipher = _derive(header, passphrase)
            nonce = os.urandom(_NONCE)
            header["check"] = (nonce + cipher.encrypt(nonce, _CHECK, None)).hex()
            write(path, json.dumps(header).encode())
            return cipher
        header = json.loads(path.read_bytes())
        cipher = _derive(header, passphrase)
        check = bytes.fromhex(header["check"])
        try:
            cipher.decrypt(check[:_NONCE], check[_NONCE:], None)
        except InvalidTag:
            raise WrongPassphrase("that is not the passphrase of this copy of the keys") from None
        return cipher


def write_note(folder: Path, permission: str, how: str) -> None:
    _make(folder / ENDED)
    write(folder / ENDED / permission, how.encode())


def write(path: Path, content: bytes) -> None:
    """A file 0600, whole and durable or not there."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    settle(path.parent)


def add_line(path: Path, line: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as file:
        file.write(f"{line}\n")
        file.flush()
        os.fsync(file.fileno())
    settle(path.parent)


def settle(folder: Path) -> None:
    """Make a new or removed name in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _derive(header: dict[str, Any], passphrase: str) -> AESGCM:
    scrypt = Scrypt(bytes.fromhex(header["salt"]), length=32, n=header["n"], r=header["r"], p=header["p"])
    return AESGCM(scrypt.derive(passphrase.encode()))


def secrets_in(keys: Path) -> Iterator[str]:
    """What is secret in the folder: every key, and what packets are signed with."""
    for path in keys.rglob("*"):
        name = path.relative_to(keys)
        if name.parts[0] in (ENDED, DESTROYED, COPIED, MOVED) or path.suffix == ".new" or path.name.startswith("."):
            continue
        if path.is_file():
            yield name.as_posix()


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def overwrite(path: Path) -> None:
    """Make a file of a key unreadable where it lies, and remove it. One that is not there is left so."""
    try:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return
    path.unlink(missing_ok=True)
    settle(path.parent)


def absent() -> Unavailable:
    """A copy was made, and is not where it was."""
    error = Unavailable("the copy of the keys is not where TRANSFER_KEYS_COPY says")
    error.remedy = Remedy(RemedyCode.MOUNT_KEYS_COPY)
    return error
