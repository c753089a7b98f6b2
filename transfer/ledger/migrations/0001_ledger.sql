-- The ledger. Owned by transfer_owner; the application works as transfer_app, which can add facts and never change one.
-- Times are timestamptz, kept in UTC. Identifiers are ours (transfer/identifiers.py); what came from outside is sealed
-- (bytea, AES-GCM) or an HMAC.

CREATE SCHEMA transfer;
SET search_path = transfer;

-- The one clock of all rules and verbs. The offset is zero in production; only the owner can set it, so that a test can
-- make an hour pass on real parts.
CREATE TABLE clock (one boolean PRIMARY KEY DEFAULT true CHECK (one), ahead interval NOT NULL DEFAULT '0');
INSERT INTO clock DEFAULT VALUES;
CREATE FUNCTION transfer.now() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS $$ SELECT clock_timestamp() + ahead FROM transfer.clock $$;

-- Facts -----------------------------------------------------------------------------------------------------------

CREATE TABLE facts (
    chain     text        NOT NULL,
    sequence  bigint      NOT NULL CHECK (sequence > 0),
    at        timestamptz NOT NULL,
    kind      text        NOT NULL,
    text      bytea       NOT NULL,   -- RFC 8785, covers every column
    previous  bytea       NOT NULL CHECK (length(previous) = 32),
    hash      bytea       NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (chain, sequence)
);
CREATE TABLE chain_heads (
    chain     text   PRIMARY KEY,
    sequence  bigint NOT NULL DEFAULT 0,
    hash      bytea  NOT NULL DEFAULT decode(repeat('00', 32), 'hex')
);

-- Rounds: how a subject gets attention (docs/decisions/0001-rounds.md) -------------------------------------------------------

CREATE TYPE round_state AS ENUM ('owed', 'posted', 'taken', 'done');
CREATE TABLE due_runs (
    dag_id      text        NOT NULL,
    subject     text        NOT NULL,
    round       integer     NOT NULL CHECK (round > 0),
    state       round_state NOT NULL DEFAULT 'owed',
    not_before  timestamptz NOT NULL,
    posted_at   timestamptz,
    lease_until timestamptz,
    claim       integer     NOT NULL DEFAULT 0,   -- raised at each take; what is written under an older one loses
    attempts    integer     NOT NULL DEFAULT 0,   -- rounds in a row that ended without done
    outcome     text,                             -- of a done round: worked, or why the sweep ended it
    sentence    text,                             -- the note a person reads on the run
    noted       text,                             -- the note Airflow has
    PRIMARY KEY (dag_id, subject, round)
);
CREATE UNIQUE INDEX due_runs_one_waiting ON due_runs (dag_id, subject) WHERE state IN ('owed', 'posted');
CREATE INDEX due_runs_unfinished ON due_runs (not_before) WHERE state <> 'done';
CREATE INDEX due_runs_unnoted ON due_runs (dag_id) WHERE sentence IS DISTINCT FROM noted;
CREATE TABLE round_lines (
    dag_id text NOT NULL, subject text NOT NULL, round integer NOT NULL, line text NOT NULL,
    is_open boolean NOT NULL DEFAULT true,
    PRIMARY KEY (dag_id, subject, round, line),
    FOREIGN KEY (dag_id, subject, round) REFERENCES due_runs
);

-- Patients --------------------------------------------------------------------------------------------------------

CREATE TABLE patients (
    patient  text PRIMARY KEY,
    identity bytea,                     -- sealed under the patient's key; NULL once purged
    known_at timestamptz NOT NULL
);
-- A consent, revocation, expiry or merge raises the epoch under the exclusive lock; every ask, collect, disclosure and
-- egress shares it. First the advisory lock, then this row.
CREATE TABLE patient_epochs (patient text PRIMARY KEY REFERENCES patients, epoch bigint NOT NULL DEFAULT 1);
CREATE TABLE patient_terms (            -- HMACs under the site key, to find candidates
    term    bytea NOT NULL,
    patient text  NOT NULL REFERENCES patients,
    PRIMARY KEY (term, patient)
);
CREATE TABLE permissions (
    permission text PRIMARY KEY,
    patient    text NOT NULL REFERENCES patients,
    arrival    text NOT NULL,
    reference  bytea,                   -- HMAC of the form's own number
    form       bytea,                   -- sealed under the patient's key
    ended      text CHECK (ended IN ('expired', 'replaced', 'entered-in-error', 'paused', 'revoked')),
    filed_at   timestamptz NOT NULL,
    ended_at   timestamptz,
    in_force_at timestamptz,            -- of a fence: open egress was zero
    purged_at  timestamptz
);
CREATE INDEX permissions_of ON permissions (patient);

