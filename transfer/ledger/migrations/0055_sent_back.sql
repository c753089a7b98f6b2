-- How a paper with misdirected pages, or a disc with misdirected studies, went back to its sender: by fax, mail or
-- courier, or shredded here and the sender told. Until somebody says so it stays in the list, also once it is destroyed.
SET search_path = transfer;

ALTER TABLE incoming ADD COLUMN to_send_back boolean NOT NULL DEFAULT false;
ALTER TABLE incoming ADD COLUMN sent_back text CHECK (sent_back IN ('fax', 'mail', 'courier', 'shredded'));
ALTER TABLE incoming ADD COLUMN sent_back_on date;
ALTER TABLE incoming ADD COLUMN sent_back_by text;     -- an account at the desk

-- Of what was destroyed before, nobody is asked.
UPDATE incoming SET to_send_back = true WHERE state <> 'destroyed'
    AND incoming IN (SELECT incoming FROM indexed_pages WHERE became = 'misdirected');
CREATE INDEX incoming_open ON incoming (received_at, incoming) WHERE state = 'waiting' OR to_send_back;

-- A disc of which each study is indexed lies here twice: what was taken of it is kept as it came, with its patient.
UPDATE incoming SET destroy_after = transfer.now() + interval '7 days'
    WHERE state = 'done' AND destroy_after IS NULL AND content_type = 'application/vnd.records-transfer.disc';

-- What was destroyed may come again.
UPDATE incoming SET dedupe = convert_to('destroyed|' || incoming, 'UTF8') WHERE state = 'destroyed';
