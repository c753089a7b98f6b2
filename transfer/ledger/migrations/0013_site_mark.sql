-- Which keys this ledger's sealed rows need (transfer/ledger/site_mark.py): a process that has others does no work.
SET search_path = transfer;

CREATE TABLE site_mark (
    is_only   boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    mark      bytea       NOT NULL,              -- HMAC of a constant under the site key
    marked_at timestamptz NOT NULL
);
GRANT SELECT, INSERT ON site_mark TO transfer_app;

-- Who is next at a department is read in order, as far as is needed: what decides it stands beside the request.
ALTER TABLE requests ADD COLUMN priority text NOT NULL DEFAULT 'routine';
ALTER TABLE requests ADD COLUMN needed_by date;
UPDATE requests AS r SET priority = c.priority, needed_by = c.needed_by
    FROM cases AS c WHERE c.case_id = r.case_id;
DROP INDEX requests_waiting;
CREATE INDEX requests_by_urgency ON requests (institution, department, priority, needed_by, not_before, request)
    WHERE state IN ('due', 'asking', 'partly');
CREATE INDEX requests_by_age ON requests (institution, department, priority, not_before, request)
    WHERE state IN ('due', 'asking', 'partly');
