"""Each report of a message that brings several as a message of its own: it can go where the others may not."""

from collections.abc import Sequence

from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.reports import Report

#: frames of a batch, and what says that another message goes on
_FRAMES = frozenset({"FHS", "BHS", "BTS", "FTS", "DSC"})


def extracts(message: Message, reports: Sequence[Report]) -> list[bytes]:
    """For each report the message without the segments of the others and of other patients; no segment is changed.

    What is of no report goes along: the header, the patient and the visit, a notice in a segment of the sender's own.
    """
    of_reports = {segment for report in reports for segment in report.segments}
    common: dict[Segment | None, list[Segment]] = {}
    patient: Segment | None = None
    for segment in message.segments_in_order:
        if segment.name == "PID":
            patient = segment
        if segment not in of_reports and segment.name not in _FRAMES:
            common.setdefault(patient, []).append(segment)
    head = common.pop(None, [])
    return [_joined(message, {*head, *common.get(report.patient, []), *report.segments}) for report in reports]


def _joined(message: Message, segments: set[Segment]) -> bytes:
    in_order = sorted(segments, key=lambda segment: segment.start)
    return b"".join(message.data[segment.start : segment.end] + b"\r" for segment in in_order)
