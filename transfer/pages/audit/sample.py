"""A random sample of what was disclosed, which anybody can draw again by its seed."""

import re
import secrets
from typing import Final

from transfer.errors import Unknown
from transfer.flow import desk
from transfer.pages.desk.periods import file_of, format_of, period_of, query_of
from transfer.pages.desk.words import words
from transfer.pages.forms import Problems
from transfer.pages.routes import Answer, Asked, File, Page
from transfer.rights import Right

#: as many as one of the published procedures of contract audits has in a cycle
_SIZE: Final = 10
_MOST: Final = 500
_SEED: Final = re.compile(r"[a-z0-9]{1,32}")


def _drawing(asked: Asked) -> tuple[int, str]:
    """How many are drawn, and by which seed; without one a new one is drawn.

    Raises:
        Unknown: not so many, or not a seed.
    """
    size, seed = asked.query.get("size") or str(_SIZE), asked.query.get("seed") or secrets.token_hex(8)
    if not (size.isascii() and size.isdigit() and 0 < int(size[:4]) <= _MOST and _SEED.fullmatch(seed)):
        raise Unknown("there is no such sample")
    return int(size[:4]), seed


def _show(asked: Asked) -> Answer:
    problems = Problems()
    period, (size, seed) = period_of(asked, problems), _drawing(asked)
    found = desk.draw_sample(asked.services, period, actor=asked.actor, size=size, seed=seed)
    return Answer(
        template="audit_sample.html",
        title="Sample",
        context={
            "found": found,
            "pages": {"pages": 1},
            "period": period,
            "size": size,
            "most": _MOST,
            "seed": seed,
            "query": f"{query_of(asked, period)}&size={size}&seed={seed}",
            "zone": asked.services.zone,
            "words": words,
            "problems": problems,
        },
        status=422 if problems else 200,
    )


def _file(asked: Asked) -> File:
    problems = Problems()
    period, (size, seed) = period_of(asked, problems), _drawing(asked)
    if problems:
        raise Unknown("there is no such list")
    made = desk.sample_file(asked.services, period, format_of(asked), actor=asked.actor, size=size, seed=seed)
    return file_of(made)


DECLARED: Final = (
    Page(path="/audit/sample", right=Right.AUDIT, show=_show),
    Page(path="/audit/sample/file/{form}", right=Right.AUDIT, show=_file),
)
