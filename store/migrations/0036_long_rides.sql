-- no-transaction
-- Searches by where a bus arrives look at who calls there until so long after the time asked for (catalogue.sql). Buses
-- that ride longer are few, and found by when they leave.
CREATE INDEX CONCURRENTLY IF NOT EXISTS buses_long_idx ON buses (departs_at, bus_id)
WHERE arrives_at - departs_at > interval '20 hours';
