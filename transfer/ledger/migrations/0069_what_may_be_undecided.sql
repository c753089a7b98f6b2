-- *To do* reads the cases that it judges, and not every case of the desk (docs/decisions/0063-many-cases.md).
SET search_path = transfer;

-- The case's last line when a question about it was open, and its pieces were those announced. Written with the case's
-- row. A process of the version before writes a later line and does not say so: its case is judged, perhaps in vain.
ALTER TABLE cases ADD COLUMN decided_line bigint;
UPDATE cases AS c SET decided_line = c.line WHERE c.is_open
    AND EXISTS (SELECT FROM holds AS h WHERE h.subject = c.case_id AND h.resolved_at IS NULL)
    AND NOT EXISTS (SELECT FROM materials AS m WHERE m.case_id = c.case_id
        AND (m.state IN ('wanted', 'discrepant') OR m.state = 'in-hand' AND m.received <> m.expected));
ALTER TABLE cases ADD COLUMN may_be_undecided boolean
    GENERATED ALWAYS AS ((line = decided_line) IS NOT TRUE) STORED;
CREATE INDEX cases_undecided ON cases (needed_by, owner_since, opened_at, case_id)
    WHERE is_open AND owner = 'desk' AND may_be_undecided;
