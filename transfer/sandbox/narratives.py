"""What the institutions write about a patient: headings and paragraphs, drawn from the chart."""

from transfer.sandbox.charts import Chart

#: heading, paragraph
Sections = list[tuple[str, str]]


def stage(chart: Chart) -> str:
    """As the referral says it: of the colon by the number of lymph nodes with cancer."""
    found = chart["diagnosis"]
    said: str = found.get("stage") or tumour_stage(found["nodes_positive"])
    return said


def tumour_stage(positive: int) -> str:
    """T and N by the number of lymph nodes with cancer."""
    return f"pT3 pN{'1a' if positive == 1 else '1b'}" if positive < 4 else "pT3 pN2a"


def pathology(chart: Chart, status: str = "F") -> Sections:
    """The surgical pathology report. `status` as in OBR-25: P preliminary, F final, C corrected."""
    found = chart["diagnosis"]
    if "histology" in found:
        return _plain_pathology(chart)
    positive = found["nodes_positive"] + (1 if status == "C" else 0)
    if status == "P":
        return [
            ("Gross description", _gross(chart)),
            ("Final diagnosis", "PRELIMINARY: adenocarcinoma; immunohistochemistry and final node count pending."),
        ]
    diagnosis = (
        f"{found['site'].capitalize()}, {found['operation']}: ADENOCARCINOMA, moderately differentiated, "
        f"{found['size_mm']} mm, invading through the muscularis propria. Metastatic carcinoma in {positive} of "
        f"{found['nodes_examined']} lymph nodes. Margins negative. {tumour_stage(positive)}."
    )
    sections = [
        ("Clinical history", f"{found['display']}. {chart['remark']}"),
        ("Gross description", _gross(chart)),
        ("Microscopic description", "Infiltrating glands with dirty necrosis; lymphovascular invasion present."),
        ("Final diagnosis", diagnosis),
        ("Comment", f"Mismatch repair by immunohistochemistry: {found['mismatch_repair']}."),
    ]
    if status == "C":
        sections.insert(0, ("Correction", "This corrected report replaces the report issued before: node count."))
    return sections


def _plain_pathology(chart: Chart) -> Sections:
    """Of a disease that is told in one sentence."""
    found = chart["diagnosis"]
    said = f"{found['site'].capitalize()}, {found['operation']}: {found['histology']}. {found['stage']}."
    return [
        ("Clinical history", f"{found['display']}. {chart['remark']}"),
        ("Gross description", f"Received in formalin, labeled with the patient's name: {found['site']}."),
        ("Final diagnosis", said),
    ]


def _gross(chart: Chart) -> str:
    blocks = chart["pathology"]["blocks"]
    return (
        f"Received in formalin, labeled with the patient's name, segment of {chart['diagnosis']['site']} with an "
        f"ulcerated mass, {chart['diagnosis']['size_mm']} mm. Sections in {blocks[0]} to {blocks[-1]}."
    )


def consultation(chart: Chart) -> dict[str, str]:
    """Texts for the places of `data/consultation-note.xml`."""
    found = chart["diagnosis"]
    assessment = (
        f"Stage III {found['display'].lower()}, {found['nodes_positive']} of {found['nodes_examined']} nodes positive."
    )
    return {
        "reason": f"{found['display']}, after {found['operation']}.",
        "history": f"Found at colonoscopy on {chart['course']['colonoscopy']}. Earlier: "
        f"{'; '.join(chart['history'])}. {chart['remark']}",
        "examination": "Well healed incision, no mass, no adenopathy. ECOG 0.",
        "assessment": assessment,
        "plan": f"Adjuvant chemotherapy to be discussed; second opinion asked for: {chart['referral']['question']}",
    } | (_plain_consultation(chart) if "histology" in found else {})


def _plain_consultation(chart: Chart) -> dict[str, str]:
    found = chart["diagnosis"]
    return {
        "history": f"Earlier: {'; '.join(chart['history'])}. {chart['remark']}",
        "examination": "ECOG 0.",
        "assessment": f"{found['display']}: {found['histology']}, {found['stage']}.",
        "plan": f"Second opinion asked for: {chart['referral']['question']}",
    }


