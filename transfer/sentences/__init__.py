"""What a code says to people: to staff, to the patient, to another institution.

Promise 7 binds the last two: they read the same whether or not something was withheld, and name no kind of illness.
So every finding about *what* may be released says the same outside. No sentence has a blank to fill: whoever shows it
adds the institution or the date beside it.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from transfer.completeness import NeedState, WaitCode
from transfer.holds import HoldCode
from transfer.materials import Discrepancy
from transfer.permissions import Finding
from transfer.record_requests import RequestState
from transfer.sentences.decisions import HOLDS
from transfer.sentences.desk import sentence
from transfer.sentences.findings import FINDINGS
from transfer.sentences.waiting import DISCREPANCIES, NEEDS, REQUESTS, WAITS
from transfer.sentences.words import Sentences

__all__ = ["FAMILIES", "SENTENCES", "Sentences", "sentence"]

#: the families of codes a person can meet; a test holds that each member has its sentences
FAMILIES: tuple[type[StrEnum], ...] = (Finding, RequestState, WaitCode, NeedState, HoldCode, Discrepancy)

#: by code; no two families share a value
SENTENCES: Mapping[str, Sentences] = MappingProxyType(
    {**FINDINGS, **REQUESTS, **WAITS, **NEEDS, **HOLDS, **DISCREPANCIES}
)
