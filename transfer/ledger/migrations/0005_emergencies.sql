-- A named clinician's word that a release cannot wait. In force to the end of the next day, by which it is reviewed.
SET search_path = transfer;

CREATE TABLE emergencies (
    patient     text        NOT NULL REFERENCES patients,
    discloser   text        NOT NULL,
    recipient   text        NOT NULL,
    clinician   text        NOT NULL REFERENCES notes,   -- who, and why: sealed
    declared_at timestamptz NOT NULL
);
CREATE INDEX emergencies_of ON emergencies (patient);

GRANT SELECT, INSERT ON emergencies TO transfer_app;
