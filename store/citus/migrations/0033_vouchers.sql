-- One thing at a time.
ALTER TABLE payments ADD COLUMN taken_by bigint;
ALTER TABLE payments ADD CONSTRAINT payments_person_takes_cash
CHECK (taken_by IS NULL OR (method = 'cash' AND device_id IS NULL));
CREATE INDEX payments_taken_by_idx ON payments (taken_by, created_at) WHERE taken_by IS NOT NULL;
