-- Lists, searches and sweeps read what they show, however many cases there are (docs/decisions/0063-many-cases.md).
SET search_path = transfer;

-- What is behind ---------------------------------------------------------------------------------------------------

-- Of `IS DISTINCT FROM` the planner thinks that nearly every row fits it, and reads the table. These it can count.
ALTER TABLE cases ADD COLUMN is_behind boolean GENERATED ALWAYS AS (line IS DISTINCT FROM told_line) STORED;
DROP INDEX cases_to_tell;
CREATE INDEX cases_to_tell ON cases (is_open, case_id) WHERE is_behind;
ALTER TABLE due_runs ADD COLUMN is_behind boolean GENERATED ALWAYS AS (sentence IS DISTINCT FROM noted) STORED;
DROP INDEX due_runs_unnoted;
CREATE INDEX due_runs_unnoted ON due_runs (posted_at) WHERE is_behind;
ALTER TABLE permissions ADD COLUMN is_behind boolean
    GENERATED ALWAYS AS (ended IS NOT NULL AND ended IS DISTINCT FROM noted_end) STORED;
DROP INDEX permissions_unnoted;
CREATE INDEX permissions_unnoted ON permissions (permission) WHERE is_behind;

-- Cases -----------------------------------------------------------------------------------------------------------

-- The first day on which somebody here looks after the case, or after one of its requests that somebody owes.
ALTER TABLE cases ADD COLUMN call_on date;
UPDATE cases AS c SET call_on = least(c.look_again_on, (
    SELECT min(r.next_action_on) FROM requests AS r WHERE r.case_id = c.case_id AND r.state IN
        ('authorization-not-accepted', 'expected', 'identifier-required', 'in-progress', 'not-signed', 'partly',
         'ready-on', 'rest-follows')));

-- All that a list is chosen, ordered and counted by stands in one index of the open ones.
DROP INDEX cases_needed;
CREATE INDEX cases_by_need ON cases (needed_by, owner_since, opened_at, case_id)
    INCLUDE (owner, call_on, appointment_at) WHERE is_open;
CREATE INDEX cases_ever_by_need ON cases (is_open DESC, needed_by, owner_since, opened_at, case_id);
CREATE INDEX cases_expected ON cases (appointment_at, case_id) WHERE is_open;
CREATE INDEX cases_delivered ON cases (owner_since DESC, case_id) INCLUDE (call_on) WHERE is_open AND owner IS NULL;
CREATE INDEX cases_undated ON cases (opened_at, case_id) INCLUDE (owner)
    WHERE is_open AND needed_by IS NULL AND appointment_at IS NULL;
CREATE INDEX cases_assigned ON cases (assigned_to) WHERE is_open AND assigned_to IS NOT NULL;

-- When the epoch began: cases of a patient are told anew once, without a look at all patients.
ALTER TABLE patient_epochs ADD COLUMN begun_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE patient_epochs ALTER COLUMN begun_at SET DEFAULT transfer.now();
UPDATE patient_epochs AS e SET begun_at = transfer.now() FROM cases AS c
    WHERE c.patient = e.patient AND c.is_open AND c.told_epoch <> e.epoch;
CREATE INDEX patient_epochs_begun ON patient_epochs (begun_at);

-- Requests --------------------------------------------------------------------------------------------------------

CREATE INDEX requests_awaited ON requests (institution, department, case_id) WHERE state IN
    ('authorization-not-accepted', 'expected', 'identifier-required', 'in-progress', 'not-signed', 'partly', 'ready-on',
     'rest-follows');

-- How a department answers: what the facts of a request say, beside it.
ALTER TABLE requests
    ADD COLUMN made_at      timestamptz,
    ADD COLUMN answered_at  timestamptz,     -- the first time
    ADD COLUMN refused_at   timestamptz,     -- these the last time
    ADD COLUMN not_found_at timestamptz,
    ADD COLUMN heard_at     timestamptz;     -- an answer, or a call
WITH said AS (
    SELECT convert_from(text, 'UTF8')::jsonb -> 'body' AS body, kind, at FROM facts
    WHERE kind IN ('request-made', 'request-moved', 'request-answered', 'call-logged')),
of_request AS (
    SELECT body ->> 'request' AS request,
        min(at) FILTER (WHERE kind = 'request-made') AS made_at,
        min(at) FILTER (WHERE kind = 'request-moved' AND body ->> 'state' = 'answered') AS answered_at,
        max(at) FILTER (WHERE kind = 'request-moved' AND body ->> 'state' IN
            ('refused', 'forbidden', 'authorization-not-accepted')) AS refused_at,
        max(at) FILTER (WHERE kind = 'request-moved' AND body ->> 'state' = 'not-found') AS not_found_at,
        max(at) FILTER (WHERE kind IN ('request-answered', 'call-logged')) AS heard_at
    FROM said WHERE body ->> 'request' IS NOT NULL GROUP BY 1)
UPDATE requests AS r SET made_at = o.made_at, answered_at = o.answered_at, refused_at = o.refused_at,
    not_found_at = o.not_found_at, heard_at = o.heard_at
FROM of_request AS o WHERE o.request = r.request;
CREATE INDEX requests_answered ON requests (institution, department, answered_at) INCLUDE (made_at)
    WHERE answered_at IS NOT NULL;
CREATE INDEX requests_refused ON requests (institution, department, refused_at) WHERE refused_at IS NOT NULL;
CREATE INDEX requests_not_found ON requests (institution, department, not_found_at) WHERE not_found_at IS NOT NULL;
CREATE INDEX requests_heard ON requests (institution, department, heard_at) WHERE heard_at IS NOT NULL;
-- Counts that are not the one announced, among all that came: the text is RFC 8785 and has no spaces.
CREATE INDEX facts_miscounted ON facts (at)
    WHERE kind = 'material-received' AND position('"state":"discrepant"'::bytea IN text) > 0;

-- Questions -------------------------------------------------------------------------------------------------------

CREATE INDEX holds_of ON holds (subject, code, resolved_at);
CREATE INDEX holds_about ON holds (about, code) WHERE about IS NOT NULL;
CREATE INDEX holds_to_answer ON holds (due_at, opened_at, hold) WHERE resolved_at IS NULL;
-- About messages that are in no case yet: identifiers of arrivals begin so (transfer/identifiers.py).
CREATE INDEX holds_of_arrivals ON holds (due_at, opened_at, hold) WHERE resolved_at IS NULL AND subject LIKE 'a%';

-- Rounds ----------------------------------------------------------------------------------------------------------

CREATE INDEX due_runs_of ON due_runs (subject COLLATE "C");

-- Incoming --------------------------------------------------------------------------------------------------------

CREATE INDEX incoming_by_time ON incoming (received_at, incoming);
DROP INDEX incoming_waiting;
CREATE INDEX incoming_waiting ON incoming (received_at, incoming) WHERE state = 'waiting';
