"""Documents as the institutions issue them: PDF pages and C-CDA notes."""

import re
from datetime import datetime
from functools import lru_cache
from importlib import resources
from xml.sax.saxutils import escape

from fpdf import FPDF

from transfer.sandbox import narratives
from transfer.sandbox.charts import Chart, moment
from transfer.sandbox.directory import ALL, LAKESIDE, PRAIRIE, Entry

_STATEMENTS = {
    "revoke": "I may revoke this authorization in writing at any time, except where it has been relied on.",
    "condition": "My treatment does not depend on whether I sign this form.",
    "redisclose": "The recipient may pass the information on, and federal privacy rules may then no longer protect it.",
}


def pdf(entry: Entry, title: str, chart: Chart, at: datetime, sections: narratives.Sections) -> bytes:
    """A small PDF with searchable text: letterhead, patient, sections.

    The same arguments give the same bytes: the laboratory and the office send one report, not two look-alikes.
    """
    return _sheet(entry.name, entry.address, title, at, tuple(_about(entry, chart, at)), tuple(map(tuple, sections)))


@lru_cache(maxsize=32)
def _sheet(
    name: str, address: str, title: str, at: datetime, about: tuple[str, ...], sections: tuple[tuple[str, str], ...]
) -> bytes:
    """The last ones are remembered: a report is drawn for its laboratory, and for the office's copy of it."""
    sheet = FPDF(format="letter")
    # Left plain, so that whoever looks for a patient's name on a disk finds it.
    sheet.set_compression(False)
    sheet.set_creation_date(at)
    sheet.set_title(title)
    sheet.add_page()
    _line(sheet, name, size=15, bold=True)
    _line(sheet, address, size=9)
    _line(sheet, title, size=13, bold=True)
    for text in about:
        _line(sheet, text)
    for heading, paragraph in sections:
        _line(sheet, heading, bold=True)
        _line(sheet, paragraph)
    return bytes(sheet.output())


def pathology_report(chart: Chart, status: str = "F") -> bytes:
    """The laboratory's own report, of which the referring office keeps a copy."""
    title = {"P": "Preliminary surgical pathology report", "C": "Corrected surgical pathology report"}.get(
        status, "Surgical pathology report"
    )
    title = f"{title} {chart['pathology']['accession']['value']}"
    return pdf(PRAIRIE, title, chart, moment(chart, "pathology", PRAIRIE), narratives.pathology(chart, status))


def release_form(chart: Chart) -> bytes:
    """The signed authorization (45 CFR 164.508(c)) as it was scanned."""
    form = chart["form"]
    signed = datetime.fromisoformat(form["signed_at"] or f"{chart['drawn_on']}T12:00:00+00:00")
    sections = [
        ("I authorize", "; ".join(ALL[known].name for known in form["disclosers"]) or "(not filled in)"),
        ("to disclose to", "; ".join(ALL[known].name for known in form["recipients"]) or "(not filled in)"),
        ("the following information", form["description"] or "(not filled in)"),
        ("for the purpose of", "a second opinion" if form["purpose"] else "(not filled in)"),
        ("This authorization expires on", form["expires_on"] or "(not filled in)"),
        ("Statements", " ".join(_STATEMENTS[said] for said in form["statements"]) or "(none)"),
        ("Signed", _signature(chart)),
    ]
    return pdf(LAKESIDE, "Authorization to release health information", chart, signed, sections)


def note(template: str, chart: Chart, at: datetime, title: str, author: str, texts: dict[str, str]) -> bytes:
    """A C-CDA document: `data/<template>` with every place filled in."""
    text = resources.files("transfer.sandbox").joinpath(f"data/{template}").read_text(encoding="utf-8")
    patient = chart["patient"]
    author_given, _, author_family = author.partition(" ")
    places = {
        **texts,
        **patient["address"],
        "title": title,
        "organization": LAKESIDE.name,
        "npi": LAKESIDE.npi,
        "number": chart["documents"]["consultation" if template.startswith("cons") else "operation"]["number"],
        "when": f"{at:%Y%m%d%H%M%S%z}",
        "mrn": chart["numbers"][LAKESIDE.id]["value"],
        "mrn_root": f"{LAKESIDE.oid}.1",
        "phone": patient["phone"],
        "family": patient["family"],
        "given": patient["given"][0],
        "middle": patient["given"][1],
        "sex": patient["sex"][0].upper(),
        "birth_time": patient["birth_date"].replace("-", ""),
        "author_given": author_given,
        "author_family": author_family,
    }
    filled = re.sub(r"@@([a-z_]+)@@", lambda place: escape(places[place[1]], {'"': "&quot;"}), text)
    return filled.encode()


def shipping_list(chart: Chart) -> str:
    """What the slide room packs, for a person who counts it on arrival."""
    material = chart["pathology"]
    lines = [
        f"{PRAIRIE.name}, slide room",
        f"Accession {material['accession']['value']}",
        f"Patient {chart['patient']['family']}, {chart['patient']['given'][0]}, born {chart['patient']['birth_date']}",
        f"{len(material['slides'])} slides, {len(material['blocks'])} blocks (blocks stay here unless asked for)",
        "",
        *(f"  {slide['id']:<24} {slide['stain']:<6} block {slide['block']}" for slide in material["slides"]),
    ]
    return "\n".join(lines) + "\n"


def _about(entry: Entry, chart: Chart, at: datetime) -> list[str]:
    patient = chart["patient"]
    number = chart["numbers"].get(entry.id)
    return [
        f"Patient: {patient['family']}, {' '.join(patient['given'])}   Born: {patient['birth_date']}",
        f"Record number: {number['value']} ({entry.namespace})" if number else "",
        f"Date: {at:%Y-%m-%d}",
    ]


def _signature(chart: Chart) -> str:
    form, patient = chart["form"], chart["patient"]
    if not form["signed_at"]:
        return "(not signed)"
    if form["representative"]:
        who = form["representative"]
        return f"{who['name']}, {who.get('authority') or 'authority not stated'}, on {form['signed_at'][:10]}"
    return f"{patient['given'][0]} {patient['family']}, on {form['signed_at'][:10]}"


def _line(sheet: FPDF, text: str, *, size: int = 11, bold: bool = False) -> None:
    sheet.set_font("Helvetica", style="B" if bold else "", size=size)
    # what fits in a line need not be broken: measuring that is most of drawing
    fits = "\n" not in text and sheet.get_string_width(text) < sheet.epw - 2 * sheet.c_margin
    draw = sheet.cell if fits else sheet.multi_cell
    draw(0, size * 0.6, text, new_x="LMARGIN", new_y="NEXT")
