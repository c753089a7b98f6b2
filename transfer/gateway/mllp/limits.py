"""How much of a sender's is held, and for how long."""

from dataclasses import dataclass, field

from transfer.serving.budget import ConnectionLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class MllpLimits:
    """Sizes in bytes, times in seconds."""

    #: of one payload; a longer one is refused and the connection closed
    frame_bytes: int = 64 << 20
    #: from its first byte to its last
    frame_seconds: float = 120.0
    #: between frames
    idle_seconds: float = 1800.0
    #: in one stretch, before the next frame begins
    bytes_outside_frames: int = 64 << 10
    #: of all ports; an owner is a sender at a port, for however many it sends
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    #: MSH-11 that may come in: `T` and `D` never get among real records
    processing_ids: frozenset[str] = frozenset({"P"})
