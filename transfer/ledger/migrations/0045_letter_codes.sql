-- Codes that stand on letters: each opens one page to whoever also knows the patient's birth date. A code is made of its
-- salt by the site key, so that a reminder carries it again. It is found by an HMAC of it.
SET search_path = transfer;

CREATE TABLE letter_codes (
    code     bytea       PRIMARY KEY,
    salt     bytea       NOT NULL,
    holder   text        NOT NULL,
    case_id  text        NOT NULL,
    request  text,
    given_at timestamptz NOT NULL,
    ends_at  timestamptz NOT NULL
);
CREATE INDEX letter_codes_by_case ON letter_codes (case_id);
CREATE INDEX letter_codes_by_end ON letter_codes (ends_at);

GRANT SELECT, INSERT, DELETE ON letter_codes TO transfer_app;
