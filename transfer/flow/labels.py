"""Labels that only a person can read: what carries one is not collected.

The institution's file (`labels`) says what a label of its own means. Then it is read again.
"""

from transfer.errors import NeedsReview
from transfer.records import Document
from transfer.security_labels import is_unread


class UnclearLabel(NeedsReview):
    """A document has a label whose code is unknown here, or that is text alone."""


def check_labels(*documents: Document) -> None:
    """Raises: UnclearLabel: one of them has such a label."""
    if any(is_unread(document.labels) for document in documents):
        raise UnclearLabel("a security label that is not known here")
