"""Everything is destroyed and comes back: with the same hashes, whole chains, and cases that go on to their end.

What was purged or revoked after the backup stays so. Backup and restore are killed on the way, and run again.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kit.acts import Journey, a_case, a_packet, is_announced, named
from tests.kit.house import House, a_house
from tests.kit.processing import process_all
from transfer import facts
from transfer.case import Stage
from transfer.embedded.system import System
from transfer.holds import HoldAnswer
from transfer.ledger import patients, permissions, trail
from transfer.permissions import End
from transfer.sealing import KeyName
from transfer.staging import Location

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(900)]

PASSPHRASE = "nine drowsy herons wait"
TRANSFER = Path(sys.executable).parent / "transfer"


def started(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """`transfer` at work on the installation in the folder, the passphrase typed."""
    process = subprocess.Popen(
        [TRANSFER, *map(str, arguments), "--var", str(folder / "var"), "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TRANSFER_KEYS_COPY": str(folder / "keys-copy")},
    )
    assert process.stdin
    process.stdin.write(f"{PASSPHRASE}\n")
    process.stdin.flush()
    return process


def command(folder: Path, *arguments: object, expected: int = 0) -> Any:
    """Run `transfer`; what it printed as JSON, or what it complained of."""
    process = started(folder, *arguments)
    out, err = process.communicate(timeout=120)
    assert process.returncode == expected, err
    return err if expected else json.loads(out)


def killed(folder: Path, *arguments: object, once: Callable[[], bool]) -> None:
    """Run `transfer`, and kill it once something holds."""
    process = started(folder, *arguments)
    try:
        while not once():
            assert process.poll() is None, "it came to its end before"
            time.sleep(0.005)
    finally:
        process.kill()
        process.communicate()


def objects_below(folder: Path, pattern: str) -> int:
    return sum(1 for _ in folder.rglob(pattern))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="rt-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """Cases as they stood when the backup was taken, and what became of them until everything was lost."""

    waiting: Journey  # a person has to approve
    begun: Journey  # asked, and nothing came yet
    owed: Journey  # approved: handed over after the backup
    delivered: Journey
    purged: Journey  # after the backup
    revoked: Journey  # after the backup, the purge not yet confirmed
    records: dict[str, tuple[int, str]]
    heads: dict[str, tuple[int, bytes]]
    made: dict[str, Any]


def records_of(house: House) -> dict[str, tuple[int, str]]:
    with house.services.ledger.transaction() as tx:
        rows = tx.rows("SELECT record, part, length, sha256 FROM record_parts")
    return {f"{row.record}.{row.part}": (row.length, row.sha256) for row in rows}


def heads_of(house: House) -> dict[str, tuple[int, bytes]]:
    with house.services.ledger.transaction() as tx:
        return {row.chain: (row.sequence, row.hash) for row in tx.rows("SELECT chain, sequence, hash FROM chain_heads")}


def to_its_receipt(house: House, journey: Journey) -> None:
    house.process_until(lambda: journey.facts(facts.ReceiptRecorded))


@pytest.fixture(scope="module")
def before(folder: Path) -> Before:
    """Six cases; a backup; then a purge, a revocation and a hand-over; then database and vault are destroyed."""
    with a_house(folder / "var", TRANSFER_KEYS_COPY=str(folder / "keys-copy")) as house:
        delivered = a_packet(house)
        to_its_receipt(house, delivered)
        waiting, purged, revoked = a_case(house), a_case(house), a_case(house)
        owed = a_packet(house)
        chart = house.a_patient()
        house.release_form(chart)
        begun = Journey(house, chart, house.referral(chart))
        records, heads = records_of(house), heads_of(house)
        killed(folder, "backup", folder / "backup", once=lambda: objects_below(folder / "backup" / "objects", "*") > 9)
        assert "not finished" in command(folder, "restore", folder / "backup", "--check", expected=1)
        made = command(folder, "backup", folder / "backup")
        to_its_receipt(house, owed)
        house.revocation(revoked.chart)
        house.revocation(purged.chart)
        process_all(house.services)
        purged.say("confirm-purge", HoldAnswer.PURGE)
        house.process_until(lambda: purged.facts(facts.RecordsPurged, of_patient=True))
        process_all(house.services)
        assert not house.services.ledger.keys.has(KeyName.patient(purged.patient))
    for lost in ("postgres", "store", "keys"):
        shutil.rmtree(folder / "var" / lost)
    return Before(
        waiting=waiting,
        begun=begun,
        owed=owed,
        delivered=delivered,
        purged=purged,
        revoked=revoked,
        records=records,
        heads=heads,
        made=made,
    )


def test_everything_comes_back_and_goes_on(folder: Path, before: Before):
    killed(
        folder,
        *("restore", folder / "backup", "--keys"),
        once=lambda: objects_below(folder / "var" / "store", "*.data") > 9,
    )
    System(folder / "var").down()

    said = command(folder, "restore", folder / "backup")

    assert len(said["settled"]["forgotten"]) == 1
    assert len(said["settled"]["stopped"]) == 1
    with a_house(folder / "var") as house:
        assert_same(house, before)
        assert_nothing_undone(house, before)
        assert_goes_on(house, before)


def assert_same(house: House, before: Before) -> None:
    """Hashes, bytes and chains are what they were; the chains only grew."""
    with house.services.ledger.transaction() as tx:
        gone = {row.record for row in tx.rows("SELECT record FROM records WHERE purged_at IS NOT NULL")}
        for chain, (sequence, head) in before.heads.items():
            row = tx.row("SELECT hash FROM facts WHERE chain = %s AND sequence = %s", chain, sequence)
            assert row and row.hash == head
        assert [one for chain in trail.chains(tx) if (one := trail.walk(tx, chain)).broken] == []
        kept = tx.rows("SELECT * FROM record_parts")
    expected = {name: one for name, one in before.records.items() if name.split(".")[0] not in gone}
    assert records_of(house) == expected
    for row in kept:
        assert sum(map(len, house.services.vault.read(Location(row.vault_key, row.start, row.length, row.sha256))))


def assert_nothing_undone(house: House, before: Before) -> None:
    """Who was purged after the backup cannot be read; what was revoked is not in force."""
    purged = at(house, before.purged)
    assert not house.services.ledger.keys.has(KeyName.patient(purged.patient))
    with house.services.ledger.transaction() as tx:
        assert patients.identity(tx, purged.patient) is None
        assert not tx.value("SELECT count(*) FROM record_parts JOIN records USING (record) WHERE patient = %s",
                            purged.patient)  # fmt: skip
        (revoked,) = permissions.filed(tx, at(house, before.revoked).patient)
    assert purged.folded.stage is Stage.CLOSED
    (fact,) = purged.facts(facts.RecordsPurged, of_patient=True)
    assert fact.key_destroyed
    assert revoked.permission.ended is End.REVOKED


def assert_goes_on(house: House, before: Before) -> None:
    waiting, begun, owed, delivered = (
        at(house, one) for one in (before.waiting, before.begun, before.owed, before.delivered)
    )
    process_all(house.services)
    assert house.holds(at(house, before.revoked).case) >= {"confirm-purge"}
    assert "approve-partial" in house.holds(waiting.case)
    waiting.say("approve-partial", HoldAnswer.APPROVE)
    to_its_receipt(house, waiting)
    house.pathology_report(begun.chart)
    house.process_until(lambda: "approve-partial" in house.holds(begun.case))
    begun.say("approve-partial", HoldAnswer.APPROVE)
    to_its_receipt(house, begun)
    house.process_until(lambda: is_announced(owed))
    process_all(house.services)
    for journey in (waiting, begun, owed, delivered):
        held = [one for one in house.order("center", "packets", method="GET") if one["packet"] == journey.packet]
        assert len(held) == 1
        assert len(journey.facts(facts.DisclosureBegun)) == 1
        assert len(named(journey)) > 0


def at(house: House, journey: Journey) -> Journey:
    return Journey(house, journey.chart, journey.case)
