-- There are no months (forget_months and search_stops in distribute.sql): stops are searched where they lie.
DROP INDEX bus_stops_departures_idx;
CREATE INDEX bus_stops_departures_idx ON bus_stops (stop_id, departs_at, bus_id);
CREATE INDEX bus_stops_stays_idx ON bus_stops (stop_id, arrives_at) WHERE departs_at - arrives_at > interval '4 hours';
