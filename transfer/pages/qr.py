"""Codes that a reader reads from paper: an identifier of ours, which says nothing to anybody else (ISO/IEC 18004)."""

import segno
from markupsafe import Markup

from transfer.identifiers import Identifier


def drawn(name: Identifier) -> Markup:
    """The identifier as a QR code: an SVG for the page itself."""
    code = segno.make(name.upper(), error="m", micro=False)
    return Markup(code.svg_inline(scale=4, svgclass=None, lineclass=None, omitsize=False))  # noqa: S704  our own drawing
