-- What a document that a case did not collect says of others: it counts for one that comes after it, too.
SET search_path = transfer;

CREATE TABLE heeded_words (
    term bytea NOT NULL,               -- HMAC of a number by which it or another is found, as in record_terms
    digest bytea NOT NULL,             -- HMAC of the word: the same one again is kept once
    patient text NOT NULL REFERENCES patients,
    institution text NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    word bytea NOT NULL,               -- sealed under the patient's key
    PRIMARY KEY (term, digest)
);
CREATE INDEX heeded_words_of ON heeded_words (patient);
GRANT SELECT, INSERT, DELETE ON heeded_words TO transfer_app;
