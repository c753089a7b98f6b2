-- What was seen to be wrong with a record while it came is told from what was found when it was opened: that is found
-- anew each time. Of what an earlier version kept, only what nothing but opening finds is taken back.
SET search_path = transfer;

ALTER TABLE records ADD COLUMN flaws_seen text[] NOT NULL DEFAULT '{}';   -- codes of transfer.flaws.Flaw
UPDATE records SET flaws_seen =
    ARRAY(SELECT unnest(flaws) EXCEPT SELECT unnest('{unreadable,password,no-pages,another-patient}'::text[]) ORDER BY 1)
    WHERE flaws <> '{}';
