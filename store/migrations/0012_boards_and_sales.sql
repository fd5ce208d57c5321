-- What departure boards show beside the timetable, and how a day's sales are found.
-- timeout: 10min
-- squawk-ignore-file require-concurrent-index-creation

-- Where a bus leaves from and how late it is, as whoever runs it says; null is unknown, which boards show as nothing.
ALTER TABLE bus_stops
ADD COLUMN bay text CONSTRAINT bus_stops_bay_check CHECK (bay ~ '^[A-Za-z0-9][A-Za-z0-9 ./-]{0,9}$'),
ADD COLUMN delay_seconds integer CONSTRAINT bus_stops_delay_seconds_check
CHECK (delay_seconds BETWEEN -3600 AND 21600);
GRANT UPDATE (bay, delay_seconds) ON bus_stops TO omnibus_app;

-- Rows come in the order of time, so a few bytes for every stretch of the table find those of a day; a sale pays
-- next to nothing for it.
CREATE INDEX bookings_created_idx ON bookings USING brin (created_at);
CREATE INDEX holds_created_idx ON holds USING brin (created_at);
