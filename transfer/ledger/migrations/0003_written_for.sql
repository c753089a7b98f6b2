-- For whom an object is being written, where that is known: a purge removes it without waiting for its writer.
SET search_path = transfer;

ALTER TABLE vault_intents ADD COLUMN patient text REFERENCES patients;
GRANT UPDATE ON vault_intents TO transfer_app;
