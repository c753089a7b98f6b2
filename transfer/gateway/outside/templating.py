"""Pages of outside as HTML: with the desk's macros and style, and a frame of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from transfer.gateway.outside.routes import OutsidePage, OutsidePart
from transfer.pages.address import Address
from transfer.pages.routes import Answer
from transfer.pages.templating import STYLE_PATH, environment

#: where the style is asked for at the doors' address
STYLE_AT: Final = "/c" + STYLE_PATH.removeprefix("/desk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What stands around a page. As it is by itself: for somebody who has not signed in."""

    part: OutsidePart | None = None
    #: of the session's forms; empty where nobody signed in
    token: str = ""
    nav: Sequence[OutsidePage] = ()
    #: the path of the page as it was declared
    here: str = ""


def rendered(address: Address, answer: Answer, frame: Around | None = None) -> str:
    """The page as HTML."""
    around = frame or Around()
    ours = {
        "title": answer.title,
        "part": around.part,
        "token": around.token,
        "nav": around.nav,
        "here": around.here,
        "is_plain": address.is_plain,
        "style_path": STYLE_AT,
    }
    found = environment("transfer.gateway.outside", "transfer.pages").get_template(answer.template)
    return found.render(**answer.context, **ours)  # a name that is both is an error, not one of the two
