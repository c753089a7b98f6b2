-- Plain names for what was called otherwise. No row changes its meaning; facts are never rewritten (transfer/former.py).
SET search_path = transfer;

ALTER TABLE stranger_counts RENAME TO unmatched_counts;
ALTER INDEX stranger_counts_pkey RENAME TO unmatched_counts_pkey;
ALTER TABLE vault_intents RENAME TO vault_uploads;
ALTER INDEX vault_intents_pkey RENAME TO vault_uploads_pkey;
ALTER TABLE hold_words RENAME TO hold_answers;
ALTER INDEX hold_words_pkey RENAME TO hold_answers_pkey;
ALTER TABLE hold_answers RENAME COLUMN word TO answer;
ALTER TABLE hold_answers RENAME COLUMN said_at TO answered_at;
ALTER TABLE holds RENAME COLUMN word TO answer;
ALTER TABLE permissions RENAME COLUMN in_force_at TO stop_completed_at;
ALTER INDEX permissions_fenced RENAME TO permissions_stopping;

-- Plain values. What a sealed row or a fact calls by its former name is read by it.
UPDATE holds SET code = 'source-unclear' WHERE code = 'source-puzzles';
UPDATE arrivals SET outcome = 'unmatched' WHERE outcome = 'stranger';
