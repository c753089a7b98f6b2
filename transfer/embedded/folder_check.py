"""Whether an installation can live in its folder, asked before anything is started in it."""

import os
import shutil
import socket
import tempfile
from pathlib import Path

from transfer.embedded import private
from transfer.errors import Refused
from transfer.remedies import Remedy, RemedyCode

#: Bytes free to this account below which nothing is started. A fresh installation takes 90 MB with one case in it;
#: PostgreSQL ends at once where its log finds no room.
MIN_FREE = 512 * 10**6


class UnusableFolder(Refused):
    """The folder of an installation, or its disk, will not do. The message says which and why."""

    remedy = Remedy(RemedyCode.CHOOSE_FOLDER)

    @classmethod
    def of(cls, var: Path, error: OSError) -> "UnusableFolder":
        if isinstance(error, (NotADirectoryError, FileExistsError)):
            return cls(f"{var} cannot be a folder: there is a file in its way")
        return cls(f"nothing can be kept in the folder {var}: {(error.strerror or type(error).__name__).lower()}")


def make_usable(var: Path) -> None:
    """Make sure of the folder `var`, 0700, and that an installation can live in it; of what is tried nothing is left.

    Raises:
        UnusableFolder: a file is in its place, it is another account's, its path cannot be written into settings,
            nothing can be written, its file system keeps no modes or takes no sockets, or fewer than MIN_FREE bytes
            are free.
    """
    if not _can_be_a_setting(str(var)):
        raise UnusableFolder("the folder's path cannot be written into settings: it is one line of UTF-8 without $")
    try:
        if var.is_dir() and (owner := var.stat().st_uid) != os.geteuid():
            raise UnusableFolder(f"the folder {var} belongs to another account (uid {owner})")
        private.folder(var)
        free = shutil.disk_usage(var).free
        if free < MIN_FREE:
            raise UnusableFolder(
                f"the disk of the folder {var} has {free // 10**6} MB free, and {MIN_FREE // 10**6} MB are needed"
            )
        with tempfile.TemporaryDirectory(dir=var, prefix=".check-") as made:
            _try(var, Path(made))
    except OSError as error:
        raise UnusableFolder.of(var, error) from None


def _can_be_a_setting(path: str) -> bool:
    """Bytes that are no UTF-8 are lone surrogates here, which cannot be encoded (PEP 383). Airflow replaces $NAME in
    its settings, and would write its logs elsewhere.
    """
    return path.splitlines() == [path] and path == path.encode(errors="ignore").decode() and "$" not in path


def _try(var: Path, folder: Path) -> None:
    """Secrets lie in files that we alone can open, and PostgreSQL listens on a socket."""
    file = folder / "file"
    private.write(file, "x" * 4096)
    for path, mode in ((folder, 0o700), (file, 0o600)):
        if path.stat().st_mode & 0o777 != mode:
            raise UnusableFolder(f"the file system of the folder {var} does not keep who may open a file")
    with socket.socket(socket.AF_UNIX) as listening:
        opened = os.open(folder, os.O_PATH)
        try:
            listening.bind(f"/proc/self/fd/{opened}/socket")  # a path too long for a socket is no reason to refuse
        except OSError:
            raise UnusableFolder(f"the file system of the folder {var} takes no sockets") from None
        finally:
            os.close(opened)
