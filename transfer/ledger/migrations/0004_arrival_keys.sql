-- What is still sealed under a key: asked before the key is destroyed.
SET search_path = transfer;

CREATE INDEX arrivals_keys ON arrivals (key);
