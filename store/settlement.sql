-- name: clock
SELECT clock_timestamp() AS now;
