-- Each record is opened before it may answer a line. One that an earlier version kept was never opened: it is opened
-- in the next round of its case.
SET search_path = transfer;

ALTER TABLE records ADD COLUMN opened_at timestamptz;
ALTER TABLE records ADD COLUMN flaws text[] NOT NULL DEFAULT '{}';   -- codes of transfer.flaws.Flaw
