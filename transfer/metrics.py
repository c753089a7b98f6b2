"""What a process counts of itself, and how it is said to whoever scrapes it: OpenMetrics 1.0.

A label is a door, a code or an institution's id, never anything of a patient. So there are no more series than there
are institutions and codes. https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, disable_created_metrics
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call]  # when a series began: a series more for each, which nobody asks for
_OURS: Final = CollectorRegistry()
ProcessCollector(registry=_OURS)

DOOR_ANSWERS: Final = Counter(
    "transfer_door_answers", "Answers of a door: by HTTP the status, by MLLP the code", ("door", "code"), registry=_OURS
)
EGRESS_STREAMS: Final = Counter(
    "transfer_egress_streams", "Streams to a receiver that ended, by outcome", ("receiver", "outcome"), registry=_OURS
)
EGRESS_BYTES: Final = Counter(
    "transfer_egress_bytes", "Bytes of those streams that left", ("receiver",), registry=_OURS
)


def exposed(*more: Collector) -> bytes:
    """All that this process counts, and what the collectors add; each of them is asked once."""
    registry = CollectorRegistry()
    for one in more:
        registry.register(one)
    ours, theirs = _written(_OURS), _written(registry)
    return ours.removesuffix(b"# EOF\n") + theirs


def _written(registry: CollectorRegistry) -> bytes:
    written: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return written
