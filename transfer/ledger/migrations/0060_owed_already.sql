-- Storing what doors bring costs the database half: what is owed already is not written again, what is brought is read
-- twice instead of four times, and no statement in here is planned anew for each message. Left to itself the database
-- did that: it takes what is brought for a hundred rows, and a plan for one looked cheaper than one for any.
SET search_path = transfer;

-- A round that waits, and is due early enough, is only locked: nobody takes it before we commit. Written again it left a
-- dead row behind for each message, through which the next had to look.
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
END $$;

-- As in 0059. What each institution's day needs, the arrivals and the rounds that are due come of one reading.
CREATE OR REPLACE FUNCTION transfer.store_arrivals(today date, first timestamptz, brought json, payloads bytea[])
RETURNS TABLE (arrival text, is_duplicate boolean, subject text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    at timestamptz := transfer.now();
    due text[];
    one text[];
BEGIN
    IF at::date <> today THEN
        RETURN;
    END IF;
    WITH b AS MATERIALIZED (
        SELECT * FROM json_to_recordset(brought) AS b (place integer, arrival text, institution text, door text,
            kind text, dedupe text, control text, conflicts boolean, content_type text, size bigint, sha256 text,
            vault_key text, vault_sha256 text, key text, subject text, dag text, owed text)),
    opened AS (
        INSERT INTO transfer.unmatched_counts (institution, day) SELECT DISTINCT b.institution, today FROM b ORDER BY 1
        ON CONFLICT DO NOTHING),
    stored AS (
        INSERT INTO transfer.arrivals AS a (arrival, institution, door, kind, dedupe, control, conflicts, content_type,
            size, sha256, payload, vault_key, vault_sha256, key, subject, received_at)
        SELECT b.arrival, b.institution, b.door, b.kind, decode(b.dedupe, 'hex'), decode(b.control, 'hex'),
            b.conflicts OR coalesce((
                SELECT true FROM transfer.arrivals AS e WHERE e.control = decode(b.control, 'hex')
                AND e.received_at > coalesce(first, at) - interval '12 hours' LIMIT 1), false),
            b.content_type, b.size, decode(b.sha256, 'hex'), payloads[b.place], b.vault_key, b.vault_sha256, b.key,
            b.subject, coalesce(first, at) + (b.place - 1) * interval '1 microsecond'
        FROM b ON CONFLICT (dedupe) DO NOTHING RETURNING a.arrival, a.vault_key),
    written AS (DELETE FROM transfer.vault_uploads AS u USING stored AS s WHERE u.key = s.vault_key)
    SELECT array_agg(DISTINCT ARRAY[b.dag, b.owed]) INTO due FROM stored AS s JOIN b USING (arrival)
        WHERE b.dag IS NOT NULL;
    IF due IS NOT NULL THEN
        FOREACH one SLICE 1 IN ARRAY due LOOP
            PERFORM transfer.owe(one[1], one[2], interval '0', 0);
        END LOOP;
    END IF;
    RETURN QUERY
        SELECT a.arrival, a.arrival <> b.arrival, a.subject
        FROM json_to_recordset(brought) AS b (place integer, arrival text, dedupe text)
        CROSS JOIN LATERAL (
            SELECT t.arrival, t.subject FROM transfer.arrivals AS t WHERE t.dedupe = decode(b.dedupe, 'hex') LIMIT 1) AS a
        ORDER BY b.place;
END $$;
