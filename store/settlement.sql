-- name: clock
-- The time, and the edition of the bus's facts.
SELECT clock_timestamp() AS now, b.facts FROM buses AS b WHERE b.bus_id = $1;
