"""Parts of the body, as far as a checklist tells images of one from those of another.

What a study is of is said in words by its description. The words are those of PS3.16 CID 4, and what departments write
for them. A description that has none of them says nothing.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class BodyPart(StrEnum):
    BRAIN = "brain"
    NECK = "neck"
    SPINE = "spine"
    CHEST = "chest"
    BREAST = "breast"
    ABDOMEN = "abdomen"
    PELVIS = "pelvis"
    LIMB = "limb"


_WORDS: Final[Mapping[BodyPart, str]] = {
    BodyPart.BRAIN: "brain head cranial cerebral intracranial",
    BodyPart.NECK: "neck larynx nasopharynx oropharynx pharynx face facial sinuses oral parotid tongue",
    BodyPart.SPINE: "spine spinal cervical lumbar",
    BodyPart.CHEST: "chest thorax lung lungs mediastinum cap tap",
    BodyPart.BREAST: "breast breasts mammo mammogram mammography mammographic tomosynthesis",
    BodyPart.ABDOMEN: "abdomen abdominal abd liver pancreas pancreatic mrcp retroperitoneum cap tap",
    BodyPart.PELVIS: "pelvis pelvic rectum rectal prostate ovary ovaries uterus transvaginal cap tap",
    BodyPart.LIMB: (
        "arm leg thigh knee calf ankle foot hand wrist forearm elbow shoulder hip femur tibia humerus extremity limb"
    ),
}
_PARTS: Final = {
    word: frozenset(part for part, words in _WORDS.items() if word in words.split())
    for words in _WORDS.values()
    for word in words.split()
}
#: of a longer text nobody reads on to learn what it is about
_MOST: Final = 300


def body_parts_in(text: str | None) -> frozenset[BodyPart]:
    """The parts of the body that a description names; none where it names none of those known here."""
    words = re.findall(r"[a-z]+", (text or "")[:_MOST].lower())
    return frozenset[BodyPart]().union(*(_PARTS.get(word, frozenset()) for word in words))
