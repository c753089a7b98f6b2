"""People at the desk: each may do everything, and nobody made sure who they are, as on the command line."""

from transfer.rights import Actor, Right


def somebody(person: str, *, without: frozenset[Right] = frozenset(), is_claimed: bool = True) -> Actor:
    return Actor(person=person, rights=frozenset(Right) - without, is_claimed=is_claimed)


ANN, BEN = somebody("ann"), somebody("ben")
CLERK, NURSE, REGISTRAR = somebody("clerk"), somebody("nurse"), somebody("registrar")
