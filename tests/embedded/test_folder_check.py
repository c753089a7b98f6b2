"""A folder or a disk that will not do is told in a sentence, before anything is started."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from tests.kit.loggers import handed_back
from transfer.cli import main
from transfer.embedded import folder_check
from transfer.embedded.folder_check import MIN_FREE, UnusableFolder, make_usable
from transfer.embedded.process import CHECKOUT
from transfer.embedded.system import System

_TRANSFER = "from transfer.cli import main; main()"
#: in namespaces of its own a command may mount a disk, whoever runs it: user_namespaces(7)
_APART = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture(autouse=True)
def _loggers_are_handed_back() -> Iterator[None]:
    with handed_back():
        yield


def _on_a_disk(options: str, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command where `folder` is a disk (a tmpfs) mounted with these options."""
    if subprocess.run([*_APART, "mount -t tmpfs none /mnt"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk of its own")
    script = f'mount -t tmpfs -o {options} none "$0" && exec "$@"'
    told = [*_APART, script, str(folder), sys.executable, "-c", _TRANSFER, *command]
    return subprocess.run(told, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", ["up", "demo"])
@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("size=20m", "has 20 MB free, and 512 MB are needed"),
        ("ro", "nothing can be kept in the folder"),
        ("size=1g,uid=0,mode=0777,nr_inodes=2", "no space left on device"),
    ],
)
def test_a_disk_that_will_not_do_is_told_in_a_sentence_and_nothing_is_started(
    command: str, options: str, why: str, tmp_path: Path
):
    done = _on_a_disk(options, tmp_path, command, "--var", str(tmp_path / "var"))

    assert done.returncode == 4
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith("transfer: ")
    assert why in sentence
    assert sentence.endswith("name a folder of your own on a local disk: --var.")


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_file_in_the_folders_way_is_told_in_a_sentence(command: str, tmp_path: Path):
    (tmp_path / "file").write_text("not ours")

    result = CliRunner().invoke(main, [command, "--var", str(tmp_path / "file" / "var")])

    assert result.exit_code == 4
    assert "there is a file in its way" in result.stderr
    assert (tmp_path / "file").read_text() == "not ours"


def test_the_demo_takes_a_file_for_no_folder(tmp_path: Path):
    (tmp_path / "var").write_text("not ours")

    with pytest.raises(UnusableFolder, match="there is a file in its way"):
        System(tmp_path / "var").up()
    assert (tmp_path / "var").read_text() == "not ours"


def test_a_folder_that_will_do_is_private_and_has_nothing_of_the_check_in_it(tmp_path: Path):
    make_usable(tmp_path / "new" / "var")
    (tmp_path / "new" / "var").chmod(0o755)

    make_usable(tmp_path / "new" / "var")

    assert (tmp_path / "new" / "var").stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "new" / "var").iterdir()) == []


def test_a_path_too_long_for_a_socket_will_do(tmp_path: Path):
    folder = tmp_path / ("x" * 120) / ("y" * 120)

    make_usable(folder)

    assert (folder.stat().st_mode & 0o777, list(folder.iterdir())) == (0o700, [])


@pytest.mark.parametrize("name", ["two\nlines", "two\u2028lines", os.fsdecode(b"caf\xe9"), "$HOME"])
def test_a_path_that_no_settings_file_can_hold_is_refused_before_it_is_made(name: str, tmp_path: Path):
    with pytest.raises(UnusableFolder, match="one line of UTF-8"):
        make_usable(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["two words", "José's 100%", "日本\u3000語"])
def test_any_other_path_will_do(name: str, tmp_path: Path):
    make_usable(tmp_path / name)

    assert ((tmp_path / name).stat().st_mode & 0o777, list((tmp_path / name).iterdir())) == (0o700, [])


def test_another_accounts_folder_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tmp_path.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)

    with pytest.raises(UnusableFolder, match="belongs to another account"):
        make_usable(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_file_system_that_keeps_no_modes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As FAT is, and network mounts may be: each file is open to all, whatever was asked for."""
    write = folder_check.private.write

    def open_to_all(path: Path, text: str) -> None:
        write(path, text)
        path.chmod(0o644)

    monkeypatch.setattr(folder_check.private, "write", open_to_all)

    with pytest.raises(UnusableFolder, match="does not keep who may open a file"):
        make_usable(tmp_path)


def test_a_file_system_that_takes_no_sockets_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class NoSocket(socket.socket):
        def bind(self, address: object) -> None:
            raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", NoSocket)

    with pytest.raises(UnusableFolder, match="takes no sockets"):
        make_usable(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("free", "will_do"), [(MIN_FREE, True), (MIN_FREE - 1, False)])
def test_the_free_bytes_that_are_needed(free: int, will_do: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(2 * MIN_FREE, 2 * MIN_FREE - free, free))
    if will_do:
        make_usable(tmp_path)
        return
    with pytest.raises(UnusableFolder, match="511 MB free, and 512 MB are needed"):
        make_usable(tmp_path)


def test_where_it_cannot_be_looked_into_status_says_so(tmp_path: Path):
    (tmp_path / "file").write_text("")

    result = CliRunner().invoke(main, ["status", "--var", str(tmp_path / "file" / "var")])

    assert result.exit_code == 4
    assert "Traceback" not in result.output
