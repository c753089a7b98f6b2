-- A round that is owed at once wakes whoever posts rounds: until now it looked five times a second
-- (docs/decisions/0064-where-processor-seconds-go.md).
SET search_path = transfer;

-- As in 0060. What is owed already wakes nobody again, and rounds that are owed for later wait for a look.
CREATE OR REPLACE FUNCTION transfer.owe(dag text, about text, after interval, tried integer) RETURNS void
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM 1 FROM transfer.due_runs WHERE dag_id = dag AND subject = about AND state IN ('owed', 'posted')
        AND not_before <= transfer.now() + after AND attempts >= tried FOR UPDATE;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(
        (('x' || encode(substr(sha256(convert_to('round/' || dag || '/' || about, 'UTF8')), 1, 8), 'hex'))::bit(64) >> 1
        )::bigint);
    INSERT INTO transfer.due_runs (dag_id, subject, round, not_before, attempts)
        SELECT dag, about, coalesce(max(round), 0) + 1, transfer.now() + after, tried FROM transfer.due_runs
        WHERE dag_id = dag AND subject = about
        ON CONFLICT (dag_id, subject) WHERE state IN ('owed', 'posted')
        DO UPDATE SET not_before = least(due_runs.not_before, excluded.not_before),
                      attempts = greatest(due_runs.attempts, excluded.attempts);
    IF after <= interval '0' THEN
        NOTIFY transfer_rounds;
    END IF;
END $$;
