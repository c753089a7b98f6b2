"""A folder of backups, each in a folder of its own named by its day: what a job of every night writes into."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Final

from transfer.adapters.backup_folder import BackupFolder
from transfer.adapters.keys_copy import settle
from transfer.backups import Manifest, NoBackup
from transfer.errors import Refused
from transfer.sealing import Keys

#: before the name of one that is being destroyed: it is no backup any more
_GOING: Final = ".destroyed."


class BackupShelf:
    """The backups in `folder`, with the keys of the installation they are of."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self._folder = folder
        self._keys = keys

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else takes or destroys a backup here meanwhile. Whoever dies frees it.

        Raises:
            Refused: somebody does.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Refused("another backup into that folder is under way") from None
        finally:
            os.close(descriptor)

    def next(self, today: date) -> BackupFolder:
        """Where the next backup goes: on with one that was begun and not finished, else into a new folder."""
        begun = [one for one in self._folders() if one.is_begun()]
        if begun:
            return begun[-1]
        names = (f"{today}{f'-{number}' if number > 1 else ''}" for number in range(1, 1000))
        free = next(name for name in names if not (self._folder / name).exists())
        return BackupFolder(self._folder / free, self._keys)

    def whole(self) -> dict[BackupFolder, Manifest]:
        """All whole backups of this installation. What else lies here is not ours to judge."""
        found: dict[BackupFolder, Manifest] = {}
        for one in self._folders():
            with suppress(NoBackup):
                found[one] = one.manifest()
        return found

    def destroy(self, backup: BackupFolder) -> None:
        """Remove it. From the first moment it is no backup any more; what dies in the middle is removed by `tidy`."""
        going = backup.folder.with_name(_GOING + backup.folder.name)
        backup.folder.rename(going)
        settle(self._folder)
        shutil.rmtree(going)
        settle(self._folder)

    def tidy(self) -> None:
        """Remove what is left of backups that were being destroyed."""
        for path in self._folder.glob(f"{_GOING}*"):
            shutil.rmtree(path)

    def _folders(self) -> list[BackupFolder]:
        return [BackupFolder(path, self._keys) for path in sorted(self._folder.glob("[!.]*")) if path.is_dir()]
