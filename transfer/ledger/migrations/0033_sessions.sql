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

GRANT SELECT, INSERT, UPDATE ON staff TO transfer_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO transfer_app;
