-- What is asked every few seconds, or by whoever opens a page, reads what is open or shown, and not all that ever was
-- (docs/decisions/0063-many-cases.md).
SET search_path = transfer;

-- Days whose key is to be destroyed: a row for each institution and day stays for good.
CREATE INDEX unmatched_counts_open ON unmatched_counts (day, institution) WHERE NOT is_closed;

-- What a center was handed in its last days.
CREATE INDEX disclosures_to ON disclosures (recipient, begun_at);

-- The outbox shows what has not left; nearly all that lies there has.
CREATE INDEX letters_by_state ON letters (state, queued_at);

-- Packages of which nothing was counted yet, and the newest of the others. A count, once made, is never taken away.
ALTER TABLE parcels ADD COLUMN is_counted boolean NOT NULL DEFAULT false;
UPDATE parcels AS p SET is_counted = true WHERE EXISTS (SELECT FROM parcel_contents AS c WHERE c.parcel = p.parcel);
CREATE INDEX parcels_unmatched ON parcels (place, received_at, parcel) WHERE NOT is_counted;
CREATE INDEX parcels_counted ON parcels (place, received_at DESC, parcel) WHERE is_counted;
