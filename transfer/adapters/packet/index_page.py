"""`index.html`: the packet for a person with a browser and no network. One file, no script, prints well.

Everything that came from outside is text here, never markup.
"""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from typing import Final

from transfer.adapters.packet.layout import (
    DICOMDIR,
    MANIFEST,
    RECORDS_PDF,
    STATUSES,
    SUBMISSION,
    Layout,
    PlacedDocument,
)
from transfer.adapters.packet.pdf import Bookmarked, day, facts, patient_name, remarks
from transfer.adapters.packet.shown import why_not_shown
from transfer.packet import NOTICE, PART_2_LABEL, PART_2_NOTICE, Contents

_STYLE: Final = """
:root{--ink:#18202a;--soft:#55606c;--line:#d5dbe1;--tint:#f3f6f8;--accent:#00527a;--alarm:#8a2c0d;--alarm-tint:#fdf1ea}
*{box-sizing:border-box}
body{margin:0;color:var(--ink);background:#fff;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header>div,footer{max-width:64rem;margin:0 auto;padding:0 1.5rem}
header{background:var(--tint);border-bottom:1px solid var(--line);padding:1.75rem 0 1.5rem}
.kind{margin:0;color:var(--soft);font-size:.95rem}
h1{margin:.1rem 0 1rem;font-size:1.9rem;line-height:1.2}
h2{margin:2.4rem 0 .6rem;font-size:1.3rem;color:var(--accent)}
h3{margin:1.5rem 0 .2rem;font-size:1.02rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.25rem;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
a{color:var(--accent)}a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:1rem;background:#fff;padding:.5rem}
.actions{display:flex;flex-wrap:wrap;gap:.6rem;margin:1.3rem 0 0;padding:0;list-style:none}
.actions a{display:block;padding:.45rem .9rem;border:1px solid var(--accent);border-radius:.35rem;
text-decoration:none;background:#fff}
.actions li:first-child a{background:var(--accent);color:#fff}
.question{border-left:4px solid var(--accent);margin:1rem 0 0;padding:.2rem 0 .2rem 1rem;white-space:pre-line}
table{width:100%;border-collapse:collapse;margin:.3rem 0 0}
th,td{text-align:left;vertical-align:top;padding:.45rem .9rem .45rem 0;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--soft);font-size:.88rem}
td.n,th.n{text-align:right;white-space:nowrap}td.d{white-space:nowrap}
.no{width:2.5rem}.date{width:7.6rem}.from{width:26%}.status{width:9.5rem}.size{width:5.5rem}
.remark{display:block;color:var(--soft);font-size:.9rem}
.tag{display:inline-block;padding:0 .45rem;border-radius:.3rem;background:var(--tint);border:1px solid var(--line);
font-size:.88rem}
.tag.look{background:var(--alarm-tint);border-color:var(--alarm);color:var(--alarm);font-weight:600}
.missing li{margin:.5rem 0}.missing strong{display:block}
.notice{background:var(--tint);border:1px solid var(--line);border-radius:.35rem;padding:.7rem 1rem;margin:2rem 0 0}
code{font:.9em ui-monospace,SFMono-Regular,Consolas,monospace;
background:var(--tint);padding:.1em .35em;border-radius:.2rem}
pre{background:var(--tint);border:1px solid var(--line);border-radius:.35rem;padding:.7rem 1rem;overflow-x:auto}
pre code{padding:0}
footer{margin-top:2.5rem;padding-bottom:2.5rem;color:var(--soft);font-size:.88rem}
@media(max-width:44rem){.size,td.s,th.s{display:none}dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
@media print{html{font-size:11px}body{font-size:10pt}header{background:none}.actions,.skip{display:none}
a{color:inherit;text-decoration:none}
h2,h3{break-after:avoid}tr,li{break-inside:avoid}thead{display:table-header-group}
main,header>div,footer{max-width:none;padding:0}}
"""


def index_page(contents: Contents, layout: Layout, shown: Bookmarked, thumbprint: str) -> bytes:
    """The whole page. The same contents always give the same bytes."""
    title = f"Records packet: {patient_name(contents)}"
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
            '<a class="skip" href="#documents">Skip to the documents</a>\n',
            _header(contents, layout),
            "<main>\n",
            _question(contents),
            _documents(layout, shown),
            _images(layout),
            _missing(contents),
            _material(contents),
            _notices(contents),
            _verifying(thumbprint),
            "</main>\n",
            f"<footer><p>Packet {escape(contents.packet)}. Dates are UTC. "
            f'For programs: <a href="{MANIFEST}">{MANIFEST}</a>, <a href="{SUBMISSION}">{SUBMISSION}</a>.</p>'
            "</footer>\n",
            "</body>\n</html>\n",
        )
    ).encode()


def _header(contents: Contents, layout: Layout) -> str:
    rows = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in facts(contents)[1:])
    actions = [
        f'<a href="{RECORDS_PDF}">Read everything as one PDF</a>',
        '<a href="#missing">What is still missing</a>',
    ]
    if layout.studies:
        actions.insert(1, f'<a href="{DICOMDIR}">Open the images (DICOMDIR)</a>')
    items = "".join(f"<li>{action}</li>" for action in actions)
    return (
        '<header><div>\n<p class="kind">Records packet for a second opinion</p>\n'
        f"<h1>{escape(patient_name(contents))}</h1>\n<dl>{rows}</dl>\n"
        f'<ul class="actions">{items}</ul>\n</div></header>\n'
    )


