-- The PIN that the patient or the referring office is told by telephone: what they send or sign needs it, a stop does not.
SET search_path = transfer;

CREATE TABLE letter_pins (
    case_id text        NOT NULL,
    holder  text        NOT NULL,
    pin     text        NOT NULL,                -- Argon2id, PHC string
    wrong   integer     NOT NULL DEFAULT 0,      -- PINs that were typed in its place, in a row
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (case_id, holder)
);
CREATE INDEX letter_pins_by_end ON letter_pins (ends_at);

ALTER TABLE opened_letters ADD COLUMN is_proven boolean NOT NULL DEFAULT false; -- the PIN was typed in this sign-in

GRANT SELECT, INSERT, UPDATE, DELETE ON letter_pins TO transfer_app;
GRANT UPDATE ON opened_letters TO transfer_app;
