-- Under which numbers an arrival speaks of a referral: HMACs under the site key of the sender's own numbers, so that a
-- change, a withdrawal and the referral itself find each other, in whatever order they come.
SET search_path = transfer;

CREATE TABLE referral_numbers (
    number  bytea NOT NULL,
    arrival text  NOT NULL REFERENCES arrivals ON DELETE CASCADE,
    PRIMARY KEY (number, arrival)
);
CREATE INDEX referral_numbers_of_arrival ON referral_numbers (arrival);

GRANT SELECT, INSERT, DELETE ON referral_numbers TO transfer_app;

-- The names of images stand sealed beside each part. When two patients turn out to be one, they are sealed anew.
GRANT UPDATE (index) ON record_parts TO transfer_app;
