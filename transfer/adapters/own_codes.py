"""How a code may stand in an institution's own table (`codes`), whichever language it comes in."""

from collections.abc import Iterator

from transfer.adapters.hl7v2.values import abbreviations
from transfer.institutions import Institution


def is_mapped(key: str, institution: Institution) -> bool:
    """Whether its file says what this code means. `key` is `system|code`, as documents carry it."""
    return any(one in institution.codes for one in _spellings(key, institution))


def _spellings(key: str, institution: Institution) -> Iterator[str]:
    system, _, code = key.rpartition("|")
    yield key
    for said in abbreviations(system, institution):
        yield f"{said}|{code}"
    if system.startswith("urn:x-institution:"):
        yield f"LOCAL|{code}"
        yield code
