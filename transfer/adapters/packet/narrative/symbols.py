"""Letters of fonts that draw signs where others have letters: a `£` in Symbol is `≤`. Office writes them so.

https://www.unicode.org/Public/MAPPINGS/VENDORS/ADOBE/symbol.txt; of Wingdings what ticks boxes and leads lists.
"""

from collections.abc import Mapping
from typing import Final

_GREEK: Final = dict(
    zip(
        "abcdefghiklmnopqrstuwxyzABCDEFGHIKLMNOPQRSTUWXYZ",
        "αβχδεφγηικλμνοπθρστυωξψζΑΒΧΔΕΦΓΗΙΚΛΜΝΟΠΘΡΣΤΥΩΞΨΖ",
        strict=True,
    )
)
_SYMBOL: Final = {
    **_GREEK,
    **dict(zip("jJvV-@~", "φϑϖς−≅∼", strict=True)),
    **dict(zip("\xa2\xa3\xa4\xa5\xab\xac\xad\xae\xaf", "′≤⁄∞↔←↑→↓", strict=True)),
    **dict(zip("\xb0\xb1\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xbb\xbc", "°±″≥×∝∂•÷≠≡≈…", strict=True)),
    **dict(zip("\xc5\xc6\xce\xcf\xd0\xd1\xd5\xd6\xd7\xd8\xd9\xda\xde\xe5", "⊕∅∈∉∠∇∏√⋅¬∧∨⇒∑", strict=True)),
}
_WINGDINGS: Final = dict(
    zip("loqnx\xa7\xa8\xd8\xe0\xe8\xfb\xfc\xfd\xfe", "●☐❑■☒▪☐➢→➔✗✓☒☑", strict=True),
)
_FONTS: Final[Mapping[str, Mapping[str, str]]] = {"symbol": _SYMBOL, "wingdings": _WINGDINGS}


def draws_signs(font: str) -> bool:
    """Whether letters of the font are read by `sign`."""
    return font.strip().lower() in _FONTS


def sign(font: str, letter: str) -> str:
    """What people see. Some writers put the letter into the private area (U+F000 to U+F0FF)."""
    plain = chr(ord(letter) - 0xF000) if "\uf000" <= letter <= "\uf0ff" else letter
    return _FONTS[font.strip().lower()].get(plain, plain)
