"""How a form describes the information in words (45 CFR 164.508(c)(1)(i)), and which words say nothing."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final


def words(said: str | None) -> list[str]:
    """The words of a text, in small letters; none of what has no letter or number."""
    return re.findall(r"[^\W_]+", (said or "").casefold())


#: words of a title that add nothing to the form: "Authorization for the release of medical records"
_PLAIN_WORDS: Final = frozenset(
    words(
        "a and any authorisation authorization chart complete consent copy data disclose disclosing disclosure "
        "disclosures document entire every everything file for form full health healthcare hipaa in info information "
        "medical my of patient pdf permission phi privacy protected record records release releases releasing request "
        "requests roi scan scanned signed the to use uses whole all"
    )
)
#: letters of a name that is taken for one: `No` is a family's, too
_NAME: Final = 4
#: of them those that say how much
_ALL: Final = frozenset({"all", "any", "complete", "entire", "every", "everything", "full", "whole"})


def adds_nothing(said: str | None, names: Iterable[str] = ()) -> bool:
    """Whether a title or a remark names no more than a release form does by itself, and the patient by a name of
    `names`. A sign such as ❌ does.
    """
    has_sign = any(unicodedata.category(one) == "So" for one in said or "")
    own = {word for name in names for word in words(name) if len(word) >= _NAME}
    return not has_sign and set(words(said)) <= _PLAIN_WORDS | own


def says_all(said: str | None) -> bool:
    """Whether a title describes the information as all of it (164.508(c)(1)(i))."""
    return adds_nothing(said) and not _ALL.isdisjoint(words(said))
