"""What a case still lacks, line by line, and whose turn it is.

Silence is not an answer. Forbidden is not absent. An empty search proves nothing. Half a study is still owed
(docs/safety.md, promises 5 and 9). Nothing is complete by count.
"""

from transfer.completeness.added import LEAVES_BEHIND, AddedNeed, assess_added
from transfer.completeness.fitting import line_suggested
from transfer.completeness.needs import (
    LEFT_TO_PEOPLE,
    SETTLED,
    CollectedRecord,
    Completeness,
    Need,
    NeedState,
    Wait,
    WaitCode,
    Waiver,
    WaiverKind,
    is_lacking,
)
from transfer.completeness.rules import assess

__all__ = [
    "LEAVES_BEHIND",
    "LEFT_TO_PEOPLE",
    "SETTLED",
    "AddedNeed",
    "CollectedRecord",
    "Completeness",
    "Need",
    "NeedState",
    "Wait",
    "WaitCode",
    "Waiver",
    "WaiverKind",
    "assess",
    "assess_added",
    "is_lacking",
    "line_suggested",
]
