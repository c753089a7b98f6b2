-- How exchanges with institutions went (transfer/exchanges.py): counted when they end, so that nobody reads facts to watch.
SET search_path = transfer;

CREATE TABLE exchanges (
    kind        text             NOT NULL,
    institution text             NOT NULL,          -- empty: the server of mail
    outcome     text             NOT NULL,
    times       bigint           NOT NULL,
    seconds     double precision NOT NULL,
    within      bigint[]         NOT NULL,          -- by transfer.exchanges.BOUNDS: how many took at most so long
    PRIMARY KEY (kind, institution, outcome)
);
CREATE TABLE last_exchanges (
    kind        text      NOT NULL,
    institution text      NOT NULL,
    failed      boolean[] NOT NULL,                 -- the newest first
    PRIMARY KEY (kind, institution)
);
GRANT SELECT, INSERT, UPDATE ON exchanges, last_exchanges TO transfer_app;

-- What is wrong with the installation, and whom that was told (transfer/alerts.py).
CREATE TABLE alerts (
    alert     text        PRIMARY KEY,
    code      text        NOT NULL,
    about     text        NOT NULL,
    amount    integer,
    why       text        NOT NULL,
    seen_at   timestamptz NOT NULL,
    began_at  timestamptz,                          -- NULL: nobody was told yet
    missed_at timestamptz,
    over_at   timestamptz
);
CREATE UNIQUE INDEX alerts_open ON alerts (code, about) WHERE over_at IS NULL;
CREATE INDEX alerts_by_time ON alerts (seen_at);
CREATE TABLE alert_messages (
    alert      text        NOT NULL REFERENCES alerts,
    edge       text        NOT NULL,
    way        text        NOT NULL,
    tries      integer     NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL,
    settled_at timestamptz,                         -- it left, or was given up
    is_sent    boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (alert, edge, way)
);
CREATE INDEX alert_messages_due ON alert_messages (not_before) WHERE settled_at IS NULL;
CREATE TABLE alert_watch (                          -- which process looks; another takes over when it is silent
    is_only boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    holder  text        NOT NULL,
    until   timestamptz NOT NULL
);
CREATE INDEX arrivals_by_sender ON arrivals (institution, received_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON alerts TO transfer_app;
GRANT SELECT, INSERT, UPDATE ON alert_messages, alert_watch TO transfer_app;
