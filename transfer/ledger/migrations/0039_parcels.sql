-- Parcels as they come, and what of each was counted (transfer/parcels.py, transfer/materials.py). A courier's number is
-- known by its HMAC under the site key; people tell parcels apart by its last four characters.
SET search_path = transfer;

CREATE TABLE parcels (
    parcel      text PRIMARY KEY,
    place       text        NOT NULL DEFAULT '',   -- the receiving center that it came to; empty: the desk
    carrier     text        NOT NULL,
    condition   text        NOT NULL,
    number      bytea,                             -- NULL: it bears none
    number_end  text        NOT NULL DEFAULT '',
    shelf       text        NOT NULL DEFAULT '',
    received_at timestamptz NOT NULL DEFAULT transfer.now(),
    kept_until  date        NOT NULL,
    received_by text        NOT NULL,
    UNIQUE (place, number)
);
CREATE INDEX parcels_by_time ON parcels (received_at);

CREATE TABLE parcel_contents (
    parcel   text    NOT NULL REFERENCES parcels,
    material text    NOT NULL REFERENCES materials,
    pieces   integer NOT NULL,                     -- as they were counted last
    PRIMARY KEY (parcel, material)
);
CREATE INDEX parcel_contents_of ON parcel_contents (material);

-- Of one kind from one laboratory there may be several accessions, told apart by the order in which they came.
ALTER TABLE materials
    ADD COLUMN nth    smallint NOT NULL DEFAULT 1,
    ADD COLUMN labels text     NOT NULL DEFAULT 'agree',
    ADD COLUMN judged text,                        -- by a pathologist; NULL: nobody looked yet
    DROP CONSTRAINT materials_case_id_institution_line_kind_key,
    ADD UNIQUE (case_id, institution, line, kind, nth);
CREATE INDEX materials_lent ON materials (due_back)
    WHERE loan AND received > 0 AND state IN ('in-hand', 'discrepant', 'returning', 'lost');

GRANT SELECT, INSERT, UPDATE ON parcels, parcel_contents TO transfer_app;