def operation(chart: Chart) -> dict[str, str]:
    """Texts for the places of `data/operative-note.xml`."""
    found = chart["diagnosis"]
    return {
        "anesthesia": "General endotracheal",
        "complications": "None",
        "preoperative": found["display"],
        "postoperative": f"{found['display']}, no liver or peritoneal metastases seen",
        "description": f"Laparoscopic {found['operation']} with high ligation and stapled anastomosis. "
        f"{chart['remark']}",
        "disposition": "To recovery in stable condition",
        "blood_loss": "80 mL",
        "findings": f"Mass in the {found['site']}, mobile, without invasion of other organs",
        "indications": f"Biopsy-proven {found['display'].lower()}",
        "specimens": f"{found['site'].capitalize()} with mesentery to {chart['pathology']['accession']['value']}",
    } | (_plain_operation(chart) if "histology" in found else {})


def _plain_operation(chart: Chart) -> dict[str, str]:
    found = chart["diagnosis"]
    return {
        "postoperative": found["display"],
        "description": f"{found['operation'].capitalize()}. {chart['remark']}",
        "findings": f"As imaging told of the {found['site']}",
        "specimens": f"{found['site'].capitalize()} to {chart['pathology']['accession']['value']}",
    }


def progress(chart: Chart) -> Sections:
    signs = "; ".join(f"{name} {value['value']} {value['unit']}" for name, value in chart["vital_signs"].items())
    return [
        ("Interval history", f"Recovered from {chart['diagnosis']['operation']}. {chart['remark']}"),
        ("Findings", signs),
        ("Plan", f"Asks for a second opinion: {chart['referral']['question']}"),
    ]


def colonoscopy(chart: Chart) -> Sections:
    found = chart["diagnosis"]
    return [
        ("Indication", "Positive fecal immunochemical test."),
        ("Extent", "Complete to the cecum; ileocecal valve and appendiceal orifice seen. Preparation good."),
        ("Findings", f"Ulcerated, half-circumferential mass of the {found['site']}; six biopsies; tattooed."),
        ("Impression", f"{found['display']}. {chart['remark']}"),
    ]


def cea(chart: Chart) -> Sections:
    return [
        ("Test", "Carcinoembryonic antigen (CEA), serum, immunoassay (LOINC 2039-6)"),
        ("Result", f"{chart['diagnosis']['cea']} ng/mL (reference: below 3.8 in non-smokers)"),
        ("Remark", chart["remark"]),
    ]


def imaging(chart: Chart) -> Sections:
    site, is_colon = chart["diagnosis"]["site"], "histology" not in chart["diagnosis"]
    of_colon = f"Wall thickening of the {site}. Liver and lungs without metastases."
    return [
        ("Examination", f"{chart['imaging']['description']}, accession {chart['imaging']['accession']['value']}"),
        ("Findings", of_colon if is_colon else f"Change of the {site}."),
        ("Impression", f"Primary of the {site}, no distant disease. {chart['remark']}"),
    ]


def molecular(chart: Chart) -> Sections:
    found = chart["diagnosis"]
    instability = "MSI-high" if found["mismatch_repair"] == "deficient" else "microsatellite stable"
    of_colon = [
        ("Mismatch repair", f"{found['mismatch_repair']}; {instability}"),
        ("RAS and BRAF", f"KRAS {found['kras']}; NRAS wild type; BRAF wild type"),
    ]
    return [
        ("Specimen", f"Block {chart['pathology']['blocks'][1]}, tumor content 60 %"),
        *(of_colon if "histology" not in found else [("Variants", "None that are known to be pathogenic.")]),
        ("Remark", chart["remark"]),
    ]


def treatment(chart: Chart) -> Sections:
    return [
        ("Diagnosis", f"{chart['diagnosis']['display']} ({chart['diagnosis']['icd10']})"),
        ("Surgery", f"{chart['diagnosis']['operation'].capitalize()} on {chart['course']['operation']}"),
        ("Systemic treatment", f"None given so far{'' if 'histology' in chart['diagnosis'] else '; CAPOX proposed'}."),
        ("Radiation", "None."),
        ("Remark", chart["remark"]),
    ]


def questionnaire(chart: Chart) -> Sections:
    return [("Distress thermometer", "3 of 10"), ("In the patient's words", chart["remark"])]
