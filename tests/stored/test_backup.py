"""A backup of 223db1f is restored by the code of today, and its cases go on."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.kit.acts import Journey
from tests.kit.house import House, a_house
from tests.kit.processing import process_all
from tests.stored import then
from transfer import facts, wiring
from transfer.adapters.backup_folder import BackupFolder
from transfer.adapters.keys_copy import KeysCopy
from transfer.case import fold
from transfer.embedded.system import System
from transfer.facts import Chain
from transfer.flow import restoring
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId, NoteId, PacketId, PatientId
from transfer.ledger import Tx, materials, notes, packets, patients, permissions, records, trail
from transfer.sealing import KeyName
from transfer.settings import Settings
from transfer.verify import VerificationOutcome, verify

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """The installation of then, restored into one of today. Its clock goes on from when the backup was taken: by today
    its release forms have expired.
    """
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    then.unpack("backup.tar.xz", folder)
    var = folder / "var"
    KeysCopy(folder / "keys-copy").put_back(var / "keys", then.PASSPHRASE)
    system = System(var, sandbox=False, airflow=False, gateway=False, desk=False, dies_with_us=True)
    system.up()
    try:
        restore(folder / "backup", Settings.load({}, var))
    finally:
        system.down()
    with a_house(var) as house:
        yield house
    shutil.rmtree(folder, ignore_errors=True)


def restore(backup: Path, settings: Settings) -> None:
    keys, owner = wiring.keys(settings), settings.owner_database_url
    folder = BackupFolder(backup, keys)
    manifest = restoring.check(folder, keys, lambda _done, _total: None)
    with psycopg.connect(owner) as connection:
        connection.execute("UPDATE transfer.clock SET ahead = %s - clock_timestamp()", [manifest.taken_at])
    restoring.restore(
        folder,
        keys,
        wiring.vault(settings),
        owner,
        wiring.origin("test"),
        replace=False,
        told=lambda _done, _total: None,
    )


@pytest.fixture
def tx(house: House) -> Iterator[Tx]:
    with house.services.ledger.transaction() as tx:
        yield tx


def column(tx: Tx, query: str) -> list[str]:
    return [row[0] for row in tx.rows(query)]


# In this order: the last one writes.


def test_every_line_of_then_stands_in_it(tx: Tx):
    rows = tx.rows("SELECT text, previous, hash FROM facts")
    missing = set(then.lines()) - {(row.text, row.previous, row.hash) for row in rows}

    # What the backup says of itself was written after its picture of the ledger was taken.
    assert {facts.read(*line).fact.kind for line in missing} == {facts.BackedUp.kind}
    assert len(missing) == 1


def test_the_trail_verifies(house: House):
    command = [Path(sys.executable).parent / "transfer", "trail", "verify", "--var", house.var, "--json"]
    said = subprocess.run(command, capture_output=True, check=True)

    assert json.loads(said.stdout)["broken"] == []


def test_every_case_comes_to_what_it_came_to_then(tx: Tx):
    for case, expected in then.expected("cases.json").items():
        lines = [line for line in tx.lines(Chain.case(CaseId(case))) if not is_of_today(line.fact)]
        assert then.told(fold(CaseId(case), lines)) == expected


def is_of_today(fact: facts.Fact) -> bool:
    """The one thing that today's version wrote before these tests: it read the forms again."""
    return isinstance(fact, facts.HoldOpened) and fact.code == HoldCode.FORM_READ_ANEW


def test_a_form_that_today_does_not_carry_is_paused_and_asked_about(tx: Tx):
    """Then, "all records about my colon cancer" were all records."""
    paused = column(tx, "SELECT permission FROM permissions WHERE ended = 'paused' AND reader = 4")

    assert len(paused) >= 1
    assert set(paused) == set(column(tx, "SELECT about FROM holds WHERE code = 'form-read-anew'"))
    assert (
        column(tx, "SELECT permission FROM permissions WHERE ended IS NULL AND form IS NOT NULL AND reader < 4") == []
    )


def test_everything_that_was_sealed_is_read(tx: Tx):
    expected = then.expected("patients.json")

    assert {patient: sealed(tx, patient) for patient in column(tx, "SELECT patient FROM patients")} == expected
    for record in column(tx, "SELECT record FROM records WHERE about IS NOT NULL"):
        kept = records.get(tx, record)
        assert kept
        assert kept.about.title
        assert all(part.series and part.series.instances for part in records.parts(tx, kept) if part.role == "series")
    for row in tx.rows("SELECT packet, patient FROM packets JOIN cases USING (case_id) WHERE plan IS NOT NULL"):
        assert packets.plan_of(tx, PacketId(row.packet), PatientId(row.patient)).entries
    assert all(notes.read(tx, NoteId(note)) for note in column(tx, "SELECT note FROM notes WHERE text IS NOT NULL"))


def sealed(tx: Tx, patient: str) -> dict[str, Any]:
    """A patient's sealed rows, said as `patients.json` says them."""
    known = patients.identity(tx, patient)
    asked = column(tx, "SELECT about FROM holds WHERE code = 'form-read-anew'")
    return {
        "names": known and sorted({str(name) for said in (known.current, *known.former) for name in said.names}),
        "permissions": {
            one.permission.id: [
                None if one.id in asked else one.permission.ended and one.permission.ended.value,
                one.permission.form.status.value,
                sorted(one.permission.form.information or ()),
                str(one.permission.form.expires_on),
            ]
            for one in permissions.filed(tx, patient)
        },
    }


def test_labels_of_slides_are_read(tx: Tx):
    rows = tx.rows("SELECT case_id, patient FROM materials JOIN cases USING (case_id) WHERE about IS NOT NULL")
    kept = [one for row in rows for one in materials.of_case(tx, CaseId(row.case_id), PatientId(row.patient))]

    assert len(kept) == 2
    assert all(one.label and one.label.accession for one in kept)


def test_the_fact_of_a_form_agrees_with_the_bytes_that_were_sealed(tx: Tx):
    filed = {
        fact.permission: fact.form
        for chain in trail.chains(tx)
        for fact in (line.fact for line in tx.lines(Chain(chain)))
        if isinstance(fact, facts.PermissionFiled)
    }
    rows = tx.rows("SELECT permission, patient, form FROM permissions WHERE form IS NOT NULL")

    assert len(rows) >= 12
    for row in rows:
        key = KeyName.patient(PatientId(row.patient))
        text = tx.keys.unseal(key, row.form, about=row.permission)
        assert tx.keys.hmac(key, text).hex() == filed[row.permission]


def test_the_case_that_was_under_way_goes_on_to_its_packet(house: House):
    said = json.loads((then.THEN / "under-way.json").read_text())
    journey = Journey(house, said["chart"], CaseId(said["case"]))
    process_all(house.services)
    journey.say("form-read-anew", HoldAnswer.RESUME)
    process_all(house.services)
    assert not journey.folded.packets

    house.order("pathology", "patients", journey.chart)
    house.pathology_report(journey.chart)
    house.process_until(lambda: "approve-partial" in house.holds(journey.case))
    journey.say("approve-partial", HoldAnswer.APPROVE)
    house.process_until(lambda: journey.facts(facts.ReceiptRecorded))

    (receipt,) = journey.facts(facts.ReceiptRecorded)
    assert receipt.status == "accepted"
    packet = verify(Path(journey.at_center()["folder"]), json.loads((then.THEN / "jwks.json").read_text()))
    assert packet.outcome is VerificationOutcome.VERIFIED
    with house.services.ledger.transaction() as tx:
        assert [one.broken for chain in trail.chains(tx) if (one := trail.walk(tx, chain)).broken] == []
