-- What doors bring is stored in one statement: one trip, however much comes together.
SET search_path = transfer;

-- A function's plans are made while its tables are small or empty, and kept: without `enable_seqscan = off` they would
-- go on to read all of them.

-- The rules of owing are told at `transfer.ledger.rounds.owe`. The lock's number is that of `lock_number`.
CREATE FUNCTION transfer.owe(dag text, about text, after interval, tried integer) RETURNS void
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(
        (('x' || encode(substr(sha256(convert_to('round/' || dag || '/' || about, 'UTF8')), 1, 8), 'hex'))::bit(64) >> 1
        )::bigint);
    INSERT INTO transfer.due_runs (dag_id, subject, round, not_before, attempts)
        SELECT dag, about, coalesce(max(round), 0) + 1, transfer.now() + after, tried FROM transfer.due_runs
        WHERE dag_id = dag AND subject = about
        ON CONFLICT (dag_id, subject) WHERE state IN ('owed', 'posted')
        DO UPDATE SET not_before = least(due_runs.not_before, excluded.not_before),
                      attempts = greatest(due_runs.attempts, excluded.attempts);
END $$;

-- Of each that is brought, in its order: the arrival that it is now, and whether it was there before. No rows: `today`
-- is over, and nothing was stored. `brought` holds the columns that are no payload, its bytes in hex.
-- Each statement in here sees what others committed before it began: who waited for a sender's other try is told of it.
CREATE FUNCTION transfer.store_arrivals(today date, first timestamptz, brought json, payloads bytea[])
RETURNS TABLE (arrival text, is_duplicate boolean, subject text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    at timestamptz := transfer.now();
    new text[];
    due record;
BEGIN
    IF at::date <> today THEN
        RETURN;
    END IF;
    INSERT INTO transfer.unmatched_counts (institution, day)
        SELECT DISTINCT b.institution, today FROM json_to_recordset(brought) AS b (institution text) ORDER BY 1
        ON CONFLICT DO NOTHING;
    WITH stored AS (
        INSERT INTO transfer.arrivals AS a (arrival, institution, door, kind, dedupe, control, conflicts, content_type,
            size, sha256, payload, vault_key, vault_sha256, key, subject, received_at)
        SELECT b.arrival, b.institution, b.door, b.kind, decode(b.dedupe, 'hex'), decode(b.control, 'hex'),
            b.conflicts OR coalesce((
                SELECT true FROM transfer.arrivals AS e WHERE e.control = decode(b.control, 'hex')
                AND e.received_at > coalesce(first, at) - interval '12 hours' LIMIT 1), false),
            b.content_type, b.size, decode(b.sha256, 'hex'), payloads[b.place], b.vault_key, b.vault_sha256, b.key,
            b.subject, coalesce(first, at) + (b.place - 1) * interval '1 microsecond'
        FROM json_to_recordset(brought) AS b (place integer, arrival text, institution text, door text, kind text,
            dedupe text, control text, conflicts boolean, content_type text, size bigint, sha256 text, vault_key text,
            vault_sha256 text, key text, subject text)
        ON CONFLICT (dedupe) DO NOTHING RETURNING a.arrival, a.vault_key),
    written AS (DELETE FROM transfer.vault_uploads AS u USING stored AS s WHERE u.key = s.vault_key)
    SELECT array_agg(s.arrival) INTO new FROM stored AS s;
    FOR due IN
        SELECT DISTINCT b.dag, b.owed FROM json_to_recordset(brought) AS b (arrival text, dag text, owed text)
        WHERE b.arrival = ANY (new) AND b.dag IS NOT NULL ORDER BY 1, 2
    LOOP
        PERFORM transfer.owe(due.dag, due.owed, interval '0', 0);
    END LOOP;
    RETURN QUERY
        SELECT a.arrival, a.arrival <> b.arrival, a.subject
        FROM json_to_recordset(brought) AS b (place integer, arrival text, dedupe text)
        CROSS JOIN LATERAL (
            SELECT t.arrival, t.subject FROM transfer.arrivals AS t WHERE t.dedupe = decode(b.dedupe, 'hex') LIMIT 1) AS a
        ORDER BY b.place;
END $$;
