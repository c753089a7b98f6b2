"""The file to fill in for a paper form. It is a form of nobody, and reads as one."""

import textwrap
from collections.abc import Iterable
from typing import Final

from transfer.permissions.purposes import KNOWN_PURPOSES
from transfer.records import RecordKind
from transfer.security_labels import SENSITIVITY


def _listed(codes: Iterable[str], indent: str = "") -> str:
    """The codes as lines of a comment."""
    wrapped = textwrap.wrap(" ".join(sorted(codes)), 100, break_on_hyphens=False)
    return "\n".join(f"{indent}#   {line}" for line in wrapped)


TEMPLATE: Final = f"""\
# A release form on paper, as somebody reads it who has it in hand (45 CFR 164.508(c)).
# Every field stays. Where the form has nothing for one, write: missing
# A day is written as 2026-06-15. One that nobody can read: illegible
# Where the form says what no word below says, write: other. A person then decides about the form.

# release, or refusal: the patient forbids what the form names
form: release
# The form's own number, in quotes, and that of a form that it says it replaces.
number: missing
replaces: missing
# What is printed on every copy of it, as DOH-2557: an institution may want a form of its own.
printed_number: missing

# As the form names its patient, and not as the case does: both are compared.
patient:
  family: Sample
  given: [Alex]
  birth_date: 1961-04-03

# What may be released, (c)(1)(i).
information:
  # all, single-records (the report of one day), or a list of:
{_listed(RecordKind, "  ")}
  records: all
  # no: the special categories alone
  ordinary: yes
  # Special categories that the form releases by name, as v3-ActCode has them, or: none
{_listed(SENSITIVITY, "  ")}
  special: none
  # Only what is from these days.
  dated_from: missing
  dated_until: missing

# Who may release, (c)(1)(ii), and to whom, (c)(1)(iii): names of files in institutions/, or other.
released_by: [lakeside-oncology]
released_to: [summit-cancer-center]

# What for, (c)(1)(iv), as v3-ActReason has it. PATRQT: at the patient's request. Otherwise of:
{_listed(KNOWN_PURPOSES)}
purposes: [TREAT]

# The first day on which it holds, and the last, or the event, (c)(1)(v).
starts_on: missing
expires:
  dated: 2027-06-30
  event: missing

# (c)(1)(vi); all of it missing where nobody signed.
signature:
  # handwritten, electronic, witnessed-mark, stamp, typed
  kind: handwritten
  # patient, or representative with the authority that the form states: guardian, health care proxy, parent ...
  by: patient
  authority: missing
  dated: 2026-06-01
  # The account of whoever looked at the signature on the paper, and the day.
  looked_at_by: account
  looked_at_on: 2026-06-02

# The three statements, (c)(2): found, or missing.
statements:
  # that it may be revoked, and how
  revoke: found
  # whether treatment or payment depends on it
  condition: found
  # that the recipient may disclose again
  redisclose: found

# What the form excepts, or: none. Each exception is as this one, with missing for a list that does not narrow it:
#   - records: [note]
#     special: [HIV]
#     released_by: missing
#     released_to: [summit-cancer-center]
refuses: none

# present: the form says something that no field here holds
other_terms: none

# What you know to be wrong with it, or: none. A list of: compound, conditioned, false, wrong-patient, event-occurred
disputes: none
"""
