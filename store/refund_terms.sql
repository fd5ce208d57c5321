-- name: list_rules
-- Of the operator $1, of all for NULL, those after $2; $3 at most.
SELECT
    r.rules_id, r.operator_id, r.name, r.version, r.currency, r.terms::text AS terms, r.published_at,
    used.routes
FROM refund_rules AS r
INNER JOIN LATERAL (
    SELECT array_agg(coalesce(d.route_id, 0) ORDER BY d.route_id) AS routes
    FROM refund_defaults AS d WHERE d.rules_id = r.rules_id
) AS used ON true
WHERE ($1::integer IS NULL OR r.operator_id = $1) AND r.rules_id > $2
ORDER BY r.rules_id
LIMIT $3;

-- name: find_rules
SELECT r.rules_id, r.operator_id, r.name, r.version, r.currency, r.terms::text AS terms, r.published_at
FROM refund_rules AS r
WHERE r.rules_id = $1;

-- name: find_rules_of_booking
-- Under which rules a booking was sold, for whoever may see it: $1 bus, $2 booking.
SELECT b.rules_id FROM bookings AS b WHERE b.bus_id = $1 AND b.booking_id = $2;

-- name: lock_rules
SELECT r.rules_id, r.operator_id, r.name, r.version, r.currency, r.terms::text AS terms, r.published_at
FROM refund_rules AS r
WHERE r.rules_id = $1
FOR NO KEY UPDATE OF r;

-- name: clock
SELECT clock_timestamp() AS now;

-- name: lock_operator
-- Whoever adds a version, or says what is sold under, waits for whoever does so at the same moment.
SELECT o.currency::text AS currency FROM operators AS o WHERE o.operator_id = $1 FOR NO KEY UPDATE OF o;

-- name: next_version
SELECT coalesce(max(r.version), 0) + 1 AS version, bool_or(r.published_at IS NULL) AS has_draft
FROM refund_rules AS r
WHERE r.operator_id = $1 AND r.name = $2;

-- name: add_rules
INSERT INTO refund_rules (operator_id, name, version, currency, terms, created_by, created_at)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7)
RETURNING rules_id;

-- name: set_terms
UPDATE refund_rules SET terms = $2::text::jsonb WHERE rules_id = $1;

-- name: publish
UPDATE refund_rules SET published_at = $2 WHERE rules_id = $1;

-- name: find_route
SELECT r.operator_id FROM routes AS r WHERE r.route_id = $1;

-- name: find_default
SELECT d.rules_id FROM refund_defaults AS d
WHERE d.operator_id = $1 AND d.route_id IS NOT DISTINCT FROM $2::bigint AND d.currency = $3;

-- name: set_default
INSERT INTO refund_defaults (operator_id, route_id, currency, rules_id) VALUES ($1, $2, $3, $4)
ON CONFLICT (operator_id, route_id, currency) DO UPDATE SET rules_id = excluded.rules_id;

-- name: drop_default
DELETE FROM refund_defaults AS d
WHERE d.operator_id = $1 AND d.route_id IS NOT DISTINCT FROM $2::bigint AND d.currency = $3;

-- name: take_time
SET LOCAL statement_timeout = '30s';

-- name: touch_buses
-- Whoever knows what the operator's buses are sold under learns it anew: those that have not arrived, of one route or
-- of all, locked in order. A sale that is decided by what it knew before is decided again.
WITH locked AS MATERIALIZED (
    SELECT b.bus_id
    FROM buses AS b
    WHERE
        b.operator_id = $1 AND ($2::bigint IS NULL OR b.route_id = $2)
        AND b.departs_at > now() - interval '7 days' AND b.arrives_at > now()
    ORDER BY b.bus_id
    FOR NO KEY UPDATE OF b
)

UPDATE buses AS b SET facts = b.facts + 1
FROM locked AS l
WHERE b.bus_id = l.bus_id;
