"""A document that was just written is opened as it came; one that is large is read back from the store."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import MemoryDocuments, MemoryVault, OpensAll
from tests.kit.processing import process_all
from transfer.flow import fetched_files
from transfer.ledger import Ledger
from transfer.opened import OpenedDocument
from transfer.staging import Location

pytestmark = pytest.mark.servers

SMALL, LARGE = b"A note.", b"A longer note, of many more words than the other one."


class Opens(OpensAll):
    def __init__(self) -> None:
        self.opened: list[bytes] = []

    def document(
        self, content_type: str, length: int, chunks: Iterable[bytes], source: Any, patient: Any = None
    ) -> OpenedDocument:
        data = b"".join(chunks)
        assert len(data) == length
        self.opened.append(data)
        return super().document(content_type, length, [data], source, patient)


class Reading(MemoryVault):
    def __init__(self) -> None:
        super().__init__()
        self.read_back: list[int] = []

    def read(self, location: Location) -> Iterator[bytes]:
        self.read_back.append(location.length)
        return super().read(location)


def test_what_was_just_written_is_opened_as_it_came(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetched_files, "_IN_HAND", len(SMALL))
    office, opener, vault = MemoryDocuments([SMALL, LARGE]), Opens(), Reading()
    services = b.new_services(ledger, ask_documents=lambda _: office, opener=opener, vault=vault)
    b.a_case(services)
    process_all(services)

    assert sorted(set(opener.opened)) == sorted([SMALL, LARGE])
    assert set(vault.read_back) == {len(LARGE)}


@pytest.mark.parametrize("in_hand", [fetched_files._ALL_IN_HAND, 0])
def test_what_was_pushed_is_opened_as_it_came_as_long_as_all_in_hand_is_little(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, in_hand: int
):
    monkeypatch.setattr(fetched_files, "_ALL_IN_HAND", in_hand)
    opener, vault = Opens(), Reading()
    services = b.new_services(ledger, opener=opener, vault=vault)
    chart = b.a_chart()
    b.a_case(services, chart)
    b.report_comes(services, chart)

    assert opener.opened
    assert len(vault.read_back) == (0 if in_hand else len(opener.opened))
    assert {len(data) for data in opener.opened} <= {len(data) for data in vault.objects.values()}
