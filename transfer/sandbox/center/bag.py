"""Opening a packet with distrust, and comparing it with its own manifest (RFC 8493)."""

import hashlib
import shutil
import tarfile
from pathlib import Path, PurePosixPath

_MOST_FILES = 200_000
_MANIFEST, _TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"


def unpack(archive: Path, folder: Path) -> list[str]:
    """Unpack regular files below `folder`, and say what is wrong with the archive, if anything is."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with tarfile.open(archive, "r:") as tar:
            for number, member in enumerate(tar):
                if number >= _MOST_FILES or not _is_plain(member) or not _is_tame(member.name):
                    return ["the archive holds something other than plain files below it"]
                _write(tar, member, folder / member.name)
    except (tarfile.TarError, OSError):
        return ["the archive cannot be read"]
    return []


def _is_plain(member: tarfile.TarInfo) -> bool:
    """A folder, or a file whose bytes are all in the archive: what is unpacked is never larger than what came."""
    return member.isdir() or (member.isreg() and not member.issparse())


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """Its name and bytes alone; owner, mode and time are not taken over. `TarFile.extract` has a filter that makes it
    safe only from Python 3.11.4 on (https://docs.python.org/3.11/library/tarfile.html#extraction-filters).
    """
    (target if member.isdir() else target.parent).mkdir(parents=True, exist_ok=True)
    if held := tar.extractfile(member):
        with held, target.open("wb") as out:
            shutil.copyfileobj(held, out)


def _is_tame(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name


def check(folder: Path) -> list[str]:
    """What differs from the manifests: names of files that are flipped, missing, or there without being named."""
    bag = _bag(folder)
    if bag is None:
        return [f"no {_MANIFEST}"]
    named = _listed(bag / _MANIFEST)
    failures = [name for name, expected in named.items() if not _is_tame(name) or _sha256(bag / name) != expected]
    held = {path.relative_to(bag).as_posix() for path in (bag / "data").rglob("*") if path.is_file()}
    failures += sorted(held - set(named))
    if (bag / _TAG_MANIFEST).exists():
        tags = _listed(bag / _TAG_MANIFEST)
        failures += [name for name, expected in tags.items() if _sha256(bag / name) != expected]
    return failures


def _bag(folder: Path) -> Path | None:
    """The folder itself, or the only one in it."""
    inner = [path for path in folder.iterdir() if path.is_dir()]
    return next((bag for bag in (folder, *inner[:1]) if (bag / _MANIFEST).is_file()), None)


def _listed(manifest: Path) -> dict[str, str]:
    pairs = (line.split(maxsplit=1) for line in manifest.read_text(encoding="utf-8").splitlines() if line)
    return {_decoded(pair[1]): pair[0] for pair in pairs if len(pair) == 2}


def _decoded(name: str) -> str:
    """RFC 8493 2.1.3: only line ends and the percent sign are encoded."""
    return name.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as held:
        return hashlib.file_digest(held, "sha256").hexdigest()
