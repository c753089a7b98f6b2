-- What a case needs beyond its list is asked of people by a request of its own; '' is the request for the list.
-- A letter that goes by itself, because the one before was not answered, says so.
SET search_path = transfer;

ALTER TABLE requests ADD COLUMN need text NOT NULL DEFAULT '';
ALTER TABLE requests DROP CONSTRAINT requests_case_id_institution_department_key;
ALTER TABLE requests ADD UNIQUE (case_id, institution, department, need);

ALTER TABLE letters ADD COLUMN is_automatic boolean NOT NULL DEFAULT false;
