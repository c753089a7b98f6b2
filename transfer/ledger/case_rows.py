"""How the row is written by which a case is listed and searched: for `Tx.project`, as a transaction ends."""

from typing import Final

#: no question about the case is open, or its pieces may be others than those announced: else the row keeps the line at
#: which it was decided, and a later line of a process that does not say so is judged. The row is written after
#: whatever changes a hold or a count, for each of those is a fact of the case
_UNDECIDED: Final = """NOT EXISTS (SELECT 1 FROM holds WHERE subject = %s AND resolved_at IS NULL)
       OR EXISTS (SELECT 1 FROM materials WHERE case_id = %s
         AND (state IN ('wanted', 'discrepant') OR state = 'in-hand' AND received <> expected))"""
#: beside each request, too: who is next at a department is read in this order
LISTED: Final = f"""WITH c AS (
     INSERT INTO cases (case_id, patient, receiver, referring, checklist, stage, needed_by,
       appointment_at, priority, assigned_to, look_again_on, is_open, opened_at, changed_at, line,
       call_on, decided_line)
     VALUES (%s, %s, %s, %s, %s, %s, %s, %s, coalesce(%s, 'routine'), %s, %s, %s, %s, %s, %s,
       least(%s::date, (SELECT min(r.next_action_on) FROM requests AS r
         WHERE r.case_id = %s AND r.state = ANY(%s))), CASE WHEN {_UNDECIDED} THEN NULL ELSE %s::bigint END)
     ON CONFLICT (case_id) DO UPDATE SET
       (patient, receiver, referring, checklist, stage, needed_by, appointment_at, priority,
        assigned_to, look_again_on, is_open, changed_at, line, call_on, decided_line)
     = (excluded.patient, excluded.receiver, excluded.referring, excluded.checklist, excluded.stage,
        excluded.needed_by, excluded.appointment_at, excluded.priority, excluded.assigned_to,
        excluded.look_again_on, excluded.is_open, excluded.changed_at, excluded.line,
        excluded.call_on, excluded.decided_line)
     RETURNING case_id, priority, needed_by)
   UPDATE requests AS r SET priority = c.priority, needed_by = c.needed_by FROM c
   WHERE r.case_id = c.case_id
     AND (r.priority, r.needed_by) IS DISTINCT FROM (c.priority, c.needed_by)"""  # noqa: S608  our own text
#: whose turn it is and why, as of a line
TOLD: Final = """UPDATE cases AS c SET owner = %s, why = %s, lacking = %s, told_line = %s, told_at = transfer.now(),
     told_epoch = (SELECT epoch FROM patient_epochs AS e WHERE e.patient = c.patient),
     owner_since = CASE WHEN told_line IS NOT NULL AND owner IS NOT DISTINCT FROM %s THEN owner_since
                   ELSE %s END
   WHERE case_id = %s"""
