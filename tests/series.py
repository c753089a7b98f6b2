"""What is asked of series that came, by the tests of whoever fetches them."""

from transfer.sources import SeriesObject


def missing(expected: frozenset[str], *have: SeriesObject) -> frozenset[str]:
    """The instances that none of the objects holds."""
    return expected.difference(*(each.instances for each in have))
