-- Two patients who turned out to be one person, and what was the other's, so that they can be taken apart again.
SET search_path = transfer;

CREATE TABLE merged_patients (
    absorbed  text        PRIMARY KEY REFERENCES patients,
    kept      text        NOT NULL REFERENCES patients,
    identity  bytea,                        -- who the absorbed one was, sealed under the other's key; NULL once purged
    its_own   bytea,                        -- who the other one was, likewise
    merged_at timestamptz NOT NULL
);
CREATE INDEX merged_patients_into ON merged_patients (kept);
CREATE TABLE merged_items (                 -- what was whose then
    absorbed text NOT NULL REFERENCES merged_patients ON DELETE CASCADE,
    was_of   text NOT NULL,
    kind     text NOT NULL CHECK (kind IN ('case', 'permission', 'record', 'note', 'arrival')),
    item     text NOT NULL,
    PRIMARY KEY (absorbed, kind, item)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON merged_patients TO transfer_app;
GRANT SELECT, INSERT, DELETE ON merged_items TO transfer_app;
