"""Labels that only a person can read: what carries one is not collected.

The institution's file (`labels`) says what a label of its own means. Then it is read again.
"""

from transfer.errors import NeedsReview
from transfer.security_labels import is_unread


class UnclearLabel(NeedsReview):
    """A label whose code is unknown here, or that is text alone."""


def check_labels(*labels: frozenset[str]) -> None:
    """Raises: UnclearLabel: there is such a label among them."""
    if any(map(is_unread, labels)):
        raise UnclearLabel("a security label that is not known here")
