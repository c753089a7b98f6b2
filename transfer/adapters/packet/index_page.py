"""`index.html`: the packet for a person with a browser and no network. One file, no script, prints well.

Everything that came from outside is text here, never markup.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape as as_entities
from itertools import groupby
from typing import Final

from transfer.adapters.packet import in_words
from transfer.adapters.packet.in_words import SeriesView
from transfer.adapters.packet.layout import (
    DICOMDIR,
    MANIFEST,
    RECORDS_PDF,
    STATUSES,
    SUBMISSION,
    Entry,
    Layout,
    PlacedDocument,
    PlacedStudy,
    printable,
)
from transfer.adapters.packet.pdf import Bookmarked
from transfer.adapters.packet.shown import letters, why_not_shown
from transfer.adapters.packet.thumbnails import WHY_NONE
from transfer.packet import Contents, MaterialItem

#: a page that came with this file can load nothing, run nothing, send nothing
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"
_STYLE: Final = """
:root{--ink:#18202a;--soft:#55606c;--line:#d5dbe1;--tint:#f3f6f8;--accent:#00527a;--alarm:#8a2c0d;--alarm-tint:#fdf1ea}
*{box-sizing:border-box}
body{margin:0;color:var(--ink);background:#fff;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header>div{max-width:66rem;margin:0 auto;padding:0 1.5rem}
header{background:var(--tint);border-bottom:1px solid var(--line);padding:1.5rem 0 1.4rem}
.kind{margin:0;color:var(--soft);font-size:.95rem}
h1{margin:.1rem 0 .8rem;font-size:1.9rem;line-height:1.2;overflow-wrap:anywhere}
h2{margin:2.4rem 0 .6rem;font-size:1.3rem;color:var(--accent)}
h3{margin:1.4rem 0 .2rem;font-size:1.05rem;overflow-wrap:anywhere}
.brief{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.4rem;margin:0;font-size:1.05rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere;white-space:pre-line}
.brief dd:first-of-type{font-weight:600}
.details{margin:.9rem 0 0;color:var(--soft);font-size:.88rem;overflow-wrap:anywhere}
a{color:var(--accent)}a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:1rem;background:#fff;padding:.5rem}
.actions{display:flex;flex-wrap:wrap;gap:.6rem;margin:1.1rem 0 0;padding:0;list-style:none}
.actions a{display:block;padding:.45rem .9rem;border:1px solid var(--accent);border-radius:.35rem;
text-decoration:none;background:#fff}
.actions li:first-child a{background:var(--accent);color:#fff}
table{width:100%;border-collapse:collapse;margin:.3rem 0 0;table-layout:auto}
th,td{text-align:left;vertical-align:top;padding:.42rem .9rem .42rem 0;border-bottom:1px solid var(--line);
overflow-wrap:anywhere}
th{font-weight:600;color:var(--soft);font-size:.88rem;overflow-wrap:normal}
td.n,th.n{text-align:right;white-space:nowrap}td.d{white-space:nowrap;overflow-wrap:normal}
.no{width:2.5rem}.date{width:7.6rem}.from{width:24%}.status{width:8.5rem}.page{width:4rem}
tr:target,.study:target{background:var(--tint)}
.remark{display:block;margin:0;color:var(--soft);font-size:.9rem;overflow-wrap:anywhere}
.tag{display:inline-block;padding:0 .45rem;border-radius:.3rem;background:var(--tint);border:1px solid var(--line);
font-size:.85rem;overflow-wrap:normal}
.tag.look{background:var(--alarm-tint);border-color:var(--alarm);color:var(--alarm);font-weight:600}
.report{margin:.3rem 0 0}
.series{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:1rem;margin:.6rem 0 0;padding:0;
list-style:none}
.series img,.none{display:block;width:100%;aspect-ratio:1;object-fit:contain;background:#000;border-radius:.25rem}
.none{background:var(--tint);border:1px solid var(--line);padding:.6rem;color:var(--soft);font-size:.85rem}
.caption{display:block;margin-top:.25rem;font-size:.85rem;overflow-wrap:anywhere}
.notice{background:var(--tint);border:1px solid var(--line);border-radius:.35rem;padding:.7rem 1rem;margin:2rem 0 0}
.notice+.notice{margin-top:.6rem}
code{font:.9em ui-monospace,SFMono-Regular,Consolas,monospace;
background:var(--tint);padding:.1em .35em;border-radius:.2rem;overflow-wrap:anywhere}
pre{background:var(--tint);border:1px solid var(--line);border-radius:.35rem;padding:.7rem 1rem;overflow-x:auto}
pre code{padding:0;overflow-wrap:normal}
footer{margin-top:2rem;padding-bottom:2rem;color:var(--soft);font-size:.88rem}
@media(max-width:44rem){main,header>div{padding:0 1rem}.brief{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}
table,tbody,tr,td{display:block;width:auto}thead{position:absolute;left:-99rem}
tr{padding:.55rem 0;border-bottom:1px solid var(--line)}td{border:0;padding:.05rem 0}td:empty{display:none}
td.n{text-align:left}.series{grid-template-columns:repeat(auto-fill,minmax(7.5rem,1fr))}}
@media print{html{font-size:11px}body{font-size:10pt}header{background:none}.actions,.skip{display:none}
a{color:inherit;text-decoration:none}
h2,h3{break-after:avoid}tr,li,.study>h3{break-inside:avoid}thead{display:table-header-group}
.series{grid-template-columns:repeat(6,1fr)}main,header>div{max-width:none;padding:0}}
"""


def index_page(
    contents: Contents, layout: Layout, shown: Bookmarked, images: Mapping[str, SeriesView], thumbprint: str
) -> bytes:
    """The whole page. `images` are the series by their folders. The same contents always give the same bytes."""
    title = f"Records packet: {in_words.patient_name(contents)}"
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{_plain(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
            '<a class="skip" href="#timeline">Skip to the records</a>\n',
            _header(contents, layout),
            "<main>\n",
            _list("withdrawn", "Withdrawn", in_words.VOID, in_words.withdrawn(contents)),
            _timeline(layout, shown),
            _documents(layout, shown),
            _images(layout, images),
            _list("not-here", "Not in this packet", in_words.NOT_HERE, [one.label for one in contents.missing]),
            _material(contents),
            _about(contents, thumbprint),
            "</main>\n</body>\n</html>\n",
        )
    ).encode()


def _plain(text: str) -> str:
    """Others' words as text, never markup, and without what would steer how they are shown."""
    return as_entities(printable(text))


def _header(contents: Contents, layout: Layout) -> str:
    rows = in_words.case_in_brief(contents)
    brief = "".join(f"<dt>{_plain(label)}</dt><dd>{_plain(value)}</dd>" for label, value in rows)
    details = " · ".join(f"{_plain(label)} {_plain(value)}" for label, value in in_words.details(contents))
    actions = [(RECORDS_PDF, "Read everything as one PDF")]
    actions += [(DICOMDIR, "Open the images (DICOMDIR)")] if layout.studies else []
    actions += [("#documents", "Documents by kind")]
    actions += [("#not-here", "What is not in this packet")] if contents.missing else []
    items = "".join(f'<li><a href="{link}">{text}</a></li>' for link, text in actions)
    return (
        '<header><div>\n<p class="kind">Records packet for a second opinion</p>\n'
        f'<h1>{_plain(in_words.patient_name(contents))}</h1>\n<dl class="brief">{brief}</dl>\n'
        f'<p class="details">{details}</p>\n<ul class="actions">{items}</ul>\n</div></header>\n'
    )


def _timeline(layout: Layout, shown: Bookmarked) -> str:
    if not layout.timeline:
        return '<h2 id="timeline">Timeline</h2>\n<p>Nothing.</p>\n'
    rows = [_moment(one, shown) for one in layout.timeline]
    heading = (("date", "Day"), ("", "What"), ("from", "From"), ("page", "Page"))
    return f'<h2 id="timeline">Timeline</h2>\n{_table("Timeline, oldest first", heading, rows)}'


def _moment(one: Entry | PlacedStudy, shown: Bookmarked) -> str:
    if isinstance(one, PlacedStudy):
        what = f'<a href="#{_anchor(one)}">{_plain(one.title)}</a>'
        kind, remark, page = "Images", in_words.study_words(one), ""
    else:
        where = shown.documents[one.pages[0].number]
        what = f'<a href="#{_anchor(one)}">{_plain(one.received.title)}</a>'
        kind, remark = one.received.kind, "" if one.item.status.is_settled else STATUSES[one.item.status]
        page = f'<a href="{RECORDS_PDF}#page={where.page}">p. {where.page}</a>'
    return (
        f'<tr><td class="d">{_plain(in_words.day_of(one.item))}</td>'
        f'<td><span class="tag">{_plain(kind)}</span> {what}{_remark(remark)}</td>'
        f'<td>{_plain(one.item.source_name)}</td><td class="d">{page}</td></tr>\n'
    )


def _anchor(one: Entry | PlacedStudy) -> str:
    return f"study-{one.item.record}" if isinstance(one, PlacedStudy) else f"document-{one.number}"


def _documents(layout: Layout, shown: Bookmarked) -> str:
    parts = ['<h2 id="documents">Documents by kind</h2>\n']
    if not layout.documents:
        parts.append("<p>None.</p>\n")
    heading = (("no", "No."), ("date", "Day"), ("", "Document"), ("from", "From"), ("status", "Status"))
    for section, entries in groupby(layout.entries, key=lambda entry: entry.received.section):
        rows = [_document_row(entry, layout, shown) for entry in entries]
        parts.append(f"<h3>{_plain(section)}</h3>\n{_table(section, heading, rows)}")
    return "".join(parts)


def _document_row(entry: Entry, layout: Layout, shown: Bookmarked) -> str:
    item = entry.item
    look = " look" if not item.status.is_settled else ""
    said = [_plain(remark) for remark in in_words.remarks(entry, layout)]
    if (study := layout.study(entry)) is not None:
        said.append(f'about the images <a href="#{_anchor(study)}">{_plain(study.title)}</a>')
    return (
        f'<tr id="{_anchor(entry)}"><td>{entry.number}</td><td class="d">{_plain(in_words.day_of(item))}</td>'
        f'<td><a href="{entry.documents[0].path}">{_plain(entry.received.title)}</a>'
        f'<span class="remark">{"; ".join([*_files(entry, shown), *said])}</span></td>'
        f"<td>{_plain(item.source_name)}</td>"
        f'<td><span class="tag{look}">{STATUSES[item.status]}</span></td></tr>\n'
    )


def _files(entry: Entry, shown: Bookmarked) -> Iterator[str]:
    """Where each of its files is read: its page of the PDF, or why it has none."""
    for document in entry.documents:
        how = f" ({_plain(document.item.derivation)})" if document.item.derivation else ""
        yield f"{_file(document, _file_kind(document), shown)}{how}"
    if entry.taken_out and entry.is_message:
        yield _file(entry.received, f"as it was received, {_file_kind(entry.received)}", shown)


def _file(document: PlacedDocument, called: str, shown: Bookmarked) -> str:
    where = shown.documents[document.number]
    link = f'<a href="{document.path}">{_plain(called)}, {_bytes(document.item.location.length)}</a>'
    if why := why_not_shown(where.how):
        return f"{link}, not in the PDF: {_plain(why)}"
    said = f'{link}, <a href="{RECORDS_PDF}#page={where.page}">page {where.page} of the PDF</a>'
    return f"{said}, where {_plain(letters(where.undrawn))} cannot be drawn" if where.undrawn else said


def _file_kind(document: PlacedDocument) -> str:
    return document.path.rpartition(".")[2].upper()


def _images(layout: Layout, images: Mapping[str, SeriesView]) -> str:
    if not layout.studies:
        return ""
    studies = "".join(_study(study, layout, images) for study in layout.studies)
    return (
        f"<h2>Images</h2>\n{studies}"
        f'<p>Import the folder <code>data</code> into your archive, or open <a href="{DICOMDIR}">{DICOMDIR}</a> '
        "with a DICOM viewer. The pictures above are small previews and are not for diagnosis.</p>\n"
    )


def _study(study: PlacedStudy, layout: Layout, images: Mapping[str, SeriesView]) -> str:
    said = [study.item.source_name, in_words.study_words(study), _bytes(study.size)]
    said += [f"accession no. {study.accession}"] if study.accession else []
    said += [study.item.taken] if study.item.taken else []
    reports = "".join(
        f'<p class="report">Report: <a href="#{_anchor(entry)}">no. {entry.number}, '
        f"{_plain(entry.received.title)}</a></p>\n"
        for entry in layout.reports(study)
    )
    pictures = "".join(_series(images[series.folder]) for series in study.series)
    return (
        f'<section class="study" id="{_anchor(study)}" aria-label="{_plain(study.title)}">\n'
        f"<h3>{_plain(in_words.day_of(study.item))} · {_plain(study.title)}</h3>\n"
        f'<p class="remark">{_plain(" · ".join(said))}</p>\n{reports}<ul class="series">{pictures}</ul>\n</section>\n'
    )


def _series(view: SeriesView) -> str:
    thumbnail = view.thumbnail
    if thumbnail.jpeg:
        source = f"data:image/jpeg;base64,{base64.b64encode(thumbnail.jpeg).decode()}"
        picture = f'<img alt="Preview of {_plain(view.words)}" src="{source}">'
    else:
        picture = f'<span class="none">{_plain(WHY_NONE[thumbnail.why or "left-out"])}</span>'
    return f'<li>{picture}<span class="caption">{_plain(view.words)}</span></li>\n'


def _list(anchor: str, title: str, sentence: str, things: Sequence[str]) -> str:
    """A heading, a sentence and what it is about; nothing where there is nothing."""
    if not things:
        return ""
    items = "".join(f"<li>{_plain(one)}</li>\n" for one in things)
    return f'<h2 id="{anchor}">{title}</h2>\n<p>{_plain(sentence)}</p>\n<ul>\n{items}</ul>\n'


def _material(contents: Contents) -> str:
    if not contents.material:
        return ""
    rows = [
        f"<tr><td>{_plain(one.accession)}</td><td>{_plain(one.description)}</td>"
        f'<td class="n">{in_words.pieces(one)}</td>'
        f"<td>{_plain(one.state.replace('-', ' ').capitalize())}{_on(one)}</td>"
        f'<td class="d">{in_words.day_words(one.due_back) or "—"}</td></tr>\n'
        for one in contents.material
    ]
    heading = (("", "Accession no."), ("", "What"), ("n", "Received"), ("", "State"), ("date", "Due back"))
    return f"<h2>Slides and blocks</h2>\n{_table('Slides and blocks', heading, rows)}"


def _on(one: MaterialItem) -> str:
    return f", {in_words.day_words(one.received_at)}" if one.received_at else ""


def _remark(text: str) -> str:
    return f'<span class="remark">{_plain(text)}</span>' if text else ""


def _about(contents: Contents, thumbprint: str) -> str:
    notices = "".join(f'<p class="notice">{_plain(sentence)}</p>\n' for sentence in in_words.standing_notices(contents))
    return (
        f"{notices}{_verifying(thumbprint)}"
        "<footer><p>Days of records are as their sources say them. "
        f'For programs: <a href="{MANIFEST}">{MANIFEST}</a>, <a href="{SUBMISSION}">{SUBMISSION}</a>.</p></footer>\n'
    )


def _verifying(thumbprint: str) -> str:
    return f"""<h2>How to check that nothing was altered</h2>
<p>With the sender’s public keys at hand (a file you were given once, apart from this packet), run this on the folder or
on the tar file. It needs no network and names every file that was changed, removed or added.</p>
<pre><code>transfer verify --jwks sender-keys.json THIS-FOLDER</code></pre>
<p>Without that program: <code>sha256sum --check manifest-sha256.txt tagmanifest-sha256.txt</code> compares the files;
<code>signature.jws</code> is a detached JWS (RS256) over <code>tagmanifest-sha256.txt</code>. The signer’s key has the
thumbprint <code>{_plain(thumbprint)}</code>; compare it with the one you were given.</p>
"""


def _table(caption: str, heading: Sequence[tuple[str, str]], rows: Iterable[str]) -> str:
    cells = "".join(f'<th scope="col" class="{kind}">{_plain(label)}</th>' for kind, label in heading)
    return (
        f'<table aria-label="{_plain(caption)}">\n<thead><tr>{cells}</tr></thead>\n'
        f"<tbody>\n{''.join(rows)}</tbody>\n</table>\n"
    )


def _bytes(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 1000 * size else f"{count // size} {unit}"
    return f"{count} B"
