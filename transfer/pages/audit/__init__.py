"""The pages of an auditor, one module each: what left, who decided, who looked, and that none of it was altered."""

from transfer.pages.audit import accountings, case, decisions, evidence, home, report, sample, views
from transfer.pages.routes import Declared

#: all of them, in the order of the header
DECLARED: tuple[Declared, ...] = (
    *home.DECLARED,
    *case.DECLARED,
    *decisions.DECLARED,
    *views.DECLARED,
    *sample.DECLARED,
    *evidence.DECLARED,
    *report.DECLARED,
    *accountings.DECLARED,
)
