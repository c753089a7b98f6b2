-- Who of outside signs in at the doors' pages. Facts name a person by an account that tells nothing.
SET search_path = transfer;

CREATE TABLE outside_sessions (
    session     bytea       PRIMARY KEY,         -- SHA-256 of what the cookie holds
    kind        text        NOT NULL,            -- transfer.outside_sessions.Outsider
    account     text        NOT NULL,
    institution text        NOT NULL,
    begun_at    timestamptz NOT NULL,
    used_at     timestamptz NOT NULL
);
CREATE INDEX outside_sessions_by_use ON outside_sessions (used_at);

CREATE TABLE outside_tries (
    counted_by bytea       PRIMARY KEY,          -- HMAC of an address, or of whom somebody tries to be
    tries      integer     NOT NULL,
    begun_at   timestamptz NOT NULL
);

CREATE TABLE center_accounts (                   -- people of receiving centers, who sign in at our pages
    account     text        PRIMARY KEY,
    institution text        NOT NULL,
    mail        text        NOT NULL,            -- lower case
    pin         text        NOT NULL,            -- told by telephone: Argon2id, PHC string
    code        bytea,                           -- the last one sent by mail: HMAC
    code_until  timestamptz,
    invited_at  timestamptz NOT NULL,
    ended_at    timestamptz                      -- nobody signs in by it any more
);
CREATE UNIQUE INDEX center_accounts_by_mail ON center_accounts (mail) WHERE ended_at IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON outside_sessions, outside_tries TO transfer_app;
GRANT SELECT, INSERT, UPDATE ON center_accounts TO transfer_app;
