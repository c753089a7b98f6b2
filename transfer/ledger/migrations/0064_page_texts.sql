-- What a machine read on pages that wait in Incoming, for suggestions alone. It is sealed under the key of its paper, and
-- lies here until somebody has said what the page is.
SET search_path = transfer;

CREATE TABLE page_texts (
    incoming text NOT NULL REFERENCES incoming,
    page     int NOT NULL,
    text     bytea NOT NULL,                   -- sealed; of a page without words, or that cannot be read, sealed all the same
    PRIMARY KEY (incoming, page)
);

GRANT SELECT, INSERT, DELETE ON page_texts TO transfer_app;
