-- Which reader made the sealed form: 1 read the root of a Consent alone, 2 its whole tree (decision 0023). A live form of an
-- earlier reader is read again from its arrival when a gateway starts (transfer/flow/reading_anew.py).
ALTER TABLE transfer.permissions ADD COLUMN reader smallint NOT NULL DEFAULT 1;
CREATE INDEX permissions_to_read_anew ON transfer.permissions (reader) WHERE ended IS NULL AND form IS NOT NULL;
