"""The MLLP door: one port per institution, a message acknowledged only when it is kept."""

from transfer.gateway.mllp.keeping import Frame, Keeper, Keeping, Kept, Sink
from transfer.gateway.mllp.limits import Limits
from transfer.gateway.mllp.server import MllpServer, admits, certificates, doors

__all__ = ["Frame", "Keeper", "Keeping", "Kept", "Limits", "MllpServer", "Sink", "admits", "certificates", "doors"]
