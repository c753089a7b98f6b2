"""A case on a terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import click

from transfer.appointments import CaseAppointment
from transfer.cli.common import by, plain, print_table
from transfer.flow.desk.shown import CallView, ContextLine, Dossier, HeardView, NeedView, PacketView, RequestView
from transfer.patients import Demographics


def print_dossier(found: Dossier, names: Mapping[str, str]) -> None:
    """Why it waits first; then what there is, each part only where there is some of it."""
    click.secho(f"{found.case}  {found.stage}", bold=True)
    click.echo(plain(found.why))
    _print_head(found, names)
    if found.identity:
        _print_identity(found.identity)
    _print_ready(found)
    _print_needs(found, names)
    _print_asking(found, names)
    _print_calls(found, names)
    _print_permissions(found, names)
    _print_going_out(found)
    _print_decisions(found)
    _print_runs(found)
    _print_filed(found, names)
    for note in found.notes:
        _section("Note")
        click.echo(f"  {when(note.at)} {by(note.by, is_claimed=note.is_claimed)}\n  {plain(note.text or '(purged)')}")


def _print_filed(found: Dossier, names: Mapping[str, str]) -> None:
    """What was filed in our own chart, and what went to the wrong place."""
    if found.filed:
        _section("In our chart")
        print_table([], [(about, when(one.at), one.by) for about, one in found.filed.items()], indent=2)
    if found.misdirections:
        _section("Sent to the wrong place")
        rows = [
            (one.what, names.get(one.to or "", one.to), one.noticed_on, ", ".join(one.done), one.words)
            for one in found.misdirections
        ]
        print_table(["", "to", "noticed on", "done", ""], rows, indent=2)


def _section(name: str) -> None:
    click.secho(f"\n{name}", bold=True)


def when(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%MZ") if at else ""


def _print_head(found: Dossier, names: Mapping[str, str]) -> None:
    said = [
        ("for", names.get(found.receiver or "", found.receiver)),
        (
            "before",
            "the center speaks with the patient; approve only after that" if found.after_first_contact else None,
        ),
        ("referred by", names.get(found.referring or "", found.referring)),
        ("needed by", _needed_by(found)),
        *((one.key, _appointment(one)) for one in found.appointments),
        ("priority", found.priority),
        ("checklist", _checklist(found)),
        ("fits also", " ".join(found.other_checklists)),
        ("scheduling", "enough to schedule" if found.is_schedulable else ""),
        ("center told", ", ".join(name.replace("-", " ") for name, outcome in found.milestones if outcome)),
        ("documents, images", "complete" if found.has_all_electronic else ""),
        ("slides, blocks", "complete" if found.has_all_material else ""),
        ("opened", when(found.opened_at)),
        ("ended as", found.ending),
        ("assigned to", found.assigned_to),
        ("waiting on", found.owner),
        ("legal hold since", when(found.legal_hold_since)),
    ]
    print_table([], [(name, value) for name, value in said if value], indent=2)


def _needed_by(found: Dossier) -> str | None:
    return f"{found.needed_by}, {found.needed_until:%H:%M} there" if found.needed_until else found.needed_by


def _appointment(one: CaseAppointment) -> str:
    at = when(one.at) or str(one.day)
    return f"{at}, cancelled" if one.is_cancelled else at


def _checklist(found: Dossier) -> str | None:
    if found.checklist is None:
        return None
    by = found.checklist_confirmed_by
    return f"{found.checklist}, {f'confirmed by {by}' if by else 'not yet confirmed by a clinician'}"


def _print_identity(who: Demographics) -> None:
    _section("Patient")
    numbers = [("number", f"{number.value}  ({number.issuer})") for number in who.identifiers]
    rows = [*(("name", name) for name in who.names), ("born", who.birth_date), ("sex", who.sex), *numbers]
    print_table([], [row for row in rows if row[1]], indent=2)


def _print_ready(found: Dossier) -> None:
    """Whether it may be sent now; if not, what stops it and what would make it ready."""
    if found.ready is None or found.ending:
        return
    _section("Ready to send?")
    if found.ready.is_ready:
        click.echo("  Yes.")
    print_facts("", [*found.ready.stopped, *([] if found.ready.stopped else found.ready.lacking)])


def print_facts(title: str, lines: Sequence[ContextLine]) -> None:
    """What contradicts is marked !, what agrees +."""
    if title and lines:
        _section(title)
    marks = {"contradicts": "!", "agrees": "+", "tells": ""}
    if lines:
        print_table([], [(marks[one.weight], one.label, one.says, when(one.at)) for one in lines], indent=2)


def _print_needs(found: Dossier, names: Mapping[str, str]) -> None:
    if not found.needs:
        return
    for title, is_required in (("What is needed", True), ("Where it applies, or exists", False)):
        _section(title)
        rows = [
            (need.line, need.says.rstrip("."), _wanted(need, names), " ".join(need.records))
            for need in found.needs
            if need.is_required is is_required
        ]
        print_table(["line", "", "", "records"], rows, indent=2)


def _wanted(need: NeedView, names: Mapping[str, str]) -> str:
    """What; of what was added for this case also of whom, of which day, and in which words."""
    whom = names.get(need.institution or "", need.institution)
    return "; ".join(filter(None, (need.label, whom, need.day, need.words)))


def _print_asking(found: Dossier, names: Mapping[str, str]) -> None:
    if found.requests:
        _section("Asked")
        rows = [
            (r.request, names.get(r.institution, r.institution), r.department, _asked(r), " ".join(r.findings))
            for r in found.requests
        ]
        print_table(["request", "of", "department", "", "because"], rows, indent=2)
        _print_own_forms(found, names)
        _print_heard(found, names)
    if found.records:
        _section("Collected")
        records = [
            (r.record, r.kind, r.status, names.get(r.institution, r.institution), _standing(r.copy_of, r.is_superseded))
            for r in found.records
        ]
        print_table(["record", "kind", "status", "from", ""], records, indent=2)
    if found.materials:
        _section("Slides and blocks")
        pieces = [
            (m.material, m.pieces, f"{m.received} of {m.expected or '?'}", m.state, names.get(m.institution))
            for m in found.materials
        ]
        print_table(["material", "", "here", "", "from"], pieces, indent=2)


def _print_own_forms(found: Dossier, names: Mapping[str, str]) -> None:
    """Which institutions want a form of their own, for what, and whether it is there."""
    rows = [
        (
            names.get(institution, institution),
            ", ".join(own.labels) or "all records",
            f"{own.title} ({', '.join(own.names)})",
            own.state,
        )
        for institution, own in dict.fromkeys((r.institution, own) for r in found.requests for own in r.own_forms)
    ]
    if rows:
        _section("Forms of their own")
        print_table(["of", "for", "form", "here"], rows, indent=2)


def _print_heard(found: Dossier, names: Mapping[str, str]) -> None:
    """Whose turn each open request is, until when, what was heard last, and what leads on."""
    rows = [
        (r.request, r.owner.replace("-", " "), _clock(r), _heard(r, names), "; ".join(_steps(r)))
        for r in found.requests
        if r.steps or r.gets_letters or r.due_at or r.heard or r.left_aside
    ]
    if rows:
        _section("Answers")
        print_table(["request", "turn of", "its clock", "said last", "what leads on"], rows, indent=2)


def _print_calls(found: Dossier, names: Mapping[str, str]) -> None:
    if not found.calls:
        return
    _section("Calls")
    rows = [
        (
            when(c.at),
            by(c.by, is_claimed=c.is_claimed),
            names.get(c.institution or "", c.callee.replace("-", " ")),
            c.request,
            c.outcome.replace("-", " "),
            "; ".join(shape.format(one) for one, shape in _call_details(c) if one),
        )
        for c in found.calls
    ]
    print_table(["at", "by", "to", "request", "", ""], rows, indent=2)


def _call_details(call: CallView) -> list[tuple[object, str]]:
    return [
        (call.promised_by, "promised by {}"),
        (call.next_action, "look again on {}"),
        (call.spoke_to, "spoke to {}"),
        (call.reference, "their number {}"),
        (call.words, "in words: {}"),
    ]


def _clock(request: RequestView) -> str:
    if not request.clock_runs:
        return "stands still"
    return f"runs until {when(request.due_at)}" if request.due_at else "runs"


def _heard(request: RequestView, names: Mapping[str, str]) -> str:
    aside = f"moved nothing: {said(request.left_aside, names)}" if request.left_aside else ""
    return "; ".join(filter(None, (said(request.heard, names), aside)))


def said(heard: HeardView | None, names: Mapping[str, str]) -> str:
    """In one line: what, why, how much, when, where, by whom."""
    if heard is None:
        return ""
    told = [
        (heard.reason, "because: {}"),
        (f"{heard.amount} {heard.currency}" if heard.amount else None, "{}"),
        (heard.day, "on {}"),
        (names.get(heard.elsewhere or "", heard.elsewhere), "at {}"),
        (heard.person, "said by {}"),
        (heard.reference, "their number {}"),
        (heard.words, "in words: {}"),
    ]
    return "; ".join([f"{heard.answer}, {heard.said_at[:16]}Z", *(shape.format(one) for one, shape in told if one)])


def _steps(request: RequestView) -> list[str]:
    from transfer.cli.request import command

    letter = [f"transfer letter send {request.request}"] if request.gets_letters else []
    return [*letter, *(command(request.request, step) for step in request.steps[:2])]


def _asked(request: RequestView) -> str:
    return f"{request.says.rstrip('.')}; {request.turn}." if request.turn else request.says


def _standing(copy_of: str | None, is_superseded: bool) -> str:
    return "replaced" if is_superseded else f"copy of {copy_of}" if copy_of else ""


def _print_permissions(found: Dossier, names: Mapping[str, str]) -> None:
    if not found.permissions:
        return
    _section("Release forms")
    rows = [
        (
            p.permission,
            p.state + (", purged" if p.purged_at else ""),
            ", ".join(names.get(one, one) for one in p.disclosers),
            ", ".join(names.get(one, one) for one in p.recipients),
            when(p.expires_at),
            " ".join([*p.findings, *(["(disputed: " + ", ".join(p.disputes) + ")"] if p.disputes else [])]),
        )
        for p in found.permissions
    ]
    print_table(["permission", "", "may release", "to", "until", "wrong with it"], rows, indent=2)


def _print_going_out(found: Dossier) -> None:
    if not found.packets:
        return
    _section("Packets")
    rows = [
        (
            p.packet,
            "partial" if p.is_partial else "complete",
            f"{p.size:,} bytes" if p.size else "" if p.is_purged else "being put together",
            f"handed over: {p.outcome}" if p.outcome else "",
            p.disclosure,
            " ".join([p.receipt or _without_receipt(p), *p.reasons]),
            p.links_ended or (f"links until {when(p.links_until)}" if p.links_until else ""),
        )
        for p in found.packets
    ]
    print_table(["packet", "", "", "", "disclosure", "receiver says", ""], rows, indent=2)


def _without_receipt(packet: PacketView) -> str:
    return "purged" if packet.is_purged else "recalled" if packet.is_recalled else "no receipt yet"


def _print_decisions(found: Dossier) -> None:
    if not found.holds:
        return
    _section("Needs a decision")
    print_table([], [(hold.hold, hold.code, hold.says, hold.about) for hold in found.holds], indent=2)
    click.echo("  transfer hold show ID tells what can be answered.")


def _print_runs(found: Dossier) -> None:
    if not found.runs:
        return
    _section("Runs")
    rows = [(run.dag, run.run, run.state, f"{run.lines} lines" if run.lines else "", run.says) for run in found.runs]
    print_table(["dag", "run", "", "wrote", ""], rows, indent=2)
