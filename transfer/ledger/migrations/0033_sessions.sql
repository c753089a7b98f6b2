-- Who signs in at the desk. Facts name a person by an account that tells nothing; the name people see stands here alone.
SET search_path = transfer;

CREATE TABLE staff (
    account text PRIMARY KEY,
    issuer  text NOT NULL,
    subject text NOT NULL,
    name    text NOT NULL,
    UNIQUE (issuer, subject)
);

CREATE TABLE sessions (
    session  bytea       PRIMARY KEY,            -- SHA-256 of what the cookie holds
    account  text        NOT NULL REFERENCES staff,
    roles    text[]      NOT NULL,
    begun_at timestamptz NOT NULL,
    used_at  timestamptz NOT NULL
);
CREATE INDEX sessions_by_use ON sessions (used_at);

CREATE TABLE patient_flags (                 -- who looks at this patient must say why
    patient text NOT NULL REFERENCES patients,
    flag    text NOT NULL,
    PRIMARY KEY (patient, flag)
);

CREATE TABLE local_account (                 -- it signs in while the hospital's accounts are away
    is_only  boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    kept     text        NOT NULL,               -- of its password: Argon2id, PHC string
    wrong    integer     NOT NULL DEFAULT 0,     -- passwords in a row
    wrong_at timestamptz
);

GRANT SELECT, INSERT, UPDATE, DELETE ON local_account TO transfer_app;
GRANT SELECT, INSERT, DELETE ON patient_flags TO transfer_app;
GRANT SELECT, INSERT, UPDATE ON staff TO transfer_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO transfer_app;
