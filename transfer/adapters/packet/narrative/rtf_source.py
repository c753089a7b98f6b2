"""What the library that reads RTF drops, put where it stands as marks of ours (Rich Text Format 1.9.1).

It tells no struck-out, deleted, hidden or raised letter from others, knows no code page before Windows, and leaves out
text boxes. Groups nest, and what a control word says ends with its group.
"""

import re
from typing import Final

from transfer.adapters.packet.narrative.symbols import draws_signs, sign

#: what stands around letters that are struck out or deleted, hidden, raised
DELETED, HIDDEN, RAISED = ("\ue010", "\ue011"), ("\ue012", "\ue013"), ("\ue014", "\ue015")
_TOKEN: Final = re.compile(
    r"\\bin(?P<size>\d{1,9}) ?|\\(?P<word>[A-Za-z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<byte>[0-9A-Fa-f]{2})"
    r"|\\.|[{}]|[^\\{}]+|\\",
    re.DOTALL,
)
_KINDS: Final = {
    **dict.fromkeys(("deleted", "strike", "striked"), DELETED),
    "v": HIDDEN,
    **dict.fromkeys(("super", "up"), RAISED),
}
#: groups whose text stands in a box on the page, and one whose text is told elsewhere
_BOXES: Final = frozenset({"shptxt", "dptxbxtext", "result"})
_TOLD_ELSEWHERE: Final = "shprslt"
#: a list's number or bullet as it is drawn; the older word, which the library leaves out, of files that have it alone
_LIST_TEXT: Final = "listtext"
_OLD_LIST_TEXT: Final = "pntext"
_NOTE: Final = "footnote"
#: a text once in a code page and once in Unicode, of which the library leaves out both: the first is read
_TWICE: Final = "upr"
#: words at which a line ends, and which the library leaves out: what stands around them would be one word
_LINE_ENDS: Final = frozenset({"column", "softline", "softcol", "softpage", "lbr"})
_CODE_PAGES: Final = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}

Kind = tuple[str, str]


class Source:
    """A file's source with marks. `boxes` are the sources of its boxes, each a file of its own."""

    def __init__(self, text: str) -> None:
        self._out: list[str] = []
        self._state: frozenset[Kind] = frozenset()
        self._groups: list[tuple[frozenset[Kind], str]] = []
        #: fonts that draw signs, by their numbers; the font of the table that is being read, and that of the letters
        self._signs: dict[str, str] = {}
        self._named: str = ""
        self._font: str = ""
        self._code_page: str | None = None
        #: where the table of fonts ends, and how deep it is
        self._fonts: int | None = None
        self._depth_of_fonts = 0
        #: of each box that is open: how deep it is, and where it begins
        self._open: list[tuple[int, int]] = []
        self._told: int | None = None
        #: how deep each foot note is that is open
        self._notes: list[int] = []
        self._is_fallback = False
        self._found: list[str] = []
        self._has_list_text = f"\\{_LIST_TEXT}" in text
        self._read(text)

    @property
    def text(self) -> str:
        return "".join(self._out)

    @property
    def boxes(self) -> list[str]:
        head = "".join(self._out[: self._fonts]) if self._fonts else "{\\rtf1\\ansi "
        return [f"{head}{box}}}" for box in self._found]

    def _read(self, text: str) -> None:
        at = 0
        while found := _TOKEN.match(text, at):
            at = found.end()
            if found["size"]:
                at += int(found["size"])  # as they are, whatever they look like
            elif found[0] == "{":
                self._groups.append((self._state, self._font))
                self._out.append("{")
            elif found[0] == "}":
                self._end_group()
            elif found["word"]:
                self._word(found["word"].lower(), found["number"], found[0])
            else:
                self._out.append(self._letter(found))
                self._is_fallback = False

    def _letter(self, found: re.Match[str]) -> str:
        """A byte of an old code page as the character that it stands for, unless it only stands in for another; letters
        of a font that draws signs as these.
        """
        if self._depth_of_fonts:
            name = found[0].strip().rstrip(";")
            if draws_signs(name):
                self._signs[self._named] = name
        elif (font := self._signs.get(self._font)) and not self._is_fallback:
            letters = chr(int(found["byte"], 16)) if found["byte"] else found[0]
            return letters if letters.startswith("\\") else "".join(_unicode(sign(font, one)) for one in letters)
        if found["byte"] is None or self._code_page is None or self._is_fallback:
            return found[0]
        return _unicode(bytes.fromhex(found["byte"]).decode(self._code_page, "replace"))

    def _end_group(self) -> None:
        before, self._font = self._groups.pop() if self._groups else (frozenset[Kind](), "")
        depth = len(self._groups)
        self._become(before)
        if self._notes and self._notes[-1] > depth:
            self._notes.pop()
            self._out.append("{\\uc0\\u32 }")  # else its last word and what follows would be one
        while self._open and self._open[-1][0] > depth:
            _, begin = self._open.pop()
            self._found.append("".join(self._out[begin:]))
        self._out.append("}")
        if self._depth_of_fonts > depth:
            self._depth_of_fonts, self._fonts = 0, len(self._out)
        if self._told is not None and self._told > depth:
            self._told = None

    def _word(self, word: str, number: str | None, whole: str) -> None:
        self._is_fallback = word == "u"
        depth = len(self._groups)
        if word in _CODE_PAGES and depth == 1:
            self._code_page = _CODE_PAGES[word]
        elif word == "fonttbl" and self._fonts is None:
            self._depth_of_fonts = depth
        elif word == _TOLD_ELSEWHERE:
            self._told = depth
        elif word == _NOTE:
            self._notes.append(depth)
        elif word == "f":
            self._choose(number or "")
        self._out.append(self._known(word, whole))
        if word in _BOXES and self._told is None:
            self._open.append((depth, len(self._out)))
        self._letters_are(word, number)

    def _known(self, word: str, whole: str) -> str:
        """A word as the library knows it."""
        if word == _TWICE:
            return ""
        if word == _OLD_LIST_TEXT and not self._has_list_text:
            return f"\\{_LIST_TEXT} "
        return "\\line " if word in _LINE_ENDS else whole

    def _letters_are(self, word: str, number: str | None) -> None:
        if kind := _KINDS.get(word):
            self._become(self._state - {kind} if number == "0" else self._state | {kind})
        elif word == "plain":
            self._font = ""
            self._become(frozenset())
        elif word in ("nosupersub", "sub", "dn"):
            self._become(self._state - {RAISED})

    def _choose(self, font: str) -> None:
        if self._depth_of_fonts:
            self._named = font
        else:
            self._font = font

    def _become(self, state: frozenset[Kind]) -> None:
        for kind in (DELETED, HIDDEN, RAISED):
            if (kind in state) is not (kind in self._state):
                self._out.append(f"{{\\uc0\\u{ord(kind[kind not in state])} }}")
        self._state = state


def _unicode(letter: str) -> str:
    return f"{{\\uc0\\u{ord(letter)} }}" if letter not in "\r\n" else letter
