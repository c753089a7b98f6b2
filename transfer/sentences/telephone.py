"""What may be read out on the telephone of how a case stands: what is here and what is not.

It says the same whether or not something was withheld or stopped (docs/safety.md, promise 7). Whom we wait for is
nobody's business outside.
"""

from collections.abc import Iterable, Sequence

_SHOWN = 3


def read_out(
    lacking: Sequence[str], pieces: Iterable[tuple[str, int, int]], *, is_open: bool, is_delivered: bool
) -> str:
    """One or two sentences. `pieces`: kind, how many are here, how many were announced (0: nobody said)."""
    if not is_open:
        return "The request is closed."
    if is_delivered:
        return "The records were delivered to the center."
    glass = [_counted(kind, here, of) for kind, here, of in pieces if here]
    received = f"We have {' and '.join(glass)}. " if glass else ""
    if not lacking:
        return f"{received}What we need is here, and we are preparing it."
    more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
    return f"{received}Still outstanding: {'; '.join(lacking[:_SHOWN])}{more}."


def _counted(kind: str, here: int, of: int) -> str:
    what = f"{kind}s" if max(here, of) != 1 else kind
    return f"{here} of {of} {what}" if of else f"{here} {what}"
