"""Free ports on loopback."""

import secrets
import socket
from collections.abc import Iterable


def free(names: Iterable[str]) -> dict[str, int]:
    """One free TCP port for each name, none twice.

    They are outside the range the kernel gives to outgoing connections (32768 on). So a service that is down for a
    moment finds its port free when it comes back.
    """
    wanted, found = list(names), dict[str, int]()
    taken: set[int] = set()
    for name in wanted:
        port = next(p for p in _candidates() if p not in taken and is_free(p))
        taken.add(port)
        found[name] = port
    return found


def is_free(port: int) -> bool:
    """Nobody listens there. A port in TIME_WAIT is free: servers bind with SO_REUSEADDR."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return not answers(port)


def answers(port: int) -> bool:
    """Somebody takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _candidates() -> Iterable[int]:
    """Drawn anew each time, so that two installations set up at once do not race for the same ones."""
    return (20000 + secrets.randbelow(12000) for _ in range(2000))
