-- Whoever works on a ledger reads which migrations it has had: one it does not know means that it must not work.
GRANT SELECT (number) ON public.migrations TO transfer_app;
