"""Receivers that are not ours take what the stand-in laboratory sends, and answer that very message."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.kit import acknowledgements
from tests.kit.peers import hl7v2
from transfer.sandbox.charts import draw_chart
from transfer.sandbox.pathology import messages

pytestmark = pytest.mark.servers

Peer = Callable[[Path], AbstractContextManager[int]]


@pytest.fixture(scope="module", params=[hl7v2.python_server, hl7v2.node_server], ids=["python-hl7", "node-hl7-server"])
def receiver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    peer: Peer = request.param
    with peer(tmp_path_factory.mktemp("receiver")) as port:
        yield port


@pytest.mark.parametrize(("status", "form"), [("P", "oru"), ("F", "oru"), ("C", "oru"), ("F", "mdm")])
def test_a_report_of_the_stand_in_laboratory_is_taken(receiver: int, status: str, form: str) -> None:
    message = messages.report(draw_chart(), control_id="4711", status=status, form=form)

    assert acknowledgements.read(hl7v2.ask(receiver, message)) == ("AA", "4711")
