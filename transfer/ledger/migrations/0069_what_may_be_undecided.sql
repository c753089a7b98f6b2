-- *To do* reads the cases that it judges, and not every case of the desk (docs/decisions/0063-many-cases.md).
SET search_path = transfer;

-- No question about the case is open, or its pieces may be others than those announced. Written with the case's row.
-- True where nobody said so, as in rows of processes of the version before: such a case is judged, perhaps in vain.
ALTER TABLE cases ADD COLUMN may_be_undecided boolean NOT NULL DEFAULT true;
UPDATE cases AS c SET may_be_undecided = false WHERE c.is_open
    AND EXISTS (SELECT FROM holds AS h WHERE h.subject = c.case_id AND h.resolved_at IS NULL)
    AND NOT EXISTS (SELECT FROM materials AS m WHERE m.case_id = c.case_id
        AND (m.state IN ('wanted', 'discrepant') OR m.state = 'in-hand' AND m.received <> m.expected));
CREATE INDEX cases_undecided ON cases (needed_by, owner_since, opened_at, case_id)
    WHERE is_open AND owner = 'desk' AND may_be_undecided;
