"""What a code says to people: to staff; of some also to the patient, or to the institution that was asked.

Promise 7 binds the last two: they read the same whether or not something was withheld, and name no kind of illness.
So every finding about *what* may be released says the same to the patient. No sentence has a blank to fill:
whoever shows it adds the institution or the date beside it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from transfer.sentences.decisions import HOLDS
from transfer.sentences.desk import sentence
from transfer.sentences.findings import FINDINGS, NOTICES
from transfer.sentences.flaws import FLAWS
from transfer.sentences.links import LINKS
from transfer.sentences.waiting import DISCREPANCIES, NEEDS, REQUESTS, WAITS
from transfer.sentences.words import Sentences

__all__ = ["SENTENCES", "Sentences", "sentence"]

#: by code; no two families share a value
SENTENCES: Mapping[str, Sentences] = MappingProxyType(
    {**FINDINGS, **NOTICES, **REQUESTS, **WAITS, **NEEDS, **HOLDS, **DISCREPANCIES, **LINKS, **FLAWS}
)
