"""What a synthetic patient of each disease has: the diagnosis in two code systems, a study, and further reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A further report in the office's records. `code` is of LOINC."""

    name: str
    code: str
    title: str
    says: str
    #: days before today
    days: int = 8
    #: LAB, GE or RAD, as HL7 table 0074 has it; a note or a procedure has none
    section: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disease:
    """`histology` is what the pathologist writes, `modality` and `study` what the archive holds."""

    icd10: str
    snomed: str
    display: str
    site: str
    structure: str
    operation: str
    histology: str
    stage: str
    modality: str = "CT"
    study: str = "CT CHEST ABDOMEN PELVIS W CONTRAST"
    #: days before today
    study_days: int = 20
    reports: tuple[Report, ...] = ()


def _lab(name: str, code: str, title: str, says: str, days: int = 8) -> Report:
    return Report(name=name, code=code, title=title, says=says, days=days, section="LAB")


def _gene(name: str, code: str, title: str, says: str) -> Report:
    return Report(name=name, code=code, title=title, says=says, section="GE")


def _imaging(name: str, title: str, says: str) -> Report:
    return Report(name=name, code="18748-4", title=title, says=says, section="RAD")


_COUNT = _lab("count", "58410-2", "Blood count", "Hemoglobin 11.2 g/dL, white cells 5.4, platelets 210.")
_MARROW = Report(
    name="marrow", code="33721-2", title="Bone marrow report", says="Cellular marrow; see the count of blasts.", days=12
)