def _question(contents: Contents) -> str:
    if not contents.question:
        return ""
    return f'<h2>Question asked</h2>\n<p class="question">{escape(contents.question)}</p>\n'


def _documents(layout: Layout, shown: Bookmarked) -> str:
    parts = ['<h2 id="documents">Documents</h2>\n']
    if not layout.documents:
        parts.append("<p>None.</p>\n")
    for section, documents in groupby(layout.documents, key=lambda d: d.section):
        rows = [_document_row(document, layout, shown) for document in documents]
        heading = (
            ("no", "No."),
            ("date", "Date"),
            ("", "Document"),
            ("from", "From"),
            ("status", "Status"),
            ("size n s", "Size"),
        )
        parts.append(f"<h3>{escape(section)}</h3>\n{_table(section, heading, rows)}")
    return "".join(parts)


def _document_row(document: PlacedDocument, layout: Layout, shown: Bookmarked) -> str:
    item, where = document.item, shown.documents[document.number]
    said = [escape(remark) for remark in remarks(document, layout)]
    pages = f'<a href="{RECORDS_PDF}#page={where.page}">page {where.page} of the PDF</a>'
    why = why_not_shown(where.how)
    said.append(pages if why is None else f"not in the PDF: {escape(why)} Open the file.")
    look = " look" if not item.status.is_settled else ""
    return (
        f'<tr><td>{document.number}</td><td class="d">{day(item.at)}</td>'
        f'<td><a href="{document.path}">{escape(document.title)}</a>'
        f'<span class="remark">{"; ".join(said)}</span></td>'
        f"<td>{escape(item.source_name)}</td>"
        f'<td><span class="tag{look}">{STATUSES[item.status]}</span></td>'
        f'<td class="n s">{_bytes(item.location.length)}</td></tr>\n'
    )


def _images(layout: Layout) -> str:
    if not layout.studies:
        return ""
    rows = []
    for study in layout.studies:
        item = study.item
        kinds = f' <span class="tag">{escape(", ".join(item.modalities))}</span>' if item.modalities else ""
        rows.append(
            f'<tr><td class="d">{day(item.at)}</td><td>{escape(study.title)}{kinds}</td>'
            f'<td>{escape(item.source_name)}</td><td class="n">{len(study.series)}</td>'
            f'<td class="n">{item.instance_count}</td><td class="n s">{_bytes(study.size)}</td></tr>\n'
        )
    heading = (
        ("date", "Date"),
        ("", "Study"),
        ("from", "From"),
        ("n", "Series"),
        ("n", "Images"),
        ("size n s", "Size"),
    )
    return (
        f"<h2>Images</h2>\n{_table('Images', heading, rows)}"
        f'<p>Import the folder <code>data</code> into your archive, or open <a href="{DICOMDIR}">{DICOMDIR}</a> '
        "with a DICOM viewer.</p>\n"
    )


def _missing(contents: Contents) -> str:
    items = "".join(
        f"<li><strong>{escape(one.label)}</strong>{escape(one.sentence)}</li>\n" for one in contents.missing
    )
    body = f'<ul class="missing">\n{items}</ul>\n' if items else "<p>Nothing on the checklist.</p>\n"
    return f'<h2 id="missing">Still missing</h2>\n{body}'


def _material(contents: Contents) -> str:
    if not contents.material:
        return ""
    rows = [
        f"<tr><td>{escape(one.accession)}</td><td>{escape(one.description)}</td>"
        f'<td class="n">{one.count_received} of {one.count_expected}</td>'
        f"<td>{escape(one.state.replace('-', ' ').capitalize())}{_on(day(one.received_at, ''))}</td>"
        f'<td class="d">{day(one.due_back, "—")}</td></tr>\n'
        for one in contents.material
    ]
    heading = (("", "Accession no."), ("", "What"), ("n", "Received"), ("", "State"), ("date", "Due back"))
    return f"<h2>Slides and blocks</h2>\n{_table('Slides and blocks', heading, rows)}"


def _on(when: str) -> str:
    return f", {when}" if when else ""


def _notices(contents: Contents) -> str:
    said = [NOTICE, PART_2_NOTICE] if PART_2_LABEL in contents.labels else [NOTICE]
    return "".join(f'<p class="notice">{escape(sentence)}</p>\n' for sentence in said)


def _verifying(thumbprint: str) -> str:
    return f"""<h2>How to check that nothing was altered</h2>
<p>With the sender’s public keys at hand (a file you were given once, apart from this packet), run this on the folder or
on the tar file. It needs no network and names every file that was changed, removed or added.</p>
<pre><code>transfer verify --jwks sender-keys.json THIS-FOLDER</code></pre>
<p>Without that program: <code>sha256sum --check manifest-sha256.txt tagmanifest-sha256.txt</code> compares the files;
<code>signature.jws</code> is a detached JWS (RS256) over <code>tagmanifest-sha256.txt</code>. The signer’s key has the
thumbprint <code>{escape(thumbprint)}</code>; compare it with the one you were given.</p>
"""


def _table(caption: str, heading: Sequence[tuple[str, str]], rows: Iterable[str]) -> str:
    cells = "".join(f'<th scope="col" class="{kind}">{escape(label)}</th>' for kind, label in heading)
    return (
        f'<table aria-label="{escape(caption)}">\n<thead><tr>{cells}</tr></thead>\n'
        f"<tbody>\n{''.join(rows)}</tbody>\n</table>\n"
    )


def _bytes(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 1000 * size else f"{count // size} {unit}"
    return f"{count} B"
