"""Labels, and which one includes which (v3-Confidentiality, v3-ActCode; http://terminology.hl7.org).

Where the law is silent, the narrower reading holds. After a refusal a form can still come; a release cannot be undone.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from transfer.security_labels import CONFIDENTIALITY, KNOWN_LABELS, SENSITIVITY

#: v3-Confidentiality, from the least to the most restricted
_LEVELS: Final = ("U", "L", "M", "N", "R", "V")
#: what is not marked is ordinary
_ORDINARY: Final = _LEVELS.index("N")
RESTRICTED: Final = "R"

# "Not without the subject's directive": a valid form is that directive, no other basis is.
_NEEDS_DIRECTIVE: Final = frozenset({"NOAUTH", "NODSCLCDS", "NORDSCLCD"})
# Labels that restrict nothing by themselves: handling instructions. Every other label needs an express release, also
# one that we do not know.
_HANDLING: Final = KNOWN_LABELS - CONFIDENTIALITY - SENSITIVITY - _NEEDS_DIRECTIVE
PSYCHOTHERAPY: Final = frozenset({"PSYTHPN", "HIPAAPsyNotes"})
_SUBSTANCE_USE: Final = frozenset({"SUD", "ETH", "ETHUD", "OPIOIDUD", "42CFRPart2"})

#: an express release of the first also releases the others. No wider release covers psychotherapy notes
#: (164.508(b)(3)(ii)). No general behavioural one covers substance-use records (42 CFR 2.31)
_EXPRESSLY_INCLUDES: Final[Mapping[str, frozenset[str]]] = {
    "SUD": _SUBSTANCE_USE,
    "ETH": _SUBSTANCE_USE,
    "42CFRPart2": _SUBSTANCE_USE,
    "BH": frozenset({"MH", "PSY"}),
    "MH": frozenset({"PSY"}),
    "SCA": frozenset({"SICKLE"}),
    "SICKLE": frozenset({"SCA"}),
    "PSYTHPN": PSYCHOTHERAPY,
    "HIPAAPsyNotes": PSYCHOTHERAPY,
}


def is_beyond(labels: frozenset[str], beyond: frozenset[str]) -> bool:
    """Whether what carries `labels` needs a form also for treatment. So does a label that we do not know.

    `R` says only that there is a reason (v3-Confidentiality: "potentially stigmatizing"). Where a sensitivity stands
    beside it, that is the reason; alone it needs a form.
    """
    why = _sensitivities(labels)
    is_unexplained = RESTRICTED in labels and not why
    return is_unexplained or not beyond.isdisjoint(labels) or not why <= SENSITIVITY


def _level(labels: frozenset[str]) -> int:
    """The highest degree of confidentiality among them; ordinary where none says."""
    return max((_LEVELS.index(code) for code in labels & CONFIDENTIALITY), default=_ORDINARY)


def _sensitivities(labels: frozenset[str]) -> frozenset[str]:
    return labels - CONFIDENTIALITY - _HANDLING - _NEEDS_DIRECTIVE


def _expanded(named: frozenset[str]) -> frozenset[str]:
    return named.union(*(_EXPRESSLY_INCLUDES.get(code, frozenset()) for code in named))


def is_let_through(named: frozenset[str], labels: frozenset[str]) -> bool:
    """Whether what carries `labels` is among what a permit names by `named`: its securityLabel as a filter.

    Degrees are ordered: a permit of `N` is one of all up to `N`. A permit of a sensitivity alone is one of nothing
    else. Without any label a permit is one of ordinary records. What it lets through is not released yet: `unreleased`.
    """
    if not named:
        return True
    reaches = bool(named & CONFIDENTIALITY) and _level(labels) <= _level(named)
    return reaches or not _expanded(named - CONFIDENTIALITY).isdisjoint(_sensitivities(labels))


def unreleased(named: frozenset[str], labels: frozenset[str]) -> frozenset[str]:
    """The labels that need an express release and have none.

    `R` asks for care, and the sensitivity beside it says why. An express release of the sensitivity covers `R`.
    """
    left = _sensitivities(labels) - _expanded(named - CONFIDENTIALITY)
    level, allowed = _level(labels), max(_level(named & CONFIDENTIALITY), _ORDINARY)
    explained = _LEVELS[level] == RESTRICTED and bool(_sensitivities(labels))
    return left | ({_LEVELS[level]} if level > allowed and not explained else frozenset())


def is_hit(named: frozenset[str], labels: frozenset[str]) -> bool:
    """Whether what carries `labels` is among what a refusal names. The wider reading holds: a "no" is a "no".

    A refusal of a degree is one of all above it, too. A refusal of a sensitivity reaches what it includes and what
    includes it, in capitals or not.
    """
    if not named:
        return True
    degrees = named & CONFIDENTIALITY
    if degrees and _level(labels) >= min(_LEVELS.index(code) for code in degrees):
        return True
    refused = {code.upper() for code in _expanded(named - CONFIDENTIALITY)}
    carried = _sensitivities(labels)
    return not refused.isdisjoint(code.upper() for code in _expanded(carried))


def combines_psychotherapy(permits: Iterable[frozenset[str]]) -> bool:
    """Whether permits of one form, each by its labels, release psychotherapy notes and something else. Then all of the
    form is defective (164.508(b)(2)(iv)).
    """
    named = [*permits]
    is_for_others = any(not one or _beside_psychotherapy(one) for one in named)
    return is_for_others and any(one & PSYCHOTHERAPY for one in named)


def is_mixed_with_psychotherapy(named: frozenset[str], labels: frozenset[str]) -> bool:
    """Whether psychotherapy notes would go under a form that releases something else, too.

    Only another form for the same notes may be combined with it (164.508(b)(3)(ii)).
    """
    return bool(labels & PSYCHOTHERAPY) and bool(_beside_psychotherapy(named))


def _beside_psychotherapy(named: frozenset[str]) -> frozenset[str]:
    """What is released beside such notes and the confidentiality that they have anyhow."""
    return named - PSYCHOTHERAPY - {RESTRICTED, "V"}
