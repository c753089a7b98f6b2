-- What a packet says, by class of content, is ruled on at each opening (docs/decisions/0025-what-a-packet-says.md). Packets
-- assembled before have none: it is made out at their next opening.
SET search_path = transfer;

ALTER TABLE packets ADD COLUMN content bytea, ADD COLUMN content_at timestamptz;   -- sealed; as of when
-- What a record says of itself was written anew, its labels perhaps: packets that hold it are looked at again.
ALTER TABLE records ADD COLUMN rewritten_at timestamptz;

-- What each stream of bytes rests on; NULL for those that were opened before this was written.
ALTER TABLE egress ADD COLUMN bases text[], ADD COLUMN permissions text[];
CREATE INDEX egress_of_sender ON egress (sender) WHERE closed_at IS NULL;
