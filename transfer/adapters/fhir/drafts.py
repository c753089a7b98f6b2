"""Documents while they are still being described: the same bytes may be told of in several resources."""

from dataclasses import dataclass, field, replace

from transfer.adapters.fhir.trees import Tree, children
from transfer.bytes_seen import Announced
from transfer.records import Document, RecordKind, least


@dataclass(slots=True, kw_only=True)
class DraftFile:
    """One attachment: at `address`, which is the source's own; inside its resource, as `data`; or elsewhere."""

    announced: Announced
    title: str | None
    #: as it is said where it is not the source's own
    url: str | None
    address: str | None
    data: str | None


@dataclass(slots=True, kw_only=True)
class Draft:
    """A document, described once or more."""

    files: list[DraftFile]
    documents: list[Document]
    sources: list[str]
    versions: list[str]
    #: what says more than its files do
    beside: list[Tree] = field(default_factory=list)

    @property
    def document(self) -> Document:
        return merged(self.documents)

    @property
    def version(self) -> str | None:
        """None: results change without the report that names them."""
        return None if any(children(one, "result") for one in self.beside) else "|".join(sorted(self.versions))

    @property
    def urls(self) -> set[str]:
        return {one.url for one in self.files if one.url}

    def take(self, other: "Draft") -> None:
        """The same document in other words, with what it has besides."""
        known = self.urls
        self.files += [one for one in other.files if one.url not in known]
        self.documents += other.documents
        self.sources += [one for one in other.sources if one not in self.sources]
        self.versions += other.versions
        self.beside += other.beside


@dataclass(slots=True, kw_only=True)
class Drafts:
    """Documents of which another resource may tell, too. US Core wants a scanned report in two resources at one URL."""

    #: base64 held at once
    inline_bytes: int
    held: list[Draft] = field(default_factory=list)
    #: addresses of what a resource says is not to be used
    taken_back: set[str] = field(default_factory=set)

    def is_taken_back(self, draft: Draft) -> bool:
        """Whether one resource says that it is not to be used, and another that it is."""
        return not self.taken_back.isdisjoint(draft.urls)

    def add(self, draft: Draft) -> None:
        """Two that have an address in common are one. Of what was sent along as much is held as there is room for."""
        for one in draft.files:
            if one.data and len(one.data) > self.inline_bytes:
                one.data = None
            self.inline_bytes -= len(one.data or "")
        same = next((each for each in self.held if each.urls & draft.urls), None)
        if same:
            same.take(draft)
        else:
            self.held.append(draft)


def merged(documents: list[Document]) -> Document:
    """One document from all that was said of it; the first word counts where both say something."""
    first = documents[0]
    for other in documents[1:]:
        first = replace(
            first,
            kind=other.kind if first.kind is RecordKind.OTHER else first.kind,
            code=first.code or other.code,
            title=first.title or other.title,
            status=least((first.status, other.status)),
            at=first.at or other.at,
            day=first.day or other.day,
            stated_at=first.stated_at or other.stated_at,
            identifiers=tuple(dict.fromkeys(first.identifiers + other.identifiers)),
            parent=first.parent or other.parent,
            further_parents=first.further_parents if first.parent else other.further_parents,
            relation=first.relation or other.relation,
            aliases=tuple(dict.fromkeys(first.aliases + other.aliases)),
            entries=tuple(dict.fromkeys(first.entries + other.entries)),
            labels=first.labels | other.labels,
        )
    return first
