"""Which parts a pathology report calls malignant: by its diagnosis, part by part."""

import pytest

from transfer.reported_parts import malignant_parts, parts_named

REPORT = """SURGICAL PATHOLOGY REPORT
CLINICAL HISTORY: Breast carcinoma.
SPECIMENS SUBMITTED:
A. Right breast
B. Sentinel node

FINAL DIAGNOSIS:
{}
GROSS DESCRIPTION:
A. Received fresh is a carcinoma of 2 cm.
Z. Carcinoma.
"""


@pytest.mark.parametrize(
    ("diagnosis", "parts"),
    [
        (
            "A. Right breast, biopsy: Invasive ductal carcinoma.\nB. Sentinel node: Negative for carcinoma.",
            "A",
        ),
        ("A. Skin: Benign nevus.\nB. Node, left axilla:\n  - Metastatic melanoma in 1 of 3 nodes.", "B"),
        ("A) COLON, SIGMOID:\n   1. INVASIVE ADENOCARCINOMA.\n   2. TUBULAR ADENOMA.\nB) POLYP: HYPERPLASTIC.", "A"),
        ("1. Prostate, left base: Prostatic adenocarcinoma, Gleason 3+4.\n2. Prostate, left mid: No malignancy.", "1"),
        ("PART A: LUNG - Squamous cell carcinoma.\nPART B: NODE 4R - No carcinoma identified.", "A"),
        ("Specimen A: Liver. Hepatocellular carcinoma, margins negative for carcinoma.", "A"),
        ("A. Lung: Suspicious for malignancy.\nB. Pleura: Carcinoma cannot be excluded.\nC. Node: Carcinoma.", "C"),
        (
            "A. Margin: Carcinoma not identified.\nB. Fat: free of carcinoma.\nC. Scar: history of sarcoma.",
            "",
        ),
        ("A. Breast: Ductal carcinoma in situ. No invasive carcinoma.", "A"),
        ("A. Breast: No evidence of residual\ninvasive ductal carcinoma.\nB. Node: Metastatic\ncarcinoma.", "B"),
        ("A. NODE: NEGATIVE\nFOR CARCINOMA\nB. LUNG: NO\nCARCINOMA\nC. LIVER\nCARCINOMA", "C"),
        ("A. Lymph node: carcinoma\nis not identified.\nB. Skin: Margins free\nMelanoma in situ", "B"),
        ("Colon, sigmoid: Invasive adenocarcinoma.", ""),
        ("A.\nB.", ""),
    ],
)
def test_the_diagnosis_of_each_part_says_it(diagnosis: str, parts: str):
    assert "".join(malignant_parts([REPORT.format(diagnosis)])) == parts
    assert "".join(malignant_parts(REPORT.format(diagnosis).splitlines())) == parts


def test_a_report_without_a_diagnosis_says_nothing():
    assert malignant_parts(["A. Breast: invasive carcinoma"]) == ()
    assert malignant_parts([]) == ()


@pytest.mark.parametrize(
    ("typed", "parts"),
    [("A, B", ("A", "B")), ("a1 A2;b", ("A", "B")), ("1, 2-1", ("1", "2")), ("", ())],
)
def test_labels_name_parts(typed: str, parts: tuple[str, ...]):
    assert parts_named(typed) == parts


@pytest.mark.parametrize("typed", ["S25-10071", "AB", "A-"])
def test_what_names_no_part_is_refused(typed: str):
    with pytest.raises(ValueError, match="parts are named"):
        parts_named(typed)
