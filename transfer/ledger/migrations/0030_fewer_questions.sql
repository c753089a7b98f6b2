-- The end of a chain, locked until the transaction ends, and the clock read after the lock was given: one question to
-- the database, where three asked the same. Each statement in it sees what was committed before it began.
CREATE FUNCTION transfer.lock_chain(which text, OUT sequence bigint, OUT hash bytea, OUT at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    SELECT h.sequence, h.hash INTO sequence, hash FROM transfer.chain_heads AS h WHERE h.chain = which FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO transfer.chain_heads (chain) VALUES (which) ON CONFLICT DO NOTHING;
        SELECT h.sequence, h.hash INTO sequence, hash FROM transfer.chain_heads AS h WHERE h.chain = which FOR UPDATE;
    END IF;
    at := transfer.now();
END $$;

-- A patient's epoch, which stands still until the transaction ends. It is read by a statement that begins after the
-- lock was given: one that waited would not see what changed meanwhile.
CREATE FUNCTION transfer.hold_epoch(lock_number bigint, whose text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(lock_number);
    RETURN (SELECT e.epoch FROM transfer.patient_epochs AS e WHERE e.patient = whose);
END $$;
