-- By when a source is to have done what it owes (transfer/requests.py, `due_by`). NULL: its time does not run, or nobody
-- has looked at the case since the request moved.
SET search_path = transfer;

ALTER TABLE requests ADD COLUMN due_at timestamptz;
CREATE INDEX requests_by_due ON requests (due_at) WHERE state IN
    ('expected', 'in-progress', 'ready-on', 'not-signed', 'rest-follows');
