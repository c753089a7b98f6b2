"""Documents while they are still being described: the same bytes may be told of in several resources."""

from dataclasses import dataclass, field, replace
from typing import Final

from transfer.adapters.fhir.trees import Tree, text
from transfer.records import Document, DocumentStatus, RecordKind


@dataclass(slots=True, kw_only=True)
class Draft:
    """A document, described once or more, whose bytes lie at one address of the source.

    `data` is what was sent along with a description, if there was room to hold it.
    """

    attachment: Tree
    documents: list[Document] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    data: str | None = None

    @property
    def document(self) -> Document:
        return merged(self.documents)


@dataclass(slots=True, kw_only=True)
class Drafts:
    """Documents by the absolute URL of their bytes. US Core wants a scanned report in two resources at one URL."""

    #: base64 held at once
    inline_bytes: int
    by_url: dict[str, Draft] = field(default_factory=dict)

    def add(self, url: str, document: Document, source: str | None, attachment: Tree) -> None:
        draft = self.by_url.setdefault(url, Draft(attachment=attachment))
        draft.documents.append(document)
        if source and source not in draft.sources:
            draft.sources.append(source)
        data = text(attachment, "data")
        if data and not draft.data and len(data) <= self.inline_bytes:
            draft.attachment, draft.data = attachment, data
            self.inline_bytes -= len(data)


#: of two descriptions of the same bytes the one that promises less counts
CAUTION: Final = (
    DocumentStatus.WITHDRAWN,
    DocumentStatus.PRELIMINARY,
    DocumentStatus.CORRECTED,
    DocumentStatus.AMENDED,
    DocumentStatus.APPENDED,
    DocumentStatus.FINAL,
    DocumentStatus.UNKNOWN,
)


def merged(documents: list[Document]) -> Document:
    """One document from all that was said of it; the first word counts where both say something."""
    first = documents[0]
    for other in documents[1:]:
        first = replace(
            first,
            kind=other.kind if first.kind is RecordKind.OTHER else first.kind,
            code=first.code or other.code,
            title=first.title or other.title,
            status=min(first.status, other.status, key=CAUTION.index),
            at=first.at or other.at,
            identifiers=tuple(dict.fromkeys(first.identifiers + other.identifiers)),
            parent=first.parent or other.parent,
            relation=first.relation or other.relation,
            labels=first.labels | other.labels,
        )
    return first
