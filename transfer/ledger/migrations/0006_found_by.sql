-- What is looked up by something else than its own key: without these the cost of one case grows with all others.
-- Those on arrivals leave out what nobody has placed yet, so that the doors do not pay for them.
SET search_path = transfer;

CREATE INDEX record_terms_of ON record_terms (record);
CREATE INDEX arrival_terms_of ON arrival_terms (arrival);
CREATE INDEX patient_terms_of ON patient_terms (patient);
CREATE INDEX record_parts_in_vault ON record_parts (vault_key);
CREATE INDEX collected_in ON collected (record);
CREATE INDEX packet_records_in ON packet_records (record);
CREATE INDEX packets_of ON packets (case_id);
CREATE INDEX egress_for ON egress (disclosure);
CREATE INDEX egress_of ON egress (patient);
CREATE INDEX cases_ever_of ON cases (patient);
CREATE INDEX arrivals_about ON arrivals (subject) WHERE subject IS NOT NULL;
CREATE INDEX arrivals_of ON arrivals (patient) WHERE patient IS NOT NULL;
CREATE INDEX arrivals_in_vault ON arrivals (vault_key) WHERE vault_key IS NOT NULL;
