-- Objections stop a release at the door (transfer/objections.py). What is doubtful about one is a question with a clock.
SET search_path = transfer;

ALTER TABLE holds ADD COLUMN due_at timestamptz;             -- by when somebody is to answer; NULL: no clock

ALTER TABLE arrivals ADD COLUMN is_objection boolean NOT NULL DEFAULT false;
CREATE INDEX arrivals_objecting ON arrivals (institution, received_at) WHERE is_objection;

CREATE INDEX permissions_by_number ON permissions (reference) WHERE reference IS NOT NULL;

-- Which end of a permission is noted outside the database, beside the keys: where they were away, it is noted later.
ALTER TABLE permissions ADD COLUMN noted_end text;
UPDATE permissions SET noted_end = ended;
CREATE INDEX permissions_unnoted ON permissions (permission) WHERE ended IS NOT NULL AND ended IS DISTINCT FROM noted_end;

-- A legal hold: nothing of the patient is destroyed while it stands.
ALTER TABLE patients ADD COLUMN legal_hold_since timestamptz;
