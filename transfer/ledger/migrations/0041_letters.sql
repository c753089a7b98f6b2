-- Letters to facilities that are asked on paper: each row one sending. What a letter says is a note, sealed.
SET search_path = transfer;

CREATE TABLE letters (
    letter       text        PRIMARY KEY,
    case_id      text        NOT NULL,
    request      text        NOT NULL REFERENCES requests,
    kind         text        NOT NULL,
    way          text        NOT NULL,
    state        text        NOT NULL,
    queued_at    timestamptz NOT NULL,
    not_before   timestamptz NOT NULL,
    attempts     integer     NOT NULL DEFAULT 0,
    lease_until  timestamptz,                     -- of the task that sends it
    sent_to      text,
    pages        integer,
    confirmation text,
    failure      text,
    settled_at   timestamptz,
    note         text
);
CREATE UNIQUE INDEX letters_open ON letters (request) WHERE state IN ('queued', 'sending', 'failed');
CREATE INDEX letters_of_case ON letters (case_id);
CREATE INDEX letters_by_time ON letters (queued_at);

GRANT SELECT, INSERT, UPDATE ON letters TO transfer_app;
