-- Facilities that no reviewed file names, as staff added them. The system's chain tells what was said of them when.
SET search_path = transfer;

CREATE TABLE facilities (
    institution  text        PRIMARY KEY,
    name         text        NOT NULL,
    city         text        NOT NULL,
    time_zone    text        NOT NULL,
    holds        text[]      NOT NULL,
    telephone    text        NOT NULL,
    fax          text,
    address      text,
    is_confirmed boolean     NOT NULL,          -- somebody called since its contact was said last
    added_at     timestamptz NOT NULL,
    -- counts all changes of this table: each process asks for the last one at the begin of a transaction
    change       bigint      NOT NULL
);
CREATE INDEX facilities_change ON facilities (change);

GRANT SELECT, INSERT, UPDATE ON facilities TO transfer_app;
