"""Prairie Pathology: a laboratory whose report desk pushes HL7 v2, and whose slide room is reached by hand."""

import json
import random
import secrets
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from typing import Any, ClassVar

from transfer.sandbox import paper
from transfer.sandbox.charts import Chart
from transfer.sandbox.institution import Answer, Config, Institution, Request, as_json
from transfer.sandbox.pathology import messages
from transfer.sandbox.pathology.mllp import Line, Sent


class PrairiePathology(Institution):
    knobs: ClassVar[dict[str, Any]] = {
        #: how long an acknowledgement is waited for before the message is sent again
        "ack_seconds": 10,
        #: how often a message is sent before it is given up
        "attempts": 5,
    }

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.gateway_mllp_port is None:
            raise ValueError("pathology needs gateway_mllp_port")
        self._port = config.gateway_mllp_port
        # Control ids go on where no earlier process can have been: nothing else in a message depends on the clock.
        self._numbers = count(time.time_ns() // 1000)
        self._sent_lock = threading.Lock()

    def answer(self, request: Request) -> Answer:  # noqa: ARG002 - whatever is asked
        """It offers nothing over HTTP: reports are pushed, slides are asked for by hand."""
        return as_json({"error": "nothing is served here"}, status=404)

    def control(self, action: str, request: Request) -> object:
        match (request.method, action):
            case ("POST", "send-report"):
                return self._send_report(self.chart(request), request.json())
            case ("POST", "send-other-patients"):
                return self._send_other_patients(request.json())
            case ("GET", "sent"):
                return self._sent()
            case ("GET", "shipping-list"):
                chart = self.charts[request.first("chart") or ""]
                material = chart["pathology"]
                return {
                    "accession": material["accession"]["value"],
                    "slides": material["slides"],
                    "blocks": material["blocks"],
                    "text": paper.shipping_list(chart),
                }
            case _:
                raise LookupError(action)

    def _send_report(self, chart: Chart, said: dict[str, Any]) -> dict[str, Any]:
        """`status` P, F or C (OBR-25); `form` oru (default) or mdm; `control_id` to use one again."""
        control_id = str(said.get("control_id") or self._control_id())
        message = messages.report(
            chart, control_id=control_id, status=said.get("status", "F"), form=said.get("form", "oru")
        )
        with Line(self._port, self.behaviour["ack_seconds"]) as line:
            sent = line.deliver(message, control_id, attempts=self.behaviour["attempts"])
        self._note(sent)
        return {"sent": [sent.told()], **_counted([sent])}

    def _send_other_patients(self, said: dict[str, Any]) -> dict[str, Any]:
        """`count` reports about as many other people, over `connections` (default 4), one in flight on each."""
        wanted = int(said["count"])
        dice = random.Random(said.get("seed") or secrets.randbits(64))
        written = [
            (control_id, messages.about_nobody_known(dice, control_id))
            for control_id in (self._control_id() for _ in range(wanted))
        ]
        connections = max(1, min(int(said.get("connections", 4)), wanted or 1))
        began = time.monotonic()
        with ThreadPoolExecutor(max_workers=connections) as lines:
            lots = [written[n::connections] for n in range(connections)]
            sent = [one for lot in lines.map(self._deliver_all, lots) for one in lot]
        return {**_counted(sent), "seconds": round(time.monotonic() - began, 3)}

    def _deliver_all(self, lot: list[tuple[str, bytes]]) -> list[Sent]:
        with Line(self._port, self.behaviour["ack_seconds"]) as line:
            sent = [line.deliver(text, number, attempts=self.behaviour["attempts"]) for number, text in lot]
        self._note(*sent)
        return sent

    def _control_id(self) -> str:
        with self._sent_lock:
            return f"PP{next(self._numbers)}"

    def _note(self, *sent: Sent) -> None:
        lines = [json.dumps({"time": datetime.now(UTC).isoformat(), **one.told()}) + "\n" for one in sent]
        with self._sent_lock, (self.config.folder / "sent.jsonl").open("a", encoding="utf-8") as log:
            log.writelines(lines)

    def _sent(self) -> list[dict[str, Any]]:
        path = self.config.folder / "sent.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _counted(sent: list[Sent]) -> dict[str, Any]:
    answers = Counter(one.ack or "unanswered" for one in sent)
    return {"count": len(sent), **{code: answers[code] for code in ("AA", "AE", "AR", "unanswered")}}


def open_institution(config: Config) -> PrairiePathology:
    return PrairiePathology(config)
