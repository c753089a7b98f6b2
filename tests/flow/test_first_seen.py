"""Since when a fault is seen is remembered, and forgotten once it is over and was looked for."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from transfer.flow.first_seen import since_first_seen
from transfer.operation import DOOR_FAULTS, MEASURED_FAULTS, Fault, FaultCode

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
PAUSED = Fault(code=FaultCode.DAG_PAUSED, about="open_case")
CLOSED = Fault(code=FaultCode.DOOR_PORT, about="riverside, office")


def seen(var: Path, *faults: Fault, at: datetime = NOW) -> list[datetime | None]:
    return [one.since for one in since_first_seen(var, faults, MEASURED_FAULTS, at)]


def test_it_is_the_time_when_it_was_first_seen(tmp_path: Path):
    assert seen(tmp_path, PAUSED) == [NOW]
    assert seen(tmp_path, PAUSED, at=LATER) == [NOW]


def test_what_is_over_and_comes_back_is_seen_anew(tmp_path: Path):
    seen(tmp_path, PAUSED)
    seen(tmp_path)

    assert seen(tmp_path, PAUSED, at=LATER) == [LATER]


def test_what_was_not_looked_for_is_not_forgotten(tmp_path: Path):
    since_first_seen(tmp_path, [CLOSED], DOOR_FAULTS, NOW)
    seen(tmp_path)
    since_first_seen(tmp_path, [], DOOR_FAULTS, NOW, of={"mercy, film-room"})

    (found,) = since_first_seen(tmp_path, [CLOSED], DOOR_FAULTS, LATER, of={"riverside, office"})
    assert found.since == NOW
    since_first_seen(tmp_path, [], DOOR_FAULTS, NOW, of={"riverside, office"})
    (found,) = since_first_seen(tmp_path, [CLOSED], DOOR_FAULTS, LATER)
    assert found.since == LATER


def test_what_tells_itself_since_when_is_believed(tmp_path: Path):
    waits = Fault(code=FaultCode.ARRIVALS_WAIT, since=NOW - timedelta(days=1))

    assert seen(tmp_path, waits) == [NOW - timedelta(days=1)]


def test_a_file_that_is_damaged_or_cannot_be_written_stops_nothing(tmp_path: Path):
    (tmp_path / "faults.json").write_text(json.dumps({"dag-paused|open_case": "yesterday"}))
    assert seen(tmp_path, PAUSED) == [None]
    (tmp_path / "faults.json").write_text("[")
    assert seen(tmp_path, PAUSED) == [NOW]
    assert seen(tmp_path / "nowhere", PAUSED) == [NOW]
