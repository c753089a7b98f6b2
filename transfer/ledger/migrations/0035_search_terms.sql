-- By what people look for a patient: beginnings and sounds of names, birth dates, numbers. HMACs under the site key. They
-- find what a person then looks at; whose a message is rests on patient_terms alone.
SET search_path = transfer;

CREATE TABLE search_terms (
    term    bytea NOT NULL,
    patient text  NOT NULL REFERENCES patients,
    PRIMARY KEY (term, patient)
);
CREATE INDEX search_terms_of ON search_terms (patient);
-- Patients whose terms are to be written anew. Without a key: whoever notes it waits for nobody.
CREATE TABLE search_terms_owed (
    patient text        NOT NULL REFERENCES patients,
    at      timestamptz NOT NULL DEFAULT transfer.now()
);
-- Everybody who is known by now is to be found so.
INSERT INTO search_terms_owed (patient) SELECT patient FROM patients WHERE identity IS NOT NULL;

GRANT SELECT, INSERT, DELETE ON search_terms TO transfer_app;
-- Update, for whoever takes a row locks it.
GRANT SELECT, INSERT, UPDATE, DELETE ON search_terms_owed TO transfer_app;
