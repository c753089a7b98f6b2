-- Times that nothing read: the fact beside each row tells when it was written, and who looks reads it there.
SET search_path = transfer;

ALTER TABLE egress DROP COLUMN opened_at;
ALTER TABLE facilities DROP COLUMN added_at;
ALTER TABLE letter_codes DROP COLUMN given_at;
ALTER TABLE site_mark DROP COLUMN marked_at;
