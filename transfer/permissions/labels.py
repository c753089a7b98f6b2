"""Purposes and labels: which one includes which (v3-ActReason, v3-ActCode, v3-Confidentiality;
http://terminology.hl7.org).

Where the law is silent, the narrower reading holds. After a refusal a form can still come; a release cannot be undone.
"""

from collections.abc import Iterator, Mapping

# http://terminology.hl7.org/CodeSystem/v3-ActReason: each code with its parent
_PURPOSE_PARENTS: Mapping[str, str] = {
    "COC": "TREAT",
    "ETREAT": "TREAT",
    "BTG": "ETREAT",
    "FAMRQT": "PATRQT",
    "PWATRNY": "PATRQT",
    "SUPNWK": "PATRQT",
    "CLINTRCH": "HRESCH",
    "PATADMIN": "HOPERAT",
    "CAREMGT": "HOPERAT",
    "HLEGAL": "HOPERAT",
}

# Labels that restrict nothing by themselves: ordinary confidentiality, handling instructions, test data. Every other
# label needs an express release, also one that we do not know.
_ORDINARY_LABELS = frozenset(
    {"U", "L", "M", "N"}
    | {"CPLYCD", "MINEC", "PERSISTLABEL", "ENCRYPT", "AUDIT", "REDACT", "MASK", "DELAU", "NOREUSE", "NORELINK", "HTEST"}
)
# "Not without the subject's directive": a valid form is that directive, no other basis is.
_NEEDS_DIRECTIVE = frozenset({"NOAUTH", "NODSCLCDS", "NORDSCLCD"})
RESTRICTED = "R"
PSYCHOTHERAPY = frozenset({"PSYTHPN", "HIPAAPsyNotes"})
_SUBSTANCE_USE = frozenset({"SUD", "ETH", "ETHUD", "OPIOIDUD", "42CFRPart2"})

#: an express release of the first also releases the others. No wider release covers psychotherapy notes
#: (164.508(b)(3)(ii)). No general behavioural one covers substance-use records (42 CFR 2.31)
_EXPRESSLY_INCLUDES: Mapping[str, frozenset[str]] = {
    "SUD": _SUBSTANCE_USE,
    "ETH": _SUBSTANCE_USE,
    "42CFRPart2": _SUBSTANCE_USE,
    "BH": frozenset({"MH", "PSY"}),
    "MH": frozenset({"PSY"}),
    "SCA": frozenset({"SICKLE"}),
    "SICKLE": frozenset({"SCA"}),
    "PSYTHPN": PSYCHOTHERAPY,
    "HIPAAPsyNotes": PSYCHOTHERAPY,
    "V": frozenset({"R"}),
}

#: what the treatment basis alone never releases: 42 CFR Part 2 records, psychotherapy notes (164.508(a)(2)), and what
#: its source releases only under a directive. State law adds more.
BEYOND_TREATMENT = _SUBSTANCE_USE | PSYCHOTHERAPY | _NEEDS_DIRECTIVE | {"V"}


def serves(purposes: frozenset[str], purpose: str) -> bool:
    """Whether one of the form's purposes is this one or a wider one.

    "At the request of the individual" (`PATRQT`) is enough for what the individual asked (164.508(c)(1)(iv)). Here that
    is always a treatment opinion.
    """
    asked = set(with_wider(purpose))
    return bool(purposes & asked) or ("PATRQT" in purposes and "TREAT" in asked)


def with_wider(purpose: str) -> Iterator[str]:
    wider: str | None = purpose
    while wider is not None:
        yield wider
        wider = _PURPOSE_PARENTS.get(wider)


def unreleased(special: frozenset[str], labels: frozenset[str]) -> frozenset[str]:
    """The labels that need an express release and have none.

    `R` asks for care, and the sensitivity beside it says why. An express release of the sensitivity covers `R`.
    """
    released = special.union(*(_EXPRESSLY_INCLUDES.get(category, frozenset()) for category in special))
    why = labels - _ORDINARY_LABELS - _NEEDS_DIRECTIVE
    if why - {RESTRICTED}:
        why -= {RESTRICTED}
    return why - released
