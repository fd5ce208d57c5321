-- Passengers who are moved to another seat keep their ticket; the seats that it was for before stay with it.
-- timeout: 1min
-- squawk-ignore-file constraint-missing-not-valid, prefer-robust-stmts

ALTER TABLE tickets
ADD COLUMN moved_at timestamptz,
ADD COLUMN former_seats smallint[],
ADD CONSTRAINT tickets_moved_from_somewhere CHECK (
    (moved_at IS NULL) = (former_seats IS NULL) AND cardinality(former_seats) > 0
);

-- Only where somebody sits: what was paid for it stays, and so do names.
GRANT UPDATE (seats) ON bookings TO omnibus_app;
GRANT UPDATE (seat_no, moved_at, former_seats) ON tickets TO omnibus_app;
-- A scan is of a ticket: it goes where that goes.
GRANT UPDATE (seat_no) ON scans TO omnibus_app;
GRANT SELECT (moved_at, former_seats) ON tickets TO omnibus_readonly;
