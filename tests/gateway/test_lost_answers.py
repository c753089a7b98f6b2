"""The ledger committed, and nobody heard: what was said to be lost is there, and its bytes with it."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kit.builders import new_services
from tests.kit.doors import answered
from tests.kit.fakes import MemoryVault
from tests.kit.open_streams import Giving
from transfer.adapters import hl7v2
from transfer.arrivals import Grant
from transfer.errors import Unavailable
from transfer.facts import Chain, EgressPermitted, Origin
from transfer.flow.stopping import await_stop_complete
from transfer.gateway.intake import Intake
from transfer.gateway.mllp import Frame, StoreOutcome
from transfer.gateway.mllp.message_store import LedgerMessageStore
from transfer.gateway.payload import Spool
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.ledger import Ledger, Tx
from transfer.ledger.arrival_line import ArrivalLine
from transfer.ledger.arrivals import IN_ROW, NewArrival, Stored
from transfer.staging import Location

pytestmark = pytest.mark.servers

LABORATORY = InstitutionId("prairie-pathology")
LONG = b"MSH|^~\\&|LIS|LAB|||20261120||ORU^R01^ORU_R01|1|P|2.5.1\rPID|1||1\rOBX|1|TX|1||" + b"words " * (
    IN_ROW // 6 + 9
)


class LedgerWhoseAnswerIsLost(Ledger):
    """The database ends between its commit and its word: once, for who asks first."""

    is_deaf = True

    @contextmanager
    def transaction(self, origin: Origin | None = None) -> Iterator[Tx]:
        with super().transaction(origin) as tx:
            yield tx

        if self.is_deaf:
            self.is_deaf = False
            raise Unavailable("the ledger did not answer")


def the_first_answer_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for what doors bring."""
    store, lost = ArrivalLine.store, iter([True])

    async def deaf(self: ArrivalLine, incoming: Sequence[NewArrival]) -> list[Stored]:
        stored = await store(self, incoming)
        if next(lost, False):
            raise Unavailable("the ledger did not answer")
        return stored

    monkeypatch.setattr(ArrivalLine, "store", deaf)


def a_frame(folder: Path) -> Frame:
    sink = Spool(folder)
    sink.write(LONG)
    return Frame(
        institution=LABORATORY,
        header=hl7v2.header(LONG),
        payload=None,
        sink=sink,
        length=len(LONG),
        sha256=hashlib.sha256(LONG).hexdigest(),
    )


def test_a_long_message_whose_acknowledgement_was_lost_is_kept_whole_when_it_is_sent_again(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    the_first_answer_is_lost(monkeypatch)
    laboratory = Institution(id=LABORATORY, name="A laboratory", time_zone="UTC", grants=frozenset({Grant.RECORDS}))
    vault, intake = MemoryVault(), Intake(ledger)
    message_store = LedgerMessageStore(intake, vault, Institutions([laboratory]), tmp_path)
    with pytest.raises(Unavailable):
        answered(message_store, a_frame(tmp_path))
    again = answered(message_store, a_frame(tmp_path))
    asyncio.run(intake.close())

    assert again.outcome is StoreOutcome.DUPLICATE
    with ledger.transaction() as tx:
        row = tx.row("SELECT vault_key, vault_sha256, size FROM arrivals")
    assert b"".join(vault.read(Location(row.vault_key, 0, row.size, row.vault_sha256))) == LONG
    assert len(vault.objects) == 1


def test_a_stream_whose_opening_was_lost_holds_up_no_stop_and_costs_no_other_stream(
    ledger: Ledger, migrated: Any, eventually: Callable[..., None]
):
    deaf = LedgerWhoseAnswerIsLost(ledger.url, ledger.keys, ledger.origin)
    deaf.is_deaf = False
    giving = Giving(new_services(deaf), migrated.url("owner"))
    packet = giving.a_packet()
    receiver, going = giving.receiver(packet), giving.give(packet)

    def outcomes() -> list[str | None]:
        with ledger.transaction() as tx:
            told = [line.fact for line in tx.lines(Chain.case(packet.case))]
            opened = [one.egress for one in told if isinstance(one, EgressPermitted) and one.channel == "packet.tar"]
            rows = tx.rows("SELECT egress, outcome FROM egress WHERE channel = 'packet.tar'")
        return [row.outcome for row in sorted(rows, key=lambda row: opened.index(row.egress))]

    deaf.is_deaf = True
    with pytest.raises(Unavailable):
        giving.outgoing.open(packet, receiver, None, "packet.tar")
    assert outcomes() == [None, None]
    with giving.watched():
        eventually(lambda: outcomes() == [None, "broken"], 5)
        assert not going.is_cut
        permission = giving.revoke(packet)
        eventually(lambda: going.is_cut, 5)
        giving.outgoing.close(going, "broken")
        assert await_stop_complete(ledger, giving.patient(packet), permission, seconds=5)
    giving.outgoing.shut()
    deaf.close()
    assert outcomes() == ["cut", "broken"]
