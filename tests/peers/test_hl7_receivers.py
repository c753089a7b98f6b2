"""Receivers that are not ours: their acknowledgements, odd ones too, are read for what they say."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.peers import hl7v2
from tests.peers.test_hl7_senders import REPORT, a_message, a_scan
from transfer.adapters.hl7v2 import acknowledgement

pytestmark = pytest.mark.servers

Peer = Callable[[Path], AbstractContextManager[int]]


@pytest.fixture(scope="module", params=[hl7v2.python_server, hl7v2.node_server], ids=["python-hl7", "node-hl7-server"])
def receiver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    peer: Peer = request.param
    with peer(tmp_path_factory.mktemp("receiver")) as port:
        yield port


@pytest.mark.parametrize(
    ("message", "number"),
    [(a_message(4711), "4711"), (REPORT, "71001"), (a_scan(8), "8")],
    ids=["short", "pdf", "5-mb"],
)
def test_an_acknowledgement_of_theirs_is_understood(receiver: int, message: bytes, number: str) -> None:
    said = acknowledgement(hl7v2.ask(receiver, message))

    assert said
    assert (said.code, said.control_id) == ("AA", number)
