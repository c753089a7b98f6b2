"""How it ended to hand a packet over, and how each stream of its bytes ended."""

from enum import StrEnum


class DisclosureOutcome(StrEnum):
    """Of a packet's hand-over. `UNKNOWN`: the receiver may have it, and is asked before anything is sent again."""

    BEGUN = "begun"
    MADE = "made"
    NOT_MADE = "not-made"
    UNKNOWN = "unknown"


class EgressOutcome(StrEnum):
    """Of a stream of bytes to a receiver."""

    SENT = "sent"
    #: by the receiver or the line
    BROKEN = "broken"
    #: by us: its release was stopped
    CUT = "cut"
    #: with its process
    DIED = "died"
