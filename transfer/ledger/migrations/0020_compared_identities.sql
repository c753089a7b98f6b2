-- What institutions say of a patient of ours where no rule makes it surely the patient, and what people said of it.
SET search_path = transfer;

CREATE TABLE compared_identities (
    patient     text  NOT NULL REFERENCES patients,
    institution text  NOT NULL,
    digest      bytea NOT NULL,              -- HMAC under the patient's key
    said        bytea NOT NULL,              -- sealed under the patient's key
    match_rule  text  NOT NULL,
    hold        text  REFERENCES holds,      -- the question that shows it
    answer      text  CHECK (answer IN ('ours', 'not-ours')),
    PRIMARY KEY (patient, institution, digest)
);
CREATE INDEX compared_identities_shown ON compared_identities (hold);
GRANT SELECT, INSERT, UPDATE, DELETE ON compared_identities TO transfer_app;

-- Of messages that say the same of the same patient, one raises the question and the others wait for its answer.
ALTER TABLE arrivals ADD COLUMN whose bytea;      -- HMAC under the site key, while people are asked
ALTER TABLE arrivals ADD COLUMN waits_for text;   -- the arrival that the question is about
CREATE INDEX arrivals_whose ON arrivals (whose) WHERE whose IS NOT NULL;
CREATE INDEX arrivals_waits_for ON arrivals (waits_for) WHERE waits_for IS NOT NULL;

-- A question about a study had no "ours". It is about whoever a source finds, of documents and images alike.
UPDATE holds SET code = 'whose-answer' WHERE code = 'whose-study';
