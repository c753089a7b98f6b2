-- Turns at a department (transfer/turns.py): who may ask now is kept here, and no longer in a pool of Airflow's.
SET search_path = transfer;

CREATE TABLE queues (                        -- one row for each department that was ever asked; its lock is the queue's
    institution  text        NOT NULL,
    department   text        NOT NULL,
    given        bigint      NOT NULL DEFAULT 0,   -- turns given so far
    failures     integer     NOT NULL DEFAULT 0,   -- times in a row without an answer
    silent_since timestamptz,
    rests_until  timestamptz,
    look_at      timestamptz,                      -- somebody waits, and time alone may give him a turn then
    PRIMARY KEY (institution, department)
);
CREATE TABLE turns (
    request     text        PRIMARY KEY,
    institution text        NOT NULL,
    department  text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('called', 'handed-out', 'asking', 'lapsed')),
    priority    text        NOT NULL,
    claim       integer,                           -- of the request, by the task that asks
    until       timestamptz NOT NULL
);
CREATE INDEX turns_at ON turns (institution, department);
CREATE INDEX requests_waiting ON requests (institution, department) WHERE state IN ('due', 'asking', 'partly');
GRANT SELECT, INSERT, UPDATE ON queues TO transfer_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON turns TO transfer_app;

-- Who is next depends on how urgent its case is.
ALTER TABLE cases ADD COLUMN priority text NOT NULL DEFAULT 'routine';
UPDATE cases SET priority = convert_from(f.text, 'UTF8')::jsonb -> 'body' ->> 'priority'
    FROM facts AS f WHERE f.chain = 'case:' || cases.case_id AND f.kind = 'case-opened';

-- A round that has handed out its requests keeps no further one waiting, however long a source takes.
ALTER TABLE due_runs ADD COLUMN is_handed_out boolean NOT NULL DEFAULT false;
