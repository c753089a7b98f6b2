"""The MLLP door: one port per institution, a message acknowledged only when it is kept."""

from transfer.gateway.mllp.limits import MllpLimits
from transfer.gateway.mllp.messages import Frame, MessageStore, Sink, StoreOutcome, StoreResult
from transfer.gateway.mllp.server import MllpServer, accepts, certificates, doors

__all__ = [
    "Frame",
    "MessageStore",
    "MllpLimits",
    "MllpServer",
    "Sink",
    "StoreOutcome",
    "StoreResult",
    "accepts",
    "certificates",
    "doors",
]
