"""FHIR searches: pages followed within the source's own base, entries taken one by one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from transfer.adapters.fhir.documents import says_void
from transfer.adapters.fhir.limits import DocumentLimits
from transfer.adapters.fhir.trees import Tree, check, check_meaning, child, children, parse, text, type_of
from transfer.adapters.http import Gone, HttpClient, NotOffered
from transfer.errors import NeedsReview, TooLarge, TurnedAway, Unexpected, Unreachable, Unreadable
from transfer.media_types import FHIR_JSON
from transfer.sources import KeepGoing

_FORM = "application/x-www-form-urlencoded"
#: care of whatever day
_ALL_TIME = "1900-01-01"
_DOCREF = "http://hl7.org/fhir/us/core/OperationDefinition/docref"


class _PagesNotPosted(Unexpected):
    """A page that follows a posted search cannot be had: some servers answer it only after a search by GET."""


class _PageTooLarge(TooLarge):
    """One page weighs more than is read at once: documents stand inside its entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEntry:
    """One resource of a searchset, or why it cannot be used. `address` is its absolute URL at the source."""

    resource: Tree
    address: str | None
    problem: str | None = None
    #: the page it came on, without its entries: what it says of itself holds for each of them
    page: Tree = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.address,) if self.address else ()


class Searches:
    """What a source answers to searches.

    A search is posted to `_search` while the source offers it, so that a patient's name or number does not stand in
    an address; else it is a GET.
    """

    def __init__(self, client: HttpClient, limits: DocumentLimits) -> None:
        self._client = client
        self._limits = limits
        self._posts = True
        #: whether documents are made when asked for; None: not known yet
        self._docref: bool | None = None

    def made(self, patient: str, keep_going: KeepGoing) -> Iterator[SearchEntry]:
        """Documents that the source makes, or finds elsewhere, when it is asked for them: US Core `$docref`, where its
        CapabilityStatement offers it. Those of its search may be among them. None where it then does not do so.

        Without a start only the most recent one is meant (http://hl7.org/fhir/us/core/OperationDefinition/docref).

        Raises:
            as `entries`, but for what says that it cannot be asked so.
        """
        if not self._offers_docref(keep_going):
            return
        criteria = urlencode({"patient": patient, "start": _ALL_TIME})
        try:
            first = self._page("GET", f"{self._client.base}/DocumentReference/$docref?{criteria}", keep_going)
        except (Unexpected, Unreadable, TurnedAway, TooLarge):
            return
        yield from self._new(self._from(first, keep_going, self._limits.pages), "DocumentReference", set())

    def _offers_docref(self, keep_going: KeepGoing) -> bool:
        """Asked once. A source that does not say what it offers is not asked for it.

        Raises:
            Unreachable: not now, and it says when to ask again.
        """
        if self._docref is None:
            try:
                url = f"{self._client.base}/metadata"
                reply = self._client.ask("GET", url, accept=FHIR_JSON, keep_going=keep_going)
                self._docref = _has_docref(parse(reply.body, limit=self._client.limits.page_bytes))
            except (NeedsReview, TooLarge, TurnedAway):
                self._docref = False
            except Unreachable as error:
                if error.retry_after is not None:  # it will tell: documents would be missing without a word
                    raise
                self._docref = False
        return self._docref

    def entries(self, kind: str, criteria: Mapping[str, str], keep_going: KeepGoing) -> Iterator[SearchEntry]:
        """The matches, each resource once. Included resources are left out; an outcome that says the search failed
        is a problem of its own.

        A page that has expired (410) starts the search again, once: pages are no snapshot. So does one that is too
        large, with one match a page (`_count`, R4 search 3.1.1.4.4), which a source may decline to heed. One whose
        further pages are refused after a posted search is asked by GET.

        Raises:
            Unexpected, Unreadable: the source did not answer with a searchset, or leads in circles or elsewhere.
            TooLarge: more pages than are read, or one match alone is too large.
            TurnedAway, Unreachable, CutShort: as the words say.
        """
        seen: set[str] = set()
        asked, expired, posts = dict(criteria), False, True
        while True:
            try:
                return (yield from self._new(self._pages(kind, asked, keep_going, posts=posts), kind, seen))
            except _PagesNotPosted:
                posts = False
            except Gone:
                if expired:
                    raise
                expired = True
            except _PageTooLarge:
                if asked.get("_count") == "1":
                    raise
                asked["_count"] = "1"

    def _new(self, pages: Iterator[Tree], kind: str, seen: set[str]) -> Iterator[SearchEntry]:
        for page in pages:
            for entry in children(page, "entry"):
                found = self._entry(entry, kind)
                if found and (found.address is None or found.address not in seen):
                    seen.update({found.address} if found.address else ())
                    yield replace(found, page={"meta": page.get("meta")})

    def _pages(self, kind: str, criteria: Mapping[str, str], keep_going: KeepGoing, *, posts: bool) -> Iterator[Tree]:
        is_posted = posts and self._posts
        page = self._first(kind, criteria, keep_going, posts=posts)
        # A name or a birth date does not go into an address because of a server's fault; our id of theirs may.
        may_ask_by_get = is_posted and self._posts and "patient" in criteria
        most = self._limits.documents if criteria.get("_count") == "1" else self._limits.pages
        yield from self._from(page, keep_going, most, _PagesNotPosted if may_ask_by_get else None)

    def _from(
        self, page: Tree, keep_going: KeepGoing, most: int, refused: type[Unexpected] | None = None
    ) -> Iterator[Tree]:
        """A page, and those that follow it. `refused`: what is raised where one of these cannot be had."""
        read = set[str]()
        yield page
        while following := self._next(page):
            if following in read:
                raise Unexpected("its pages lead in a circle")
            read.add(following)
            if len(read) >= most:
                raise TooLarge("more pages than are read")
            keep_going()
            try:
                page = self._page("GET", following, keep_going)
            except Gone:
                raise
            except Unexpected:
                if refused:
                    raise refused("a page that cannot be had") from None
                raise
            yield page

    def _first(self, kind: str, criteria: Mapping[str, str], keep_going: KeepGoing, *, posts: bool) -> Tree:
        url, form = f"{self._client.base}/{kind}", urlencode(criteria)
        if self._posts and posts:
            try:
                return self._page("POST", f"{url}/_search", keep_going, form.encode())
            except NotOffered:
                self._posts = False
        return self._page("GET", f"{url}?{form}", keep_going)

    def _page(self, method: str, url: str, keep_going: KeepGoing, form: bytes | None = None) -> Tree:
        headers = {} if form is None else {"Content-Type": _FORM}
        try:
            reply = self._client.ask(
                method,
                url,
                accept=FHIR_JSON,
                keep_going=keep_going,
                headers=headers,
                body=form,
                is_safe=True,  # by POST, too: FHIR R4 http.html#search
            )
            page = parse(reply.body, limit=self._client.limits.page_bytes)
        except TooLarge as error:
            raise _PageTooLarge(str(error)) from None
        if type_of(page) != "Bundle" or text(page, "type") != "searchset":
            raise Unexpected("not a searchset")
        if not isinstance(page.get("entry", []), list):
            raise Unreadable("a searchset whose entries are no list")
        return page

    def _next(self, page: Tree) -> str | None:
        if not isinstance(page.get("link", []), list):
            raise Unreadable("a searchset whose links are no list")
        named = {text(link, "url") for link in children(page, "link") if text(link, "relation") == "next"}
        if not named:
            return None
        said = named.pop()
        if said is None or named:  # the rest would be missing without a word
            raise Unexpected("it says that a page follows, and not which")
        url = self._client.address(said)
        if url is None or not self._client.is_within(url):
            raise Unexpected("its next page lies outside its own address")
        return url

    def _entry(self, entry: Tree, kind: str) -> SearchEntry | None:
        resource, mode = child(entry, "resource"), text(entry, "search", "mode")
        if type_of(resource) == "OperationOutcome" or mode == "outcome":
            failed = any(text(issue, "severity") in ("error", "fatal") for issue in children(resource, "issue"))
            return (
                SearchEntry(resource={}, address=None, problem="the source reports an error in its answer")
                if failed
                else None
            )
        if mode == "include":
            return None
        address = self._address(entry, resource)
        if type_of(resource) != kind:
            return SearchEntry(resource={}, address=address, problem="an entry that was not asked for")
        try:
            (check_meaning if says_void(resource) else check)(resource)
        except NeedsReview as error:
            return SearchEntry(resource=resource, address=address, problem=str(error))
        return SearchEntry(resource=resource, address=address)

    def _address(self, entry: Tree, resource: Tree) -> str | None:
        said = (text(entry, "fullUrl") or "").partition("/_history/")[0]
        if said.startswith(("http://", "https://")):
            return said
        number = text(resource, "id")
        return f"{self._client.base}/{type_of(resource)}/{number}" if number else None


def _has_docref(statement: Tree) -> bool:
    """R4 CapabilityStatement.rest.resource.operation, and rest.operation."""
    for rest in children(statement, "rest"):
        documents = [one for one in children(rest, "resource") if text(one, "type") == "DocumentReference"]
        for operation in (each for one in (rest, *documents) for each in children(one, "operation")):
            if (text(operation, "definition") or "").partition("|")[0] == _DOCREF:
                return True
    return False


def escaped(value: str) -> str:
    r"""`$`, `,` and `|` have a meaning in searches (R4 search, 3.1.1.5.7); `\` escapes them."""
    return "".join(f"\\{character}" if character in "\\$,|" else character for character in value)
