"""Where the tests of a run write."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.kit import scratch


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place that stands for the machine's memory, and has room."""
    monkeypatch.setattr(scratch, "_MEMORY", tmp_path)
    monkeypatch.setattr(scratch, "_ENOUGH_BYTES", 1)
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)
    monkeypatch.setenv("TMPDIR", "as it was")  # so that it is put back
    monkeypatch.delenv("TMPDIR")
    return tmp_path


def test_temporary_files_of_a_run_and_of_what_it_starts_are_in_one_folder(memory: Path):
    folder = scratch.in_memory()

    assert folder
    assert (os.environ["TMPDIR"], folder.parent) == (str(folder), memory)
    with tempfile.NamedTemporaryFile() as written:
        assert Path(written.name).is_relative_to(folder)


def test_who_set_a_folder_has_chosen(memory: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", "/somewhere")

    assert scratch.in_memory() is None
    assert os.environ["TMPDIR"] == "/somewhere"


@pytest.mark.parametrize("what", ["_ENOUGH_BYTES", "_MEMORY"])
def test_without_room_or_such_a_place_the_disk_is_written_to(memory: Path, monkeypatch: pytest.MonkeyPatch, what: str):
    monkeypatch.setattr(scratch, what, {"_ENOUGH_BYTES": 1 << 60, "_MEMORY": memory / "missing"}[what])

    assert scratch.in_memory() is None
    assert "TMPDIR" not in os.environ
    assert not list(memory.iterdir())


@pytest.mark.parametrize("enough", [1, 1 << 60])
def test_what_an_earlier_run_left_goes_and_what_another_one_writes_stays(
    memory: Path, monkeypatch: pytest.MonkeyPatch, enough: int
):
    monkeypatch.setattr(scratch, "_ENOUGH_BYTES", enough)
    over, under_way = memory / "rt-in-memory-999999999", memory / f"rt-in-memory-{os.getppid()}"
    for each in (over, under_way):
        each.mkdir()
        (each / "file").touch()

    scratch.in_memory()

    assert not over.exists()
    assert (under_way / "file").exists()


def test_another_run_in_the_same_process_has_a_folder_again(memory: Path):
    first = scratch.in_memory()
    assert first
    scratch.over(first)
    assert not first.exists()

    second = scratch.in_memory()

    assert second
    assert second.is_dir()


@pytest.mark.parametrize(("most", "used", "has_room"), [("max", "1", True), (str(4 << 30), str(1 << 30), False)])
def test_what_a_container_is_given_counts(
    memory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory, most, used, has_room
):
    bounds = tmp_path_factory.mktemp("cgroup")
    (bounds / "memory.max").write_text(f"{most}\n")
    (bounds / "memory.current").write_text(f"{used}\n")
    monkeypatch.setattr(scratch, "_CONTAINER", bounds)
    monkeypatch.setattr(scratch, "_ENOUGH_BYTES", 1 << 30 if has_room else 6 << 30)

    assert (scratch.in_memory() is not None) is has_room
