"""Purposes of use, and which one includes which (http://terminology.hl7.org/CodeSystem/v3-ActReason, PurposeOfUse)."""

from collections.abc import Iterator, Mapping
from typing import Final

#: a code of v3-ActReason → its parent
_PARENTS: Final[Mapping[str, str]] = {
    code: parent
    for parent, codes in {
        "TREAT": "COC ETREAT POPHLTH",
        "ETREAT": "BTG ERTREAT",
        "PATRQT": "FAMRQT PWATRNY SUPNWK",
        "HRESCH": "BIORCH CLINTRCH DSRCH POARCH TRANSRCH",
        "CLINTRCH": "CLINTRCHNPC CLINTRCHPC PRECLINTRCH",
        "HPAYMT": "CLMATTCH COVAUTH COVERAGE ELIGDTRM ELIGVER ENROLLM MILDCRG REMITADV",
        "HOPERAT": "CAREMGT DONAT FRAUD GOV HACCRED HCOMPL HDECD HDIRECT HDM HLEGAL HOUTCOMS HPRGRP HQUALIMP "
        "HSYSADMIN LABELING METAMGT MEMADMIN MILCDM PATADMIN PATSFTY PERFMSR RECORDMGT SYSDEV TRAIN",
        "PUBHLTH": "DISASTER THREAT",
    }.items()
    for code in codes.split()
}
#: every purpose that a form may name; another code is not understood
KNOWN_PURPOSES: Final = frozenset({*_PARENTS, *_PARENTS.values(), "HMARKT"})

#: 45 CFR 164.508(b)(3) bounds with what these are combined: research, marketing
_SEPARATE: Final = frozenset({"HRESCH", "HMARKT"})


def with_wider(purpose: str) -> Iterator[str]:
    """The purpose and all that include it, the nearest first."""
    wider: str | None = purpose
    while wider is not None:
        yield wider
        wider = _PARENTS.get(wider)


def serves(purposes: frozenset[str], purpose: str) -> bool:
    """Whether one of the purposes is this one or a wider one.

    "At the request of the individual" (`PATRQT`) is enough for what the individual asked (164.508(c)(1)(iv)). Here that
    is always a treatment opinion.
    """
    return includes(purposes, purpose) or ("PATRQT" in purposes and "TREAT" in with_wider(purpose))


def includes(purposes: frozenset[str], purpose: str) -> bool:
    """Whether one of the purposes is this one or an ancestor of it."""
    return not purposes.isdisjoint(with_wider(purpose))


def is_perhaps_compound(purposes: frozenset[str]) -> bool:
    """Whether a form combines research or marketing with something else.

    Some such forms are valid (164.508(b)(3)(i) and (iii)). Which one this is stands on the paper alone.
    """
    separate = {purpose for purpose in purposes if not _SEPARATE.isdisjoint(with_wider(purpose))}
    return bool(separate) and separate != purposes