-- Cases: a projection, rebuilt from the facts ------------------------------------------------------------------------

CREATE TABLE cases (
    case_id    text PRIMARY KEY,
    patient    text,
    receiver   text,
    checklist  text,
    stage      text NOT NULL,
    needed_by  date,
    is_open    boolean NOT NULL DEFAULT true,
    opened_at  timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX cases_of ON cases (patient) WHERE is_open;

-- Inbox -----------------------------------------------------------------------------------------------------------

CREATE TYPE arrival_state AS ENUM ('stored', 'sealed', 'filed', 'held', 'purged');
CREATE TABLE arrivals (
    arrival      text PRIMARY KEY,
    institution  text          NOT NULL,
    door         text          NOT NULL,
    kind         text          NOT NULL,
    dedupe       bytea         NOT NULL UNIQUE,
    control      bytea,                      -- HMAC of institution and control id: same id, other bytes is a conflict
    conflicts    boolean       NOT NULL DEFAULT false,
    content_type text          NOT NULL,
    size         bigint        NOT NULL,
    sha256       bytea         NOT NULL,     -- HMAC under the site key: equal bytes can be told, nothing else
    payload      bytea,                      -- sealed under `key`; NULL when it lies in the vault
    vault_key    text,
    vault_sha256 text,
    key          text          NOT NULL,     -- day/<institution>/<date> or patient/<id>
    state        arrival_state NOT NULL DEFAULT 'stored',
    subject      text,                       -- the case a referral opened, the packet a receipt is about
    patient      text REFERENCES patients,
    received_at  timestamptz   NOT NULL,
    purge_after  timestamptz,
    lease_until  timestamptz,
    claim        integer       NOT NULL DEFAULT 0,
    lost         integer       NOT NULL DEFAULT 0,
    outcome      text
);
CREATE INDEX arrivals_waiting ON arrivals (institution, received_at) WHERE state = 'stored';
CREATE INDEX arrivals_control ON arrivals (control) WHERE control IS NOT NULL;
CREATE INDEX arrivals_sealed ON arrivals (purge_after) WHERE state = 'sealed';
CREATE TABLE arrival_terms (
    term    bytea NOT NULL,
    arrival text  NOT NULL REFERENCES arrivals ON DELETE CASCADE,
    PRIMARY KEY (term, arrival)
);

-- Requests ---------------------------------------------------------------------------------------------------------

CREATE TABLE requests (
    request     text PRIMARY KEY,
    case_id     text        NOT NULL,
    institution text        NOT NULL,
    department  text        NOT NULL,
    lines       text[]      NOT NULL,
    state       text        NOT NULL,
    attempts    integer     NOT NULL DEFAULT 0,
    not_before  timestamptz NOT NULL,
    claim       integer     NOT NULL DEFAULT 0,
    lease_until timestamptz,
    UNIQUE (case_id, institution, department)
);

-- Records ----------------------------------------------------------------------------------------------------------

CREATE TABLE records (
    record      text PRIMARY KEY,
    patient     text        NOT NULL REFERENCES patients,
    institution text        NOT NULL,
    kind        text        NOT NULL,
    status      text        NOT NULL,
    origin      bytea       NOT NULL,        -- HMAC: the same thing from the same place is collected once
    is_whole    boolean     NOT NULL,
    about       bytea,                       -- sealed: title, code, numbers, dates, UIDs
    arrival     text,
    kept_at     timestamptz NOT NULL,
    purged_at   timestamptz,
    UNIQUE (patient, origin)
);
CREATE TABLE record_terms (                  -- HMACs of numbers and contents: what is a copy of what
    term   bytea NOT NULL,
    record text  NOT NULL REFERENCES records ON DELETE CASCADE,
    PRIMARY KEY (term, record)
);
CREATE TABLE record_parts (
    record       text    NOT NULL REFERENCES records,
    part         integer NOT NULL,
    name         text    NOT NULL,           -- of its own, for what was extracted; else the record's
    role         text    NOT NULL,           -- received, extracted, series
    content_type text    NOT NULL,
    vault_key    text    NOT NULL,
    start        bigint  NOT NULL,
    length       bigint  NOT NULL,
    sha256       text    NOT NULL,
    index        bytea,                      -- sealed: of a series, SOP instance UID → offset, length, SHA-256
    PRIMARY KEY (record, part)
);
CREATE TABLE collected (                     -- a record may serve several cases, each under its own permission
    case_id    text NOT NULL,
    record     text NOT NULL REFERENCES records,
    line       text,                         -- of the checklist; NULL = asked for by none, kept and listed
    basis      text NOT NULL,
    permission text,
    copy_of    text,
    superseded boolean NOT NULL DEFAULT false,
    PRIMARY KEY (case_id, record)
);

CREATE TABLE materials (
    material    text PRIMARY KEY,
    case_id     text        NOT NULL,
    institution text        NOT NULL,
    line        text        NOT NULL,
    kind        text        NOT NULL,
    about       bytea,                       -- sealed: accession number, what stands on the labels
    expected    integer     NOT NULL DEFAULT 0,
    received    integer     NOT NULL DEFAULT 0,
    state       text        NOT NULL,
    loan        boolean     NOT NULL DEFAULT true,
    due_back    date,
    received_at timestamptz,
    UNIQUE (case_id, institution, line, kind)
);

-- Objects being written: named here before their first byte, struck out in the transaction that names them for good. What
-- stays here belongs to a writer that died and is removed by its key, never by a listing.
CREATE TABLE vault_intents (key text PRIMARY KEY, at timestamptz NOT NULL);

-- Packets, disclosures, egress ---------------------------------------------------------------------------------------

CREATE TABLE packets (
    packet       text PRIMARY KEY,
    case_id      text        NOT NULL,
    is_partial   boolean     NOT NULL,
    plan         bytea,                      -- sealed
    tag_manifest text,
    size         bigint,
    planned_at   timestamptz NOT NULL,
    purged_at    timestamptz
);
CREATE TABLE packet_records (packet text REFERENCES packets, record text REFERENCES records, PRIMARY KEY (packet, record));
CREATE TABLE disclosures (
    disclosure text PRIMARY KEY,
    packet     text        NOT NULL UNIQUE REFERENCES packets,  -- the idempotency key: effective once
    recipient  text        NOT NULL,
    outcome    text        NOT NULL DEFAULT 'begun' CHECK (outcome IN ('begun', 'made', 'not-made', 'unknown')),
    begun_at   timestamptz NOT NULL,
    settled_at timestamptz
);
CREATE TABLE egress (
    egress     text PRIMARY KEY,
    disclosure text        NOT NULL REFERENCES disclosures,
    patient    text        NOT NULL,
    epoch      bigint      NOT NULL,
    sender     bigint      NOT NULL,         -- the session lock its process holds; free when that process is dead
    channel    text        NOT NULL,
    opened_at  timestamptz NOT NULL,
    closed_at  timestamptz,
    size       bigint      NOT NULL DEFAULT 0,
    outcome    text
);
CREATE INDEX egress_open ON egress (patient) WHERE closed_at IS NULL;

-- People -----------------------------------------------------------------------------------------------------------

CREATE TABLE holds (
    hold        text PRIMARY KEY,
    subject     text        NOT NULL,        -- a case, or an arrival nobody could place
    code        text        NOT NULL,
    about       text,
    opened_at   timestamptz NOT NULL,
    resolved_at timestamptz,
    word        text
);
CREATE UNIQUE INDEX holds_open ON holds (subject, code, coalesce(about, '')) WHERE resolved_at IS NULL;
CREATE TABLE notes (
    note    text PRIMARY KEY,
    patient text NOT NULL REFERENCES patients,
    text    bytea                            -- sealed under the patient's key
);
CREATE TABLE stranger_counts (
    institution text NOT NULL, day date NOT NULL,
    received integer NOT NULL DEFAULT 0, matched integer NOT NULL DEFAULT 0, purged integer NOT NULL DEFAULT 0,
    is_closed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (institution, day)
);

-- Rights -----------------------------------------------------------------------------------------------------------

GRANT USAGE ON SCHEMA transfer TO transfer_app;
GRANT SELECT, INSERT ON facts TO transfer_app;
GRANT SELECT ON clock TO transfer_app;
GRANT SELECT, INSERT, UPDATE ON chain_heads, due_runs, round_lines, patients, patient_epochs, permissions, cases,
    arrivals, requests, records, record_parts, collected, materials, packets, packet_records, disclosures, egress, holds,
    notes, stranger_counts TO transfer_app;
GRANT SELECT, INSERT, DELETE ON patient_terms, arrival_terms, record_terms, vault_intents TO transfer_app;
GRANT DELETE ON arrivals, record_parts TO transfer_app;
