-- Frames that an MLLP door did not take, because they ended otherwise than the standard says: nothing of them is kept.
SET search_path = transfer;

CREATE TABLE frames_not_taken (
    institution text        NOT NULL,
    ending      text        NOT NULL,
    count       bigint      NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (institution, ending)
);

GRANT SELECT, INSERT, UPDATE ON frames_not_taken TO transfer_app;
