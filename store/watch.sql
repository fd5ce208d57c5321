-- name: next_buses
-- The newest $2 buses that changed since $1, part $4 of $3, and what was broken before.
(
    SELECT e.bus_id
    FROM events AS e
    WHERE e.at > $1
    GROUP BY e.bus_id
    ORDER BY max(e.at) DESC
    LIMIT $2
)
UNION
SELECT b.bus_id FROM buses AS b
WHERE b.bus_id % $3::integer = $4::integer
UNION
SELECT unnest(c.bus_ids) AS bus_id FROM invariant_checks AS c
ORDER BY bus_id;

-- name: keep_checks
-- One row for each invariant: $1 names, $2 counts, $3 buses, at $4.
INSERT INTO invariant_checks (name, violations, bus_ids, checked_at)
SELECT w.name, w.violations, w.bus_ids::bigint[], $4::timestamptz
FROM unnest($1::text[], $2::integer[], $3::text[]) AS w (name, violations, bus_ids)
ORDER BY w.name
ON CONFLICT (name) DO UPDATE
    SET violations = excluded.violations, bus_ids = excluded.bus_ids, checked_at = excluded.checked_at;

-- name: last_checks
-- One that is asked no more ($1 are those that are) has left a row that says nothing.
SELECT c.name, c.violations, c.checked_at FROM invariant_checks AS c
WHERE c.name = any($1::text[])
ORDER BY c.name;
