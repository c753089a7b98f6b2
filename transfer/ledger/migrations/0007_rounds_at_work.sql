-- What the sweep looks at every second, whatever waits for tomorrow.
SET search_path = transfer;

CREATE INDEX due_runs_at_work ON due_runs (posted_at) WHERE state = 'posted' OR state = 'taken';
