-- Which letters somebody opened by their codes in one sign-in, and what they sent about them then.
SET search_path = transfer;

CREATE TABLE opened_letters (
    account   text        NOT NULL,              -- of one sign-in
    subject   text        NOT NULL,              -- a request, or a case
    holder    text        NOT NULL,
    case_id   text        NOT NULL,
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (account, subject)
);
CREATE INDEX opened_letters_by_time ON opened_letters (opened_at);

CREATE TABLE letter_replies (
    arrival text        PRIMARY KEY,
    account text        NOT NULL,
    request text        NOT NULL,
    answer  text,                                -- null: files
    files   integer     NOT NULL,
    sent_at timestamptz NOT NULL
);
CREATE INDEX letter_replies_by_account ON letter_replies (account);
CREATE INDEX letter_replies_by_time ON letter_replies (sent_at);

GRANT SELECT, INSERT, DELETE ON opened_letters, letter_replies TO transfer_app;
