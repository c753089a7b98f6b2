-- Times and a size that nothing read: the fact beside each row tells them, and who looks reads them there.
SET search_path = transfer;

ALTER TABLE egress DROP COLUMN opened_at;
ALTER TABLE facilities DROP COLUMN added_at;
ALTER TABLE letter_codes DROP COLUMN given_at;
ALTER TABLE packets DROP COLUMN size;
ALTER TABLE site_mark DROP COLUMN marked_at;
