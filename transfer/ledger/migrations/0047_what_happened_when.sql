-- What an auditor asks for is asked by kind and time, over all chains.
SET search_path = transfer;

CREATE INDEX facts_by_kind ON facts (kind, at);
