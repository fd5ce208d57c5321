-- no-transaction
-- Conflicts of a day (sales_pace.sql) are read of one operator, not of whoever else was refused or served that day.
-- Keys are written once, with their answer: only a refusal pays for it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idempotency_keys_refused_idx ON idempotency_keys (operator_id, created_at)
WHERE status = 409;
