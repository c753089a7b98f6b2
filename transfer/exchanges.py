"""Exchanges with whom we ask, hand packets to and mail: how each went, counted for whoever watches the installation.

A count names an institution and nothing else. What became of a case stands in its facts.
"""

from enum import StrEnum
from typing import Final


class ExchangeKind(StrEnum):
    #: one department was asked, and what it gave was taken in
    FETCH = "fetch"
    #: a packet was submitted to its receiver
    CONVEY = "convey"
    #: a mail was handed to what carries mail; it is nobody's of those above
    MAIL = "mail"


class ExchangeOutcome(StrEnum):
    ANSWERED = "answered"
    #: it stopped in the middle
    CUT_SHORT = "cut-short"
    NO_ANSWER = "no-answer"
    TURNED_AWAY = "turned-away"
    #: it answered what a person has to look at
    UNCLEAR = "unclear"
    #: a service of ours failed, which says nothing of the other side
    OUR_OUTAGE = "our-outage"
    #: what allowed it ended or changed meanwhile
    NOT_PERMITTED = "not-permitted"


#: by these the other side failed
FAILURES: Final = frozenset(
    {
        ExchangeOutcome.CUT_SHORT,
        ExchangeOutcome.NO_ANSWER,
        ExchangeOutcome.TURNED_AWAY,
        ExchangeOutcome.UNCLEAR,
    }
)
#: these say nothing of the other side
OURS: Final = frozenset({ExchangeOutcome.OUR_OUTAGE, ExchangeOutcome.NOT_PERMITTED})

#: seconds, by which exchanges are counted: how many took at most so long
BOUNDS: Final = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)
#: exchanges of one kind with one institution that are remembered one by one: of so many last ones, how many failed
REMEMBERED: Final = 20
