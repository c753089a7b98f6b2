-- What people said to a question that two must answer alike. Each has one word; saying another replaces it.
SET search_path = transfer;

CREATE TABLE hold_words (
    hold    text        NOT NULL REFERENCES holds,
    person  text        NOT NULL,
    word    text        NOT NULL,
    about   text        NOT NULL,        -- the patient it is said to be; '' where none is named
    said_at timestamptz NOT NULL,
    PRIMARY KEY (hold, person)
);

GRANT SELECT, INSERT, UPDATE ON hold_words TO transfer_app;