DISEASES = {
    "brain": Disease(
        icd10="C71.1",
        snomed="276828006",
        display="Malignant neoplasm of frontal lobe",
        site="frontal lobe",
        structure="83251001",
        operation="craniotomy and resection",
        histology="GLIOBLASTOMA, IDH wild type, CNS WHO grade 4",
        stage="WHO grade 4",
        modality="MR",
        study="MRI BRAIN W WO CONTRAST",
    ),
    "breast": Disease(
        icd10="C50.911",
        snomed="254837009",
        display="Malignant neoplasm of right breast",
        site="right breast",
        structure="73056007",
        operation="lumpectomy",
        histology="INVASIVE CARCINOMA, no special type, grade 2",
        stage="stage IIA",
        modality="MG",
        study="MAMMOGRAM BILATERAL",
        reports=(
            _gene("receptors", "85337-4", "Receptors of the tumor", "ER 90 %, PR 60 %, HER2 1+ (negative)."),
            _imaging("mammogram-report", "Mammogram, both breasts", "Spiculated mass, BI-RADS 5."),
        ),
    ),
    "head-and-neck": Disease(
        icd10="C32.0",
        snomed="363429002",
        display="Malignant neoplasm of glottis",
        site="glottis",
        structure="1307006",
        operation="microlaryngoscopy with biopsy",
        histology="SQUAMOUS CELL CARCINOMA, p16 negative",
        stage="cT2 cN0",
        study="CT NECK W CONTRAST",
        reports=(_imaging("neck-report", "CT neck", "Mass of the right vocal cord, no enlarged nodes."),),
    ),
    "leukaemia": Disease(
        icd10="C92.00",
        snomed="91861009",
        display="Acute myeloblastic leukemia, not having achieved remission",
        site="bone marrow",
        structure="14016003",
        operation="bone marrow biopsy",
        histology="ACUTE MYELOID LEUKEMIA, 45 % blasts",
        stage="ELN intermediate",
        reports=(
            _MARROW,
            _lab("count", "58410-2", "Blood count with differential", "White cells 42, blasts 38 %.", 11),
            Report(name="flow", code="33719-6", title="Flow cytometry", says="CD34, CD117, CD33 positive.", days=10),
            Report(name="pending", code="11506-3", title="Pending tests", says="Karyotype pending, number G-771."),
        ),
    ),
    "lung": Disease(
        icd10="C34.11",
        snomed="254637007",
        display="Malignant neoplasm of upper lobe, right bronchus or lung",
        site="right upper lobe",
        structure="42400003",
        operation="lobectomy",
        histology="ADENOCARCINOMA, acinar",
        stage="stage IIB",
        study="CT CHEST W CONTRAST",
        reports=(_imaging("chest-report", "CT chest", "Mass of the right upper lobe, 34 mm."),),
    ),
    "lymphoma": Disease(
        icd10="C83.31",
        snomed="109969005",
        display="Diffuse large B-cell lymphoma, lymph nodes of head, face, and neck",
        site="cervical lymph node",
        structure="81105003",
        operation="excision of a lymph node",
        histology="DIFFUSE LARGE B-CELL LYMPHOMA, germinal center type",
        stage="Ann Arbor IIA",
        modality="PT",
        study="PET CT SKULL BASE TO MID THIGH",
        reports=(_COUNT, _lab("ldh", "2532-0", "LDH", "LDH 512 U/L (reference: below 250).")),
    ),
    "melanoma": Disease(
        icd10="C43.59",
        snomed="93655004",
        display="Malignant melanoma of other part of trunk",
        site="skin of the back",
        structure="67269001",
        operation="wide excision and sentinel node biopsy",
        histology="SUPERFICIAL SPREADING MELANOMA, Breslow 2.1 mm, ulcerated",
        stage="stage IIB",
    ),
    "myeloma": Disease(
        icd10="C90.00",
        snomed="109989006",
        display="Multiple myeloma not having achieved remission",
        site="bone marrow",
        structure="14016003",
        operation="bone marrow biopsy",
        histology="PLASMA CELL MYELOMA, 40 % plasma cells",
        stage="R-ISS II",
        study="CT WHOLE BODY LOW DOSE",
        reports=(
            _MARROW,
            _COUNT,
            _lab("electrophoresis", "24351-9", "Protein electrophoresis, serum", "M protein 3.1 g/dL, IgG kappa."),
            _lab("light-chains", "48378-4", "Free light chains, serum", "Kappa 412 mg/L, lambda 9 mg/L."),
            _gene("fish", "55228-1", "FISH of plasma cells", "t(11;14) found; no del(17p)."),
        ),
    ),
    "ovary": Disease(
        icd10="C56.1",
        snomed="363443007",
        display="Malignant neoplasm of right ovary",
        site="right ovary",
        structure="20837000",
        operation="debulking surgery",
        histology="HIGH-GRADE SEROUS CARCINOMA",
        stage="FIGO IIIC",
        modality="US",
        study="US PELVIS TRANSVAGINAL",
        reports=(
            _lab("ca-125", "10334-1", "CA 125, serum", "CA 125 840 U/mL (reference: below 35)."),
            _imaging("pelvis-report", "Ultrasound of the pelvis", "Complex mass of the right ovary."),
            Report(name="family", code="11506-3", title="Family history", says="A sister with breast cancer at 44."),
        ),
    ),
    "pancreas": Disease(
        icd10="C25.0",
        snomed="363418001",
        display="Malignant neoplasm of head of pancreas",
        site="head of the pancreas",
        structure="64163001",
        operation="endoscopic ultrasound with biopsy",
        histology="DUCTAL ADENOCARCINOMA",
        stage="cT2 cN0",
        study="CT ABDOMEN PANCREAS PROTOCOL",
        reports=(
            _lab("liver", "24325-3", "Liver function", "Bilirubin 1.1 mg/dL, ALT 31 U/L."),
            _imaging("pancreas-report", "CT pancreas", "Mass of the head, 24 mm, no contact with the vessels."),
            Report(name="status", code="11506-3", title="Performance status", says="ECOG 1."),
        ),
    ),
    "prostate": Disease(
        icd10="C61",
        snomed="399068003",
        display="Malignant neoplasm of prostate",
        site="prostate",
        structure="41216001",
        operation="prostate biopsy",
        histology="ACINAR ADENOCARCINOMA, Grade Group 3, 5 of 12 cores",
        stage="cT2b",
        modality="MR",
        study="MRI PROSTATE",
        reports=(_lab("psa", "2857-1", "PSA, serum", "PSA 9.4 ng/mL; 7.1 three months ago."),),
    ),
    "rare": Disease(
        icd10="C80.1",
        snomed="363346000",
        display="Malignant (primary) neoplasm, unspecified",
        site="liver",
        structure="10200004",
        operation="core biopsy of the liver",
        histology="CARCINOMA, primary not known",
        stage="stage IV",
        reports=(Report(name="treated-at", code="11506-3", title="Treated at", says="Lakeside Oncology alone."),),
    ),
    "sarcoma": Disease(
        icd10="C49.21",
        snomed="254829001",
        display="Malignant neoplasm of connective and soft tissue of right lower limb",
        site="right thigh",
        structure="11207009",
        operation="core biopsy",
        histology="MYXOID LIPOSARCOMA, FNCLCC grade 2",
        stage="stage II",
        modality="MR",
        study="MRI THIGH RIGHT",
        reports=(
            Report(name="question", code="11506-3", title="Question for the board", says="Radiotherapy first?"),
            Report(name="status", code="11506-3", title="Performance status", says="ECOG 0."),
        ),
    ),
}
