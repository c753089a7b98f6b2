"""A case from its door to its packet's last byte, as spans that a real receiver of OTLP takes from two processes."""

from pathlib import Path

import pytest

from tests.kit.acts import eventually
from tests.kit.house import a_house
from tests.kit.marked_patients import a_marked_patient, of_charts
from tests.kit.otlp import an_otlp_receiver, said
from tests.kit.written import Artefact, search
from transfer import spans
from transfer.case import Stage
from transfer.delivery import Delivery

pytestmark = pytest.mark.servers


def test_what_happens_to_a_case_is_one_trace_from_its_door_to_its_packet(short_folder: Path, monkeypatch):
    with an_otlp_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        monkeypatch.setattr(spans, "_provider", None)
        monkeypatch.setattr(spans, "_tracer", None)
        spans.configure("task", "1")
        with a_house(short_folder / "var") as began:
            house = began.delivering(Delivery.AS_IT_COMES)
            chart = a_marked_patient(house, "TR")
            house.release_form(chart)
            house.pathology_report(chart)
            case = house.referral(chart)

            def is_delivered() -> bool:
                with house.services.ledger.transaction() as tx:
                    return tx.case(case).stage is Stage.DELIVERED

            house.process_until(is_delivered)
            spans.flush()
            eventually(lambda: {"egress", "settle"} <= {one.name for one in receiver.spans})
        assert spans._provider is not None
        spans._provider.shutdown()

        found = receiver.spans
        (door,) = [one for one in found if one.name == "store" and said(one)["transfer.kind"] == "referral"]
        of_case = [one for one in found if one.trace_id == door.trace_id]
        names = {one.name for one in of_case}
        assert names >= {"store", "open_case", "request", "fetch", "assemble", "deliver", "convey", "egress", "settle"}
        fetched = {said(one)["transfer.institution"] for one in of_case if one.name == "fetch"}
        assert fetched == {"lakeside-oncology", "mercy-imaging"}
        pushed = [one for one in found if one.name == "process" and one.links]
        doors = {one.span_id for one in found if one.name == "store"}
        assert {"authorization", "answer"} <= {said(one)["transfer.kind"] for one in pushed}
        assert all(doors & {link.span_id for link in one.links} for one in pushed)
        services = {
            pair.value.string_value
            for sent in receiver.resources
            for pair in sent.resource.attributes
            if pair.key == "service.name"
        }
        assert services == {"gateway", "task"}
        artefacts = [Artefact("spans", str(number), [body]) for number, (_, body) in enumerate(receiver.came)]
        assert search(of_charts([chart]), artefacts).hits == []
