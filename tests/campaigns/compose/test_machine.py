"""What the campaign says where a machine has no engine to offer, and what it reads of a machine."""

import sys
from pathlib import Path

import pytest

from tests.campaigns.compose import costs, machine, marked, stand_ins
from tests.campaigns.compose.engine import EngineFailed, patiently


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(machine, "PYTHON", sys.version_info[:2])
    monkeypatch.setattr(machine, "TOOLS", ("no-such-tool",))
    monkeypatch.setattr(machine, "DOCKER", tmp_path / "docker")
    monkeypatch.setattr(machine, "RELEASE", tmp_path / "os-release")
    (tmp_path / "os-release").write_text("ID=debian\nVERSION_CODENAME=bookworm\n")

    said = machine.refusal(tmp_path)

    assert said == "not installed: no-such-tool, docker, docker-compose, versitygw (make peers)"


def test_another_distribution_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(machine, "RELEASE", tmp_path / "os-release")
    (tmp_path / "os-release").write_text("VERSION_CODENAME=trixie\n")

    assert "bookworm" in (machine.refusal(tmp_path) or "")


@pytest.mark.parametrize(("demand", "code"), [("", 0), ("1", 1)])
def test_what_is_left_out_is_said_and_fails_only_where_it_is_demanded(
    demand: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COMPOSE_DEMAND", demand)

    assert machine.left_out("the kernel refuses bridges") == code
    assert capsys.readouterr().out == "left out: the kernel refuses bridges\n"


def test_every_base_image_has_a_stand_in_under_its_tag() -> None:
    root = Path(__file__).parents[3]
    text = (root / "Dockerfile").read_text() + (root / "docker-compose.yaml").read_text()

    assert [tag for tag in stand_ins.TAGS.values() if tag not in text] == []
    assert {path.name for path in stand_ins.FOLDER.iterdir()} == set(stand_ins.TAGS)


def test_a_word_is_found_where_two_pieces_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marked, "_PIECE", 8)
    (tmp_path / "file").write_bytes(b"......ZEBRA7Q...")

    assert marked._holds(tmp_path / "file", [b"ZEBRA7Q"])
    assert not marked._holds(tmp_path / "file", [b"ZEBRA8Q"])


def test_costs_are_a_table_with_a_sum() -> None:
    made = [
        costs.Cost(service="redis", megabytes=8.4, percent=0.26, check=0.01),
        costs.Cost(service="edge", megabytes=20.0, percent=0.1, check=None),
    ]

    assert costs.table(made)[2:] == [
        "| `redis` | 8 | 0.3 | 0.01 |",
        "| `edge` | 20 | 0.1 | – |",
        "| all of records-transfer | 28 | 0.4 | |",
    ]


def test_what_asks_a_registry_is_tried_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    tries: list[int] = []

    def stumbles() -> None:
        tries.append(1)
        raise EngineFailed("no answer")

    with pytest.raises(EngineFailed):
        patiently(stumbles)
    assert (len(tries), pauses) == (3, [5, 20])
    patiently(lambda: tries.append(1))
    assert len(tries) == 4
