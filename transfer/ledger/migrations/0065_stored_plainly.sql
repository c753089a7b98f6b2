-- Storing what doors bring, by fewer and plainer statements: nearly always all of it is new, and its round is owed
-- already. What a batch brings beside its arrivals is given by itself, so that nothing is sought in it again.
SET search_path = transfer;

-- As in 0059. `many` are brought; the days of `opens` are begun, `due` are the rounds (dag, subject) of what is brought, or
-- NULL where none is to be owed here, `written` lies in the vault. Of what was here before it says the place, and the arrival that it is. One row of place 0
-- says that `today` is over, and nothing was stored.
CREATE FUNCTION transfer.store_arrivals(today date, first timestamptz, many integer, opens text[], due text[],
    written text[], brought json, payloads bytea[])
RETURNS TABLE (place integer, arrival text, subject text)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    at timestamptz := transfer.now();
    stored integer;
    one text[];
BEGIN
    IF at::date <> today THEN
        RETURN QUERY SELECT 0, NULL::text, NULL::text;
        RETURN;
    END IF;
    IF opens IS NOT NULL THEN
        INSERT INTO transfer.unmatched_counts (institution, day) SELECT o, today FROM unnest(opens) AS o ORDER BY 1
        ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO transfer.arrivals (arrival, institution, door, kind, dedupe, control, conflicts, content_type,
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
    ON CONFLICT (dedupe) DO NOTHING;
    GET DIAGNOSTICS stored = ROW_COUNT;
    IF written IS NOT NULL THEN
        DELETE FROM transfer.vault_uploads AS u WHERE u.key = ANY (written)
            AND (SELECT true FROM transfer.arrivals AS a WHERE a.vault_key = u.key LIMIT 1);
    END IF;
    IF stored < many THEN
        -- Each looks for its own arrival: joined, all arrivals are read by a plan that was made when there were few.
        -- A statement of its own sees what others committed before it began: the sender's other try, for which we waited.
        RETURN QUERY
            SELECT b.place, a.arrival, a.subject
            FROM json_to_recordset(brought) AS b (place integer, arrival text, dedupe text)
            CROSS JOIN LATERAL (SELECT t.arrival, t.subject FROM transfer.arrivals AS t
                WHERE t.dedupe = decode(b.dedupe, 'hex') LIMIT 1) AS a
            WHERE a.arrival <> b.arrival;
        IF due IS NOT NULL THEN
            SELECT array_agg(DISTINCT ARRAY[b.dag, b.owed]) INTO due
                FROM json_to_recordset(brought) AS b (arrival text, dag text, owed text)
                WHERE (SELECT true FROM transfer.arrivals AS a WHERE a.arrival = b.arrival LIMIT 1);
        END IF;
    END IF;
    IF due IS NOT NULL THEN
        FOREACH one SLICE 1 IN ARRAY due LOOP
            -- `owe` begins so; to call it costs three times as much
            PERFORM 1 FROM transfer.due_runs AS r WHERE r.dag_id = one[1] AND r.subject = one[2]
                AND r.state IN ('owed', 'posted') AND r.not_before <= at FOR UPDATE;
            IF NOT FOUND THEN
                PERFORM transfer.owe(one[1], one[2], interval '0', 0);
            END IF;
        END LOOP;
    END IF;
END $$;
DROP FUNCTION transfer.store_arrivals(date, timestamptz, json, bytea[]);
