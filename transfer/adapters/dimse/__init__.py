"""An image archive asked by DIMSE (PS3.7), over TLS: C-FIND finds, C-GET fetches, and nothing of ours listens."""

from transfer.adapters.dimse.association import Peer
from transfer.adapters.dimse.client import DimseClient
from transfer.adapters.dimse.line import Timeouts

__all__ = ["DimseClient", "Peer", "Timeouts"]
