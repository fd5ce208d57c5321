-- name: look_at_bus
-- The time, the edition of the bus's facts, and whether it goes.
SELECT clock_timestamp() AS now, b.facts, b.status FROM buses AS b WHERE b.bus_id = $1;
