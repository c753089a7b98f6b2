-- What people find wrong with a release form by looking at it (45 CFR 164.508(b)(2)). A row stands while the dispute does:
-- who entered and who withdrew it is in the patient's chain. It is about the form as it came, however often it is read.
SET search_path = transfer;

CREATE TABLE disputes (
    arrival text NOT NULL REFERENCES arrivals,
    dispute text NOT NULL,
    PRIMARY KEY (arrival, dispute)
);

GRANT SELECT, INSERT, DELETE ON disputes TO transfer_app;
