-- Codes that institutions use and that mean nothing here yet: sealed by the site's key, of no patient.
SET search_path = transfer;

CREATE TABLE unmapped_codes (
    institution text        NOT NULL,
    term        bytea       NOT NULL,            -- HMAC of the code
    use         text        NOT NULL,            -- transfer.unmapped_codes.CodeUse
    code        bytea       NOT NULL,
    times       integer     NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (institution, term)
);
CREATE INDEX unmapped_codes_by_last ON unmapped_codes (last_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON unmapped_codes TO transfer_app;
