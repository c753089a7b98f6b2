"""What `make peers` installed here. Without a peer its tests are skipped by name, or fail where peers are demanded."""

import os
import shutil
from pathlib import Path

import pytest

#: a server's folder, which is not on the path of everybody
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
ROOT = Path(__file__).parents[3]
HERE = ROOT / "var" / "peers"


def program(name: str) -> Path:
    """A program of a Debian package or of a runtime, by its name."""
    return _there(name, Path(shutil.which(name, path=_PATH) or f"/usr/bin/{name}"))


def installed(peer: str, path: str) -> Path:
    """A file or folder that `make peers` put below `var/peers`."""
    return _there(peer, HERE / path)


def absent(peer: str, why: str) -> None:
    """This test cannot run; with TRANSFER_DEMAND_PEERS=1 that is a failure, so that nothing is skipped unseen."""
    said = f"{peer}: {why}"
    if os.environ.get("TRANSFER_DEMAND_PEERS") == "1":
        pytest.fail(said, pytrace=False)
    pytest.skip(said)


def _there(peer: str, path: Path) -> Path:
    if not path.exists():
        absent(peer, "not installed here (make peers)")
    return path


def python() -> Path:
    """The interpreter that has the Python peers, which share nothing with ours."""
    return installed("python peers", "python/bin/python")
