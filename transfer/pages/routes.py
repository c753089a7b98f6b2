"""How a page declares itself: its path, the right it needs, and what shows it or does it.

    PAGES = (
        Page(path="/desk/cases/{case}", right=Right.SEE_CASES, show=show_case),
        Act(path="/desk/cases/{case}/close", right=Right.WORK_ON_CASES, do=close_case),
    )

`transfer.pages.app` makes routes of these and of nothing else. Each is behind `transfer.pages.guard`, so a function
here is called only for somebody who signed in and has the right. It runs in a thread: it may wait for the ledger.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from starlette.routing import Route

from transfer.errors import Unknown
from transfer.flow.services import Services
from transfer.identifiers import Identifier
from transfer.pages.forms import Fields
from transfer.rights import Actor, Right
from transfer.sessions import Session

T = TypeVar("T", bound=Identifier)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserRequest:
    """What a browser says of what it asks for."""

    #: what stands in the path's braces
    path: Mapping[str, str] = field(default_factory=dict)
    #: what follows the path's question mark: codes, page numbers; never anything of a patient
    query: Mapping[str, str] = field(default_factory=dict)
    #: of the form that was sent; empty where a page is asked for
    fields: Fields = field(default_factory=Fields)

    def id(self, kind: type[T], name: str) -> T:
        """An identifier of ours from the path.

        Raises:
            Unknown: it has not the form of one.
        """
        try:
            return kind(self.path[name])
        except ValueError:
            raise Unknown("there is no such page") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(BrowserRequest):
    """What somebody who signed in asks for."""

    services: Services
    session: Session

    @property
    def actor(self) -> Actor:
        """What verbs of the desk are called with."""
        return self.session.actor

    @property
    def today(self) -> date:
        """The day by the clocks of the desk."""
        return datetime.now(self.services.zone).date()

    @property
    def yesterday(self) -> date:
        """The earliest day that is today somewhere."""
        return self.today - timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A page to show. `title` stands in the browser's history and tab: never a name, birth date or number."""

    #: a file of `transfer/pages/templates`, beginning with `{% extends "base.html" %}`
    template: str
    title: str
    #: what the template is given; the names of `transfer.pages.templating` are ours
    context: Mapping[str, object] = field(default_factory=dict)
    #: 422 where a form is shown again
    status: int = 200
    #: seconds until the browser asks by itself for this path of ours: a page that people keep open, without script
    again: "tuple[int, str] | None" = None
    #: what somebody typed and sent, and what was not done
    unsent: "Unsent | None" = None
    #: it is a form that was sent already, and that nothing was done with: filled in as it was
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class Unsent:
    """What was typed into a form, carried by a page that does nothing with it. `path`: where the form is sent to."""

    path: str
    fields: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Bytes of others, to be kept by whoever asked. A browser shows none of them. `name` says nothing of a patient."""

    name: str
    size: int
    pieces: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class DrawnPicture:
    """A picture that we drew ourselves, to stand on a page: JPEG."""

    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Next:
    """After an act: the page that the browser asks for then (RFC 9110, section 15.4.4). A path of ours."""

    path: str
    #: the session is over with this act
    ends_session: bool = False

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or self.path.startswith("//"):
            raise ValueError("a path of ours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that is asked for by GET and changes nothing but the record of who looked."""

    path: str
    #: None: whoever signed in may see it
    right: Right | None
    show: Callable[[Asked], Answer | File | DrawnPicture]
    #: its name in the header of every page, in the order of the declarations; None: it stands there not
    nav: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A form that is sent by POST: it does one verb of the desk, and answers with a page to go to, the form again or
    the file that the verb made. Its form stands on the page of the same path, or of the path above.
    """

    path: str
    #: None: whoever signed in may do it
    right: Right | None
    do: Callable[[Asked], Answer | File | Next]
    #: bytes of the file that its form may send; 0: it sends none
    largest_file: int = 0
    #: the file is too large for memory: it comes as an open file without a name
    is_on_disk: bool = False
    #: its form is a button among others, into which nobody types: there is nothing of it to be shown again
    is_button: bool = False


Declared = Page | Act


@dataclass(frozen=True, slots=True, kw_only=True)
class WayIn:
    """A way to sign in: what the page says of it, where its link leads, and the routes that answer who has not signed
    in. They show nothing of a case. The link is followed by GET, for our policy lets no form lead to another host.
    """

    label: str
    path: str
    routes: Sequence[Route]
    #: where somebody who signed out here ends what they may have there, too
    sign_out: str | None = None
