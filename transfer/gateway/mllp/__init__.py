"""The MLLP doors: a message is its institution's by port and MSH-3/4, and acknowledged only when it is stored.

MLLP is release 1, HL7 v2.9 appendix C.2; acknowledgements follow chapter 2.9.2 and 2.9.3.
"""

from transfer.gateway.mllp.limits import MllpLimits
from transfer.gateway.mllp.messages import Frame, MessageStore, StoreOutcome, StoreResult
from transfer.gateway.mllp.server import MllpServer, certificates, doors

__all__ = [
    "Frame",
    "MessageStore",
    "MllpLimits",
    "MllpServer",
    "StoreOutcome",
    "StoreResult",
    "certificates",
    "doors",
]
