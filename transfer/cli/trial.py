"""How a trial of a message is told."""

from typing import TYPE_CHECKING

import click

from transfer.cli.common import plain, print_table

if TYPE_CHECKING:
    from transfer.connecting.trying import Trial, TriedDocument

#: what becomes of it, where no question and no rule of matching says so
_BECAUSE = {
    "none": "It is about nobody we know.",
    "unmatched": "It is about nobody we have a case for: sealed, and destroyed after 72 hours.",
    "no-open-case": "Its patient is known and has no open case: sealed.",
    "waits-for-permission": "No permission covers it: sealed until one does.",
    "divided": "Several messages came as one; each is taken by itself.",
    "notice": "It brings no record.",
    "request-answer": "It answers a request of ours.",
    "no-header": "Its DICOM header cannot be read: the file is cut, or no DICOM file.",
    "receipt": "It is a receipt for a packet.",
}
_STATES = {"filed": "It is filed.", "sealed": "It is sealed away.", "held": "A person decides."}


def tell_trial(found: "Trial", *, indent: str = "") -> None:
    """For people: the answer, what it says, whose it is, and where it goes."""
    from transfer.sentences import SENTENCES

    answer = found.answer
    if answer.code is None and not answer.why:
        click.echo(f"{indent}Its sender wants no answer, and gets none.")
    elif answer.code is not None:
        click.echo(f"{indent}Its sender is answered {answer.code}.")
    for segment in filter(None, answer.text.split("\r")):
        click.echo(f"{indent}  {plain(segment)}")
    if answer.why:
        click.echo(plain(f"{indent}{answer.why[:1].upper()}{answer.why[1:]}."))
    for one in found.documents:
        _tell_document(one, indent)
    if found.state is not None:
        click.echo(f"{indent}{_STATES[found.state]}")
    rules = {one.match_rule for one in found.documents}  # said with each document
    for code in (one for one in found.because if one not in rules):
        known = SENTENCES.get(code)
        click.echo(plain(f"{indent}  {known.staff if known else _BECAUSE.get(code, code)}"))
    for part in found.parts:
        tell_trial(part, indent=f"{indent}  ")


def _tell_document(one: "TriedDocument", indent: str) -> None:
    who = one.patient
    names = "; ".join(f"{name.family}, {' '.join(name.given)}" for name in who.names)
    numbers = ", ".join(f"{number.value} of {number.issuer}" for number in who.identifiers)
    rows = [
        ("patient", f"{names or 'no name'}; born {who.birth_date or 'not said'}; {numbers or 'no number that counts'}"),
        ("matched", f"{one.verdict}: {one.match_rule}"),
        ("record", f"{one.kind}, {one.status}" + (f", {one.code}" if one.code else "")),
    ]
    rows += [("labels", ", ".join(one.labels))] if one.labels else []
    rows += [("cannot be read", ", ".join(one.flaws))] if one.flaws else []
    for case in one.cases:
        line = f"{case.line} of {case.checklist}" if case.line else f"no line of {case.checklist}"
        how = "answers" if case.answers else "would stand on"
        rows.append((case.case, f"{how} {line}" + "".join(f"; {finding}" for finding in case.findings)))
    print_table((), rows, indent=len(indent) + 2)
