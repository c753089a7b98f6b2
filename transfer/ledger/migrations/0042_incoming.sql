-- Papers that came by fax, by mail or as a file, and what became of their pages. Their bytes lie in the vault, sealed
-- under a key of their own; a row of a paper that was destroyed says only that it came.
SET search_path = transfer;

CREATE TABLE incoming (
    incoming        text PRIMARY KEY,
    line            text NOT NULL,
    received_at     timestamptz NOT NULL,
    dedupe          bytea NOT NULL UNIQUE,     -- HMAC of the line and the bytes
    content_type    text NOT NULL,
    state           text NOT NULL CHECK (state IN ('waiting', 'done', 'destroyed')),
    taken_by        text,                      -- an account at the desk
    vault_key       text,                      -- the paper as it came, sealed
    vault_sha256    text,
    vault_size      bigint,
    pictures_key    text,                      -- a picture of each page, each sealed, one after the other
    pictures_sha256 text,
    picture_sizes   int[] NOT NULL,
    destroy_after   timestamptz                -- NULL: it is kept
);
CREATE INDEX incoming_waiting ON incoming (received_at) WHERE state = 'waiting';
CREATE INDEX incoming_to_destroy ON incoming (destroy_after) WHERE destroy_after IS NOT NULL AND state = 'done';

CREATE TABLE indexed_pages (
    incoming   text NOT NULL REFERENCES incoming,
    pages      int[] NOT NULL,
    became     text NOT NULL CHECK (became IN ('record', 'misdirected', 'left-out')),
    case_id    text,
    arrival    text,                           -- which the record came in
    indexed_at timestamptz NOT NULL
);
CREATE INDEX indexed_pages_incoming ON indexed_pages (incoming);
CREATE INDEX indexed_pages_arrival ON indexed_pages (arrival) WHERE arrival IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON incoming TO transfer_app;
GRANT SELECT, INSERT ON indexed_pages TO transfer_app;
