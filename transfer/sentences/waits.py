"""Why a case waits, in sentences for staff. Names of institutions and local days are put in by whoever shows them."""

from collections.abc import Mapping
from typing import Final

from transfer.codes import Value
from transfer.sentences.decisions import HOLDS
from transfer.sentences.findings import NOTICES
from transfer.sentences.patterns import Pattern
from transfer.sentences.waiting import WAITS
from transfer.waits import WhyCode

W = WhyCode


def _decision(fields: Mapping[str, Value]) -> str:
    return f"Needs a decision: {HOLDS[str(fields['question'])].staff}"


def _wait(fields: Mapping[str, Value]) -> str:
    said, whom = WAITS[str(fields["wait"])].staff, fields["whom"]
    return f"{said.rstrip('.')} ({'; '.join(whom)})." if isinstance(whom, tuple) and whom else said


def _stopped(fields: Mapping[str, Value]) -> str:
    if fields["how"] == "paused":
        return f"Stopped: the patient asked us to stop on {fields['at']}. Nothing may go."
    return f"Stopped: the patient took the release form back on {fields['at']}. Nothing may go under it."


def _closed(fields: Mapping[str, Value]) -> str:
    other = f" ({fields['other']} goes on)" if fields["other"] else ""
    return f"Closed: {str(fields['ending']).replace('-', ' ')}{other}."


WHY: Final[Mapping[WhyCode, Pattern]] = {
    W.DECISION: _decision,
    W.STOPPED: _stopped,
    W.NOTICE: lambda fields: NOTICES[str(fields["notice"])].staff,
    W.WAIT: _wait,
    W.PACKING: "Waits for us: packet {packet} is being put together.",
    W.HANDING_OVER: "Waits for us: packet {packet} is being handed to {receiver}.",
    W.RECEIPT: "Waits for {receiver}: its receipt for packet {packet}.",
    W.NOT_ACTIVE: "Waits for whoever referred: the referral is {status}.",
    W.JUST_CAME: "Just came in; it is being opened.",
    W.LOOKED_AT_NEXT: "Waits for us: it is looked at next, by itself.",
    W.DELIVERED: "Delivered: {receiver} accepted packet {packet}.",
    W.CLOSED: _closed,
    W.PURGED: "The patient's data is destroyed.",
}
