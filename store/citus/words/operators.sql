-- name: change_operator
-- What the clock says is read before.
WITH t AS MATERIALIZED (SELECT now() AS now)

UPDATE operators AS o
SET
    name = $2, time_zone = $3, version = o.version + 1, no_show_minutes = $5, releases_no_shows = $6, locale = $7,
    disabled_at = CASE WHEN $4::boolean THEN coalesce(o.disabled_at, t.now) END
FROM t
WHERE o.operator_id = $1
RETURNING o.version;

-- name: tell_of_buses
-- Buses of all servers are changed without being locked before. What they have become comes here and goes back.
WITH moved AS (
    UPDATE buses AS b SET facts = b.facts + 1, rev = b.rev + 1
    WHERE b.operator_id = $1 AND b.departs_at > now() - interval '7 days' AND b.arrives_at > now()
    RETURNING b.bus_id, b.operator_id, b.epoch, b.rev
)

INSERT INTO events (bus_id, operator_id, epoch, rev, kind, seats, at)
SELECT m.bus_id, m.operator_id, m.epoch, m.rev, $2, '[]', clock_timestamp()
FROM moved AS m
RETURNING true;
