-- One thing at a time, and constraints by their names.
ALTER TABLE tickets ADD COLUMN moved_at timestamptz;
ALTER TABLE tickets ADD COLUMN former_seats smallint[];
ALTER TABLE tickets ADD CONSTRAINT tickets_moved_from_somewhere CHECK (
    (moved_at IS NULL) = (former_seats IS NULL) AND cardinality(former_seats) > 0
);
GRANT UPDATE (seats) ON bookings TO omnibus_app;
GRANT UPDATE (seat_no, moved_at, former_seats) ON tickets TO omnibus_app;
GRANT UPDATE (seat_no) ON scans TO omnibus_app;
GRANT SELECT (moved_at, former_seats) ON tickets TO omnibus_readonly;
