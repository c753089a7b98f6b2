-- A family name of one sign, such as 李, has its terms from now on: everybody's are written anew, as somebody looks.
SET search_path = transfer;

INSERT INTO search_terms_owed (patient) SELECT patient FROM patients WHERE identity IS NOT NULL;
