-- What the application was granted and never does.
SET search_path = transfer;

REVOKE UPDATE ON packet_records, record_parts FROM transfer_app;
