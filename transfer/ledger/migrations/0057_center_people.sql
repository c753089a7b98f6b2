-- Who of a receiving center signed in by its own identity provider, as it called them last.
SET search_path = transfer;

CREATE TABLE center_people (
    account     text NOT NULL,
    institution text NOT NULL,
    name        text NOT NULL,
    PRIMARY KEY (account, institution)
);

GRANT SELECT, INSERT, UPDATE ON center_people TO transfer_app;
