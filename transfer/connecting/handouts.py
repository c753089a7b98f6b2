"""A page that is handed to people of the other side, as Markdown and as HTML to print."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_STYLE: Final = (
    "body{font:10.5pt/1.4 sans-serif;max-width:19cm;margin:1.5cm auto;padding:0 .5cm}h1{font-size:16pt}"
    "h2{font-size:12pt;margin:1.2em 0 .3em}div{overflow-x:auto}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #767676;padding:.2em .4em;text-align:left;vertical-align:top;overflow-wrap:break-word}"
    "code{font-family:monospace}@page{size:letter;margin:1.2cm}"
    "@media print{body{margin:0;max-width:none;font-size:8.5pt}h1{font-size:13pt}h2{font-size:10.5pt}"
    "p{margin:.4em 0}tr{break-inside:avoid}}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoutPart:
    """A heading, sentences, and a table below them. What stands between backticks is code."""

    heading: str
    sentences: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Handout:
    """A page for people of the other side."""

    #: of its file, without the ending
    name: str
    title: str
    parts: tuple[HandoutPart, ...]


def as_markdown(handout: Handout) -> str:
    """The page for a ticket or a mail."""
    found = [f"# {handout.title}"]
    for part in handout.parts:
        found += [f"## {part.heading}", *part.sentences]
        if part.rows:
            lines = [part.headings, ("---",) * len(part.headings), *part.rows]
            found.append("\n".join("| " + " | ".join(_cell(one) for one in line) + " |" for line in lines))
    return "\n\n".join(found) + "\n"


def as_html(handout: Handout) -> str:
    """The page for a printer: whole in itself, without script."""
    body = [f"<h1>{_coded(handout.title)}</h1>"]
    for part in handout.parts:
        body += [f"<h2>{_coded(part.heading)}</h2>", *(f"<p>{_coded(one)}</p>" for one in part.sentences)]
        if part.rows:
            head = _row("th", part.headings)
            rows = "".join(_row("td", one) for one in part.rows)
            body.append(f"<div><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>")
    title = html.escape(handout.title)
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _coded(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def _row(cell: str, texts: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{cell}>{_coded(text)}</{cell}>" for text in texts) + "</tr>"
