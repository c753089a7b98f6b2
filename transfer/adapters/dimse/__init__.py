"""An image archive asked by DIMSE (PS3.7), over TLS: C-FIND finds, C-GET fetches, and nothing of ours listens."""

from transfer.adapters.dimse.association import DimsePeer
from transfer.adapters.dimse.client import DimseClient
from transfer.adapters.dimse.connection import DimseTimeouts

__all__ = ["DimseClient", "DimsePeer", "DimseTimeouts"]
