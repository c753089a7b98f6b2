"""A release form on paper: fields that a person filled in from it, and its scan.

`TEMPLATE` is the file to fill in. `read` makes a form of our words of it; `bundled` keeps both as one body.
"""

from transfer.adapters.paper.bundle import LARGEST_SCAN, PAPER_FORM, bundled, fields_of, is_scan
from transfer.adapters.paper.fields import LARGEST_FIELDS
from transfer.adapters.paper.reading import PaperForm, read
from transfer.adapters.paper.template import TEMPLATE

__all__ = [
    "LARGEST_FIELDS",
    "LARGEST_SCAN",
    "PAPER_FORM",
    "TEMPLATE",
    "PaperForm",
    "bundled",
    "fields_of",
    "is_scan",
    "read",
]
