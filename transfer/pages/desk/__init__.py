"""The pages of the desk, one module each. A new one is named here, where its links are to stand in the header."""

from transfer.pages.desk import (
    case,
    case_acts,
    centers,
    content,
    decisions,
    disclosures,
    discs,
    facilities,
    find,
    incoming,
    letter_codes,
    loans,
    operation,
    outbox,
    packages,
    paper_form,
    reason,
    referral_entry,
    sources,
    today,
)
from transfer.pages.routes import Declared

#: all of them, in the order of the header
DECLARED: tuple[Declared, ...] = (
    *today.DECLARED,
    *decisions.DECLARED,
    *find.DECLARED,
    *facilities.DECLARED,
    *outbox.DECLARED,
    *sources.DECLARED,
    *disclosures.DECLARED,
    *packages.DECLARED,
    *loans.DECLARED,
    *incoming.DECLARED,
    *discs.DECLARED,
    *paper_form.DECLARED,
    *referral_entry.DECLARED,
    *case.DECLARED,
    *case_acts.DECLARED,
    *letter_codes.DECLARED,
    *content.DECLARED,
    *reason.DECLARED,
    *centers.DECLARED,
    *operation.DECLARED,
)
