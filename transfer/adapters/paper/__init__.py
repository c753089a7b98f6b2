"""Paper: release forms that a person filled in fields from, and records that a person made of pages.

`TEMPLATE` is the file to fill in of a form. `read` makes a form of our words of it; `bundled` keeps both as one body.
"""

from transfer.adapters.paper.bundle import LARGEST_SCAN, PAPER_FORM, bundled, fields_of, is_scan, scan_of
from transfer.adapters.paper.fields import LARGEST_FIELDS
from transfer.adapters.paper.pages import ask_reader, drawn, faxed, taken, words_on
from transfer.adapters.paper.reading import PaperForm, read
from transfer.adapters.paper.record import PAPER_RECORD, PaperRecord, bundled_record, record_of
from transfer.adapters.paper.referral import PAPER_REFERRAL, bundled_referral, referral_of
from transfer.adapters.paper.template import TEMPLATE

__all__ = [
    "LARGEST_FIELDS",
    "LARGEST_SCAN",
    "PAPER_FORM",
    "PAPER_RECORD",
    "PAPER_REFERRAL",
    "TEMPLATE",
    "PaperForm",
    "PaperRecord",
    "ask_reader",
    "bundled",
    "bundled_record",
    "bundled_referral",
    "drawn",
    "faxed",
    "fields_of",
    "is_scan",
    "read",
    "record_of",
    "referral_of",
    "scan_of",
    "taken",
    "words_on",
]
