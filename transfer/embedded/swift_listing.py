"""Keeping the embedded store's listings true to its disk, whenever and however often it was killed.

Swift writes an object first and lists it in its container afterwards. A kill between the two leaves an object on the
disk that the interface can neither show nor remove. What could not be listed in time is put aside for Swift's object
updater, a daemon that nobody runs here. So each start puts aside what the store was writing when it died. A sweep of
the updater then lists it all, and again once a minute.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final

import eventlet
from swift.common.exceptions import DiskFileError
from swift.common.storage_policy import POLICIES
from swift.common.utils import Timestamp, get_logger, split_path
from swift.obj.diskfile import DiskFileManager, get_tmp_dir, read_metadata
from swift.obj.updater import ObjectUpdater

#: an object is listed, or put aside, seconds after it is on the disk; what is older than this at a kill was
_IN_HAND: Final = 60.0
_EVERY: Final = 60.0
#: what reading of a file tells that carries no description of an object, or a broken one
_NO_OBJECT: Final = (DiskFileError, UnpicklingError, EOFError, KeyError, ValueError)
#: headers with which another entry is written into the listing than the object's own (a manifest's, S3's ETag)
_OVERRIDE: Final = "x-object-sysmeta-container-update-override-"


class Listing:
    """The listings of all that lies on one device."""

    def __init__(self, devices: Path, device: str, configuration: dict[str, str]) -> None:
        said = configuration | {"devices": str(devices), "mount_check": "false", "objects_per_second": "1000"}
        self._device = device
        self._at = devices / device
        self._files = DiskFileManager(said, get_logger(said, log_route="object-listing"))
        self._updater = ObjectUpdater(said)

    def put_aside(self) -> None:
        """Before anything is served: forget what was half written, and mark for listing what may not be listed."""
        for policy in POLICIES:
            shutil.rmtree(self._at / get_tmp_dir(policy), ignore_errors=True)
        written = list(_written(self._at))
        newest = max((at for _, at in written), default=0.0)
        for path, at in written:
            if at >= newest - _IN_HAND:
                # a file that Swift itself cannot read is no object; it must not keep the store from starting
                with suppress(*_NO_OBJECT):
                    self._mark(path)

    def sweep(self) -> None:
        """List what was put aside. What is listed already stays as it is."""
        self._updater.object_sweep(str(self._at))

    def keep_true(self) -> None:
        """Sweep for as long as the store runs."""
        while True:
            eventlet.sleep(_EVERY)
            self.sweep()

    def _mark(self, path: Path) -> None:
        about = read_metadata(str(path))
        account, container, name = split_path(about["name"], 3, 3, rest_with_last=True)
        is_there = path.suffix == ".data"
        update = {
            "op": "PUT" if is_there else "DELETE",
            "account": account,
            "container": container,
            "obj": name,
            "headers": _entry(about) if is_there else {"x-timestamp": about["X-Timestamp"]},
        }
        self._files.pickle_async_update(
            *(self._device, account, container, name, update, Timestamp(about["X-Timestamp"]), POLICIES[0])
        )


def _written(device: Path) -> Iterator[tuple[Path, float]]:
    """Objects, and the marks of removed ones, each with the time it came into its place."""
    for folder, _, names in os.walk(device / "objects"):
        for name in names:
            if name.endswith((".data", ".ts")):
                path = Path(folder) / name
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    yield path, status.st_ctime


def _entry(about: dict[str, Any]) -> dict[str, str]:
    """What a container is told of an object, as the object server tells it."""
    entry = {
        "x-size": about["Content-Length"],
        "x-content-type": about["Content-Type"],
        "x-timestamp": about["X-Timestamp"],
        "x-etag": about["ETag"],
    }
    return entry | {f"x-{key[len(_OVERRIDE) :]}": v for key, v in _lower(about).items() if key.startswith(_OVERRIDE)}


def _lower(about: dict[str, Any]) -> dict[str, Any]:
    return {key.lower(): value for key, value in about.items()}
