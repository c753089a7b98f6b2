"""Templates: everything that is filled in is text, never markup. A name that was not given is an error, not a blank."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from transfer.pages.address import Address
from transfer.pages.forms import TOKEN
from transfer.pages.routes import Answer, Page
from transfer.sentences.trade import day_words, with_days
from transfer.sessions import Session

#: what browsers keep of ours: its name changes with its content
STYLE: Final = (resources.files("transfer.pages") / "static" / "desk.css").read_bytes()
STYLE_PATH: Final = f"/desk/style-{hashlib.sha256(STYLE).hexdigest()[:12]}.css"


@cache
def environment(*packages: str) -> Environment:
    """Where templates are looked up: the folder `templates` of each package, the first one first."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(day=day_words, days=with_days, moment=moment_words)
    made.globals.update(style_path=STYLE_PATH, token_field=TOKEN)
    return made


def moment_words(at: datetime, zone: ZoneInfo) -> str:
    """A moment in a reader's zone, which is named: Sat 28 Nov 2026, 14:59 CST."""
    there = at.astimezone(zone)
    return f"{day_words(there)}, {there:%H:%M %Z}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What stands around a page. As it is by itself: for somebody who has not signed in."""

    session: Session | None = None
    #: of the session's forms
    token: str = ""
    #: the links of the header
    nav: Sequence[Page] = ()
    #: the path of the page as it was declared
    here: str = ""


def rendered(address: Address, answer: Answer, frame: Surroundings | None = None) -> str:
    """The page as HTML."""
    around = frame or Surroundings()
    ours = {
        "title": answer.title,
        "session": around.session,
        "token": around.token,
        "nav": around.nav,
        "here": around.here,
        "is_plain": address.is_plain,
        "unsent": answer.unsent,
        "is_again": answer.is_again,
    }
    # a name that is both is an error, not one of the two
    return environment("transfer.pages").get_template(answer.template).render(**answer.context, **ours)
