-- Housekeeping is a DAG of its own. Where enforce_permissions had rounds of it, the next one is owed here. Its number follows
-- theirs, and a restore finds it to count on from. A run of the former DAG that is still queued finds its round done, and ends.
SET search_path = transfer;

INSERT INTO due_runs (dag_id, subject, round, not_before)
    SELECT 'housekeeping', subject, max(round) + 1, transfer.now() FROM due_runs
    WHERE dag_id = 'enforce_permissions' AND subject = 'inbox' GROUP BY subject;
UPDATE due_runs SET state = 'done', outcome = 'moved', lease_until = NULL
    WHERE dag_id = 'enforce_permissions' AND subject = 'inbox' AND state <> 'done';
UPDATE holds SET about = 'housekeeping'
    WHERE subject = 'inbox' AND code = 'machinery-broken' AND about = 'enforce_permissions';
