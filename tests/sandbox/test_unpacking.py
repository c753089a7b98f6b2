"""The receiving center unpacks what it fetched with distrust, on every Python we name."""

import io
import tarfile
from pathlib import Path

import pytest

from tests.kit.packets import a_packet
from transfer.sandbox.center import bag

FOREIGN = ["the archive holds something other than plain files below it"]


def _tar(folder: Path, *members: tarfile.TarInfo, content: bytes = b"1234") -> Path:
    archive = folder / "packet.tar"
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(content) if member.size else None)
    return archive


def _member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname, member.mode = kind, size, link, 0o6000
    return member


@pytest.fixture
def without_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python 3.11.2 is, Debian 12's own: no argument `filter`."""

    def extract(self, member, path="", set_attrs=True, *, numeric_owner=False):
        raise AssertionError("unpacks without a filter")

    def extractall(self, path=".", members=None, *, numeric_owner=False):
        raise AssertionError("unpacks without a filter")

    monkeypatch.setattr(tarfile.TarFile, "extract", extract)
    monkeypatch.setattr(tarfile.TarFile, "extractall", extractall)


@pytest.mark.usefixtures("without_filters")
def test_the_center_unpacks_a_packet_where_tarfile_has_no_filters(tmp_path: Path):
    (tmp_path / "packet.tar").write_bytes(a_packet().tar)

    assert bag.unpack(tmp_path / "packet.tar", tmp_path / "out") == []
    assert _files(tmp_path / "out") == a_packet().files


@pytest.mark.usefixtures("without_filters")
def test_a_packet_to_test_with_is_unpacked_where_tarfile_has_no_filters(tmp_path: Path):
    assert _files(a_packet().unpack(tmp_path / "out")) == a_packet().files


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["/absolute", "../beside", "a/../../beside", "a\\..\\b"])
def test_a_name_that_leads_out_is_not_followed(name: str, tmp_path: Path):
    archive = _tar(tmp_path, _member(name, size=4))

    assert bag.unpack(archive, tmp_path / "in" / "out") == FOREIGN
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_nothing_but_files_and_folders_is_made(kind: bytes, tmp_path: Path):
    archive = _tar(tmp_path, _member("a/file", size=4), _member("a/other", kind, link="file"))

    assert bag.unpack(archive, tmp_path / "out") == FOREIGN
    assert [path.name for path in (tmp_path / "out" / "a").iterdir()] == ["file"]


def test_a_file_of_holes_is_not_blown_up(tmp_path: Path):
    """A header that says 64 MB and brings no byte: GNU tar's old sparse format, tar(5)."""
    header = bytearray(_member("large", tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT))
    header[386:398] = header[483:495] = b"%011o\0" % 2**26  # where the hole ends, and the file
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    archive = tmp_path / "packet.tar"
    archive.write_bytes(header + bytes(1024))

    assert bag.unpack(archive, tmp_path / "out") == FOREIGN
    assert _files(tmp_path / "out") == {}


def test_an_archive_cut_short_cannot_be_read(tmp_path: Path):
    archive = _tar(tmp_path, _member("a/file", size=4))
    archive.write_bytes(archive.read_bytes()[:514])

    assert bag.unpack(archive, tmp_path / "out") == ["the archive cannot be read"]


def test_folders_are_made_and_modes_are_not_taken_over(tmp_path: Path):
    archive = _tar(tmp_path, _member("a", tarfile.DIRTYPE), _member("a/b/file", size=4))

    assert bag.unpack(archive, tmp_path / "out") == []
    made = tmp_path / "out" / "a" / "b" / "file"
    assert made.read_bytes() == b"1234"
    assert not made.stat().st_mode & 0o6000
