-- For whom an object is being written, where that is known: a purge removes it without waiting for its writer.
SET search_path = transfer;

ALTER TABLE vault_intents ADD COLUMN patient text REFERENCES patients;
GRANT UPDATE ON vault_intents TO transfer_app;

-- Fences of which nobody has written yet that they are in force: a gateway looks twice a second.
CREATE INDEX permissions_fenced ON permissions (patient)
    WHERE ended IS NOT NULL AND (in_force_at IS NULL OR in_force_at < ended_at);
