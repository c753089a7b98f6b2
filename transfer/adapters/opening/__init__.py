"""Opening documents and images that came from outside, in a process of its own, to see whether they can be read."""

from transfer.adapters.opening.opener import OpeningProcess

__all__ = ["OpeningProcess"]
