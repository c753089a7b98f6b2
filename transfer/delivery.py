"""When a receiving center is handed the records of a case: its own file says which."""

from enum import StrEnum


class Delivery(StrEnum):
    """What a center waits for. Glass and blocks travel by courier, and no packet holds them."""

    #: whatever is there goes, and what comes later goes in further packets
    AS_IT_COMES = "as-it-comes"
    #: the first packet goes once no document and no image is lacking; glass may come later
    WHEN_ELECTRONIC_COMPLETE = "when-electronic-complete"
    #: the first packet goes once glass and blocks are there as well, unless a person lets it go before
    WHEN_ALL = "when-all"
