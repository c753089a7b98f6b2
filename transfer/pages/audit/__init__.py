"""The pages of an auditor, one module each: what left, who decided, who looked, and that none of it was altered."""

from transfer.pages.audit import case, decisions, evidence, home, sample, views
from transfer.pages.routes import Declared

#: all of them, in the order of the header
DECLARED: tuple[Declared, ...] = (
    *home.DECLARED,
    *case.DECLARED,
    *decisions.DECLARED,
    *views.DECLARED,
    *sample.DECLARED,
    *evidence.DECLARED,
)
