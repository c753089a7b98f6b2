-- Pages of a paper may be a release form, too.
SET search_path = transfer;

ALTER TABLE indexed_pages DROP CONSTRAINT indexed_pages_became_check;
ALTER TABLE indexed_pages ADD CONSTRAINT indexed_pages_became_check
    CHECK (became IN ('record', 'referral', 'form', 'misdirected', 'left-out'));
