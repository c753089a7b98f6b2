"""Spans: off they load nothing; on they reach a receiver of OTLP, named by our identifiers, with no word of others."""

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.otlp import OtlpReceiver, an_otlp_receiver, said
from transfer import spans
from transfer.identifiers import ArrivalId, CaseId, PacketId

CASE = CaseId("c0123456789a")
SECRET = "Testperson-Marked"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[OtlpReceiver]:
    monkeypatch.setattr(spans, "_provider", None)
    monkeypatch.setattr(spans, "_tracer", None)
    with an_otlp_receiver() as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        spans.configure("gateway", "1.2.3")
        yield server
        assert spans._provider is not None
        spans._provider.shutdown()


def received(server: OtlpReceiver) -> list[Any]:
    spans.flush()
    return server.spans


def test_off_they_load_nothing_and_do_nothing():
    script = (
        "import sys, transfer.flow.rounds, transfer.gateway.intake, transfer.gateway.egress\n"
        "from transfer import spans\n"
        "spans.configure('gateway', '1', {})\n"
        "with spans.span('a', 'c1'): spans.record('b', 'c1', 0, key='x')\n"
        "spans.flush()\n"
        "assert not spans.are_on()\n"
        "assert 'opentelemetry.sdk' not in sys.modules and 'opentelemetry.exporter' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_all_about_a_case_is_one_trace_whoever_tells_it(receiver):
    with spans.span("open_case", CASE, dag="open_case", round=1):
        with spans.span("fetch", CASE, institution="mercy"):
            pass
    with spans.span("deliver", PacketId.of(CASE, 1)):
        pass
    spans.record("egress", PacketId.of(CASE, 1), time.time_ns(), bytes=7)

    found = {one.name: one for one in received(receiver)}

    assert set(found) == {"open_case", "fetch", "deliver", "egress"}
    assert len({one.trace_id for one in found.values()}) == 1
    assert found["fetch"].parent_span_id == found["open_case"].span_id
    assert said(found["open_case"]) == {"transfer.dag": "open_case", "transfer.round": 1}
    assert said(found["egress"]) == {"transfer.bytes": 7}


def test_what_a_message_became_follows_its_door(receiver):
    arrival = ArrivalId.draw()
    spans.record("store", arrival, time.time_ns() - 1000, key=arrival, arrival=arrival)
    with spans.span("receive", "inbox"), spans.span("process", arrival, follows=(arrival, arrival)):
        pass

    found = {one.name: one for one in received(receiver)}

    assert found["store"].trace_id == found["process"].trace_id != found["receive"].trace_id
    linked = {(link.trace_id, link.span_id) for link in found["process"].links}
    assert linked == {(found[name].trace_id, found[name].span_id) for name in ("store", "receive")}
    assert found["process"].parent_span_id == b""


def test_an_error_is_told_by_its_kind_alone(receiver):
    with pytest.raises(ValueError, match=SECRET), spans.span("fetch", CASE):
        raise ValueError(SECRET)

    (one,) = received(receiver)
    assert one.status.message == "ValueError"
    assert not one.events
    assert all(SECRET.encode() not in body for _, body in receiver.came)


def test_the_process_and_its_version_are_the_resource_s(receiver):
    spans.record("store", CASE, time.time_ns())
    spans.flush()

    (sent,) = receiver.resources
    about = {pair.key: pair.value.string_value for pair in sent.resource.attributes}
    assert (about["service.name"], about["service.version"]) == ("gateway", "1.2.3")
    assert not any(key.startswith(("process", "host")) for key in about)


def test_where_nobody_takes_them_work_goes_on(receiver):
    receiver.shutdown()
    receiver.server_close()
    with spans.span("fetch", CASE):
        pass
    spans.flush()
    assert spans.are_on()
