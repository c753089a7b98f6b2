-- Whose turn a case is and why, beside what it is for: lists read the row and fold no case.
SET search_path = transfer;

ALTER TABLE cases
    ADD COLUMN referring      text,
    ADD COLUMN appointment_at timestamptz,
    ADD COLUMN assigned_to    text,         -- an account at the desk
    ADD COLUMN look_again_on  date,         -- as the last call about no request said
    ADD COLUMN line           bigint,       -- the case's last line when this row was written
    ADD COLUMN owner          text,         -- who is to act; NULL: nobody
    ADD COLUMN owner_since    timestamptz,
    ADD COLUMN why            jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN lacking        text[] NOT NULL DEFAULT '{}',
    -- the line, the patient's epoch and the time at which owner, why and lacking were told last
    ADD COLUMN told_line      bigint,
    ADD COLUMN told_epoch     bigint,
    ADD COLUMN told_at        timestamptz;
UPDATE cases SET line = h.sequence FROM chain_heads AS h WHERE h.chain = 'case:' || case_id;

CREATE INDEX cases_to_tell ON cases (case_id) WHERE line IS DISTINCT FROM told_line;
CREATE INDEX cases_told ON cases (told_at) WHERE is_open;
CREATE INDEX cases_needed ON cases (needed_by, opened_at) WHERE is_open;

-- When somebody at the desk looks after a request next: a day of the source's.
ALTER TABLE requests ADD COLUMN next_action_on date;
CREATE INDEX requests_next_action ON requests (next_action_on) WHERE next_action_on IS NOT NULL;
