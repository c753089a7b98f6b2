"""A person's hand at a browser. It does what it is told for real, the shorter way of keyboard and mouse, and counts."""

import json
from collections.abc import Callable
from datetime import date
from typing import Final

from tests.campaigns.deskday.operators import BUTTON, HOME, KEY, MOST_WORDS, POINT, Effort
from tests.kit.peers.browser import Window

#: what can have the focus, in the order of Tab; of a group of radio buttons one
_STOPS: Final = """(() => { const seen = new Set();
  return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
    .filter(one => one.checkVisibility() && !one.disabled && one.tabIndex >= 0)
    .filter(one => { if (one.type !== 'radio') return true;
      const group = [...document.getElementsByName(one.name)], chosen = group.find(other => other.checked);
      if (chosen ? one === chosen : !seen.has(one.name)) { seen.add(one.name); return true; } return false; }); })()"""
#: what is clicked by these words: exactly these, else those that begin so; of a table's row that has `row` in it
_CLICKED: Final = """(words, row) => {
  const says = one => (one.innerText || one.value || '').trim();
  const within = at => {
    const all = [...at.querySelectorAll('a, button, summary, label')].filter(one => one.checkVisibility());
    return all.find(one => says(one) === words) || all.find(one => says(one).startsWith(words)); };
  if (!row) return within(document) || null;
  const rows = [...document.querySelectorAll('tr, li, section, form')].filter(one => one.innerText.includes(row));
  return rows.reverse().map(within).find(Boolean) || null; }"""
#: the field with this label
_FIELD: Final = """(words) => {
  const labels = [...document.querySelectorAll('label')].filter(one => one.checkVisibility());
  const label = labels.find(one => one.innerText.trim() === words);
  return label ? label.control || label.querySelector('input, textarea, select') : null; }"""
#: the first field of the group with this legend
_FIRST_OF: Final = """(words) => {
  const legend = [...document.querySelectorAll('legend')].find(one => one.innerText.trim() === words);
  return legend ? legend.parentElement.querySelector('input, select') : null; }"""
#: what people read of a page: what is in its main part and stands open
_WORDS: Final = "(document.querySelector('main')?.innerText || '').split(/\\s+/).filter(Boolean).length"
_READY: Final = "document.readyState === 'complete'"
#: Tabs that a hand presses before it takes the mouse
_FEW_TABS: Final = int((HOME + POINT + BUTTON + HOME) / KEY)


class Hand:
    """`effort` grows with all that is done."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.effort = Effort()
        self._is_at_keys = False

    # --- pages --------------------------------------------------------------------------------------------------------

    def come_to(self, url: str) -> None:
        """A page that stands open already, or is a bookmark: one click."""
        self._mouse()
        self.window.type_address(url)
        self._see()

    def click(self, words: str, *, row: str = "") -> None:
        """A link or button that leads to another page. `row`: of what the row of a table, an item or a form says."""
        self._mouse()
        self.window.run("window.__left = true")
        self._press(words, row)
        self._arrive()

    def go(self) -> None:
        """Enter, in a field of the form."""
        self._keyboard()
        self.effort.keys += 1
        self.window.run("window.__left = true")
        self.window.type_keys("\n")
        self._arrive()

    def _arrive(self) -> None:
        self.window.until(lambda: not self.window.run("window.__left") and self.window.run(_READY))
        self._see()

    def _see(self) -> None:
        self.effort.views += 1
        self.effort.words += min(MOST_WORDS, int(self.window.run(_WORDS)))
        assert not self.window.run("!!document.querySelector('.problems')"), self.window.text

    # --- fields -------------------------------------------------------------------------------------------------------

    def fill(self, label: str, text: str, *, found_by: str = _FIELD) -> None:
        """Type into the field with this label. What stood there goes."""
        self._to(label, found_by)
        self.effort.thoughts += 1
        if self.window.run("document.activeElement.value"):
            self.window.run("document.activeElement.select()")  # as a field does that is reached by Tab
        self.effort.keys += self.window.type_keys(text)

    def fill_day(self, legend: str, day: date) -> None:
        """The three fields of a date, with this legend."""
        self.fill(legend, f"{day.month}\t{day.day}\t{day.year}", found_by=_FIRST_OF)

    def pick(self, label: str, option: str, *, begins: bool = False) -> None:
        """Choose in a list by its first letters, as many as it takes. `begins`: it may go on after `option`."""
        self._to(label, _FIELD)
        self.effort.thoughts += 1
        shown = "document.activeElement.selectedOptions[0].innerText"
        for letter in (*option, ""):
            stands = str(self.window.run(shown))
            if stands == option or (begins and stands.startswith(option)):
                return
            self.effort.keys += self.window.type_keys(letter)
        raise AssertionError(f"no «{option}» in «{label}»: {self.window.run(shown)}")

    def tick(self, label: str, *, row: str = "") -> None:
        """A box or a radio button, or what unfolds: no other page."""
        self._mouse()
        self._press(label, row)

    def _press(self, words: str, row: str) -> None:
        one = f"({_CLICKED})({json.dumps(words)}, {json.dumps(row)})"
        found = self.window.run(f"(() => {{ const one = {one}; one?.click(); return !!one }})()")
        assert found, f"nothing to click «{words}» ({row}) on: {self.window.text}"

    def called(self, words: str) -> str:
        """All that a label says which has these words in it."""
        labels = "[...document.querySelectorAll('label')].map(one => one.innerText.trim())"
        return str(self.window.run(f"{labels}.find(one => one.includes({json.dumps(words)})) || ''"))

    def look_at(self, pages: int) -> None:
        """Scanned pages, each just long enough to see what it is."""
        self.effort.looks += pages

    def _to(self, label: str, found_by: str) -> None:
        """The focus to a field: by Tab where that is shorter than by the mouse."""
        found = f"({found_by})({json.dumps(label)})"
        assert self.window.run(f"!!{found}"), f"no field «{label}» on: {self.window.text}"
        tabs = int(
            self.window.run(
                f"(() => {{ const stops = {_STOPS}; const from = stops.indexOf(document.activeElement);"
                f" const to = stops.indexOf({found}); return from < 0 || to < from ? 999 : to - from }})()"
            )
        )
        if tabs > _FEW_TABS:
            self._mouse(thinks=False)
            self.window.run(f"{found}.focus()")
            return
        if tabs:
            self._keyboard()
            for _ in range(tabs):
                self.window.press("Tab")
            self.effort.keys += tabs
        assert self.window.run(f"document.activeElement === {found}"), f"Tab does not lead to «{label}»"
        self._keyboard()

    def _mouse(self, *, thinks: bool = True) -> None:
        self.effort.homings += self._is_at_keys
        self._is_at_keys = False
        self.effort.clicks += 1
        self.effort.thoughts += thinks

    def _keyboard(self) -> None:
        self.effort.homings += not self._is_at_keys
        self._is_at_keys = True


def measured(hand: Hand, does: Callable[[], object]) -> Effort:
    """What doing this took."""
    before = hand.effort + Effort()
    does()
    return hand.effort - before
