"""A sample that anybody can draw again: by a seed that is written down, from each stratum its share."""

import hashlib
from collections.abc import Mapping


def draw(strata: Mapping[str, str], size: int, seed: str) -> tuple[str, ...]:
    """So many of the entries, in the order of their keys; all, where there are not more.

    Within a stratum those come first whose `SHA-256(seed:key)` is smallest, so that `sha256sum` shows it. Each stratum
    gives its share, and at least one entry as long as the size allows.

    Args:
        strata: each entry's key, with the stratum it is in.
    """
    groups: dict[str, list[str]] = {}
    for key in sorted(strata, key=lambda one: (_rank(seed, one), one)):
        groups.setdefault(strata[key], []).append(key)
    shares = _shares({name: len(group) for name, group in groups.items()}, min(max(size, 0), len(strata)))
    return tuple(sorted(key for name, group in groups.items() for key in group[: shares[name]]))


def _rank(seed: str, key: str) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()


def _shares(sizes: Mapping[str, int], size: int) -> dict[str, int]:
    """How many each stratum gives; together exactly `size`, which is not more than there are."""
    total = sum(sizes.values())
    shares = dict.fromkeys(sizes, 0)
    for _ in range(size):
        lacking = [name for name in sizes if shares[name] < sizes[name]]
        most = max(lacking, key=lambda name: (shares[name] == 0, size * sizes[name] / total - shares[name], name))
        shares[most] += 1
    return shares
