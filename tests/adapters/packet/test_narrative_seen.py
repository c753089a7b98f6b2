"""RTF and HTML as programs in hospitals write them: no two words become one, none is lost, none changes its meaning."""

import pytest

from transfer.adapters.packet import narrative


def words(content_type: str, data: bytes) -> list[str]:
    return list(narrative.lines(narrative.blocks(content_type, data) or []))


def of_rtf(text: bytes) -> list[str]:
    return words("application/rtf", b"{\\rtf1\\ansi\\ansicpg1252 " + text + b"}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"margin{\\footnote see addendum}free", ["margin (note:)  see addendum free"]),
        (b"{\\upr{Grade 2}{\\*\\ud Grade 2}}", ["Grade 2"]),
        (b"\\trowd\\cellx1\\cellx2 CEA\\cell 5 ng\\row", ["CEA; 5 ng"]),
        (b"\\trowd\\cellx1\\cellx2 CEA\\cell 5 ng\\cell\\row", ["CEA; 5 ng"]),
    ],
)
def test_words_of_rtf_stand_apart_and_none_is_lost(text: bytes, said: list[str]):
    assert of_rtf(text) == said


@pytest.mark.parametrize(
    ("sheet", "body", "said"),
    [
        (".gone{text-decoration: line-through}", "<p>5 <span class=gone>7</span></p>", "[deleted: 7]"),
        ("span.gone{text-decoration-line:line-through}", "<p>5 <span class='a gone'>7</span></p>", "[deleted: 7]"),
        ("#x{text-decoration:line-through}", "<p>5 <b id=x>7</b></p>", "[deleted: 7]"),
        (".up{vertical-align:super}", "<p>10<span class=up>3</span></p>", "10³"),
        (".fixed{white-space:pre}", "<div class=fixed>CEA   5\nCA   7</div>", "CEA   5"),
        (".gone{text-decoration:line-through}", '<p><b class=gone style="text-decoration:none">7</b></p>', "7"),
        ("@media print{.gone{text-decoration:line-through}}", "<p><b class=gone>7</b></p>", "7"),
    ],
)
def test_what_a_style_sheet_means_is_meant_here(sheet: str, body: str, said: str):
    found = "\n".join(words("text/html", f"<style>{sheet}</style>{body}".encode()))
    shown = "".join(letter for letter in found if letter.isprintable() or letter == "\n")

    assert said in shown
    assert ("deleted" in shown) is ("deleted" in said)
