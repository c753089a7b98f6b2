"""Which disclosures an accounting lists (45 CFR 164.528)."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from transfer.institutions import Basis


class Exemption(StrEnum):
    """Why a disclosure need not be accounted for, by its clause."""

    #: to carry out treatment
    TREATMENT = "164.528(a)(1)(i)"
    #: by an authorization
    AUTHORIZATION = "164.528(a)(1)(iv)"


#: A disclosure to a third party at the patient's direction, and one in an emergency, are accounted for: (a)(1)(ii)
#: speaks of disclosures to individuals alone, and who accounts for too much withholds nothing.
_EXEMPT: Final[Mapping[str, Exemption]] = MappingProxyType(
    {Basis.TREATMENT: Exemption.TREATMENT, Basis.AUTHORIZATION: Exemption.AUTHORIZATION}
)


def exemptions(bases: Collection[str]) -> tuple[Exemption, ...]:
    """Why a disclosure that rests on these bases is not accounted for; none: it is. Each basis must be exempt."""
    if not bases or not set(bases) <= _EXEMPT.keys():
        return ()
    return tuple(sorted({_EXEMPT[basis] for basis in bases}))
