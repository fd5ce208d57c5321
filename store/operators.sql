-- name: list_operators
-- $1 only this one, $2 after this number, $3 at most.
SELECT
    o.operator_id, o.name, o.time_zone, o.currency, o.disabled_at IS NOT NULL AS is_disabled, o.version,
    o.no_show_minutes, o.releases_no_shows, o.locale
FROM operators AS o
WHERE ($1::integer IS NULL OR o.operator_id = $1) AND o.operator_id > $2
ORDER BY o.operator_id
LIMIT $3;

-- name: find_operator
SELECT
    o.operator_id, o.name, o.time_zone, o.currency, o.disabled_at IS NOT NULL AS is_disabled, o.version,
    o.no_show_minutes, o.releases_no_shows, o.locale
FROM operators AS o
WHERE o.operator_id = $1;

-- name: lock_operator
SELECT
    o.operator_id, o.name, o.time_zone, o.currency, o.disabled_at IS NOT NULL AS is_disabled, o.version,
    o.no_show_minutes, o.releases_no_shows, o.locale
FROM operators AS o
WHERE o.operator_id = $1
FOR NO KEY UPDATE OF o;

-- name: add_operator
INSERT INTO operators (name, time_zone, currency, locale) VALUES ($1, $2, $3, $4)
ON CONFLICT (lower(name)) DO NOTHING
RETURNING
    operator_id, name, time_zone, currency, false AS is_disabled, version, no_show_minutes, releases_no_shows, locale;

-- name: newest
SELECT o.operator_id FROM operators AS o WHERE lower(o.name) = lower($1);

-- name: clock_of
SELECT clock_timestamp() AT TIME ZONE $1::text;

-- name: change_operator
-- $1 operator, $2 name, $3 time zone, $4 whether it is disabled: since when, if it was already; $5 and $6 what is done
-- about no-shows, $7 language.
UPDATE operators AS o
SET
    name = $2, time_zone = $3, version = o.version + 1, no_show_minutes = $5, releases_no_shows = $6, locale = $7,
    disabled_at = CASE WHEN $4::boolean THEN coalesce(o.disabled_at, clock_timestamp()) END
WHERE o.operator_id = $1
RETURNING o.version;

-- name: take_time
SET LOCAL statement_timeout = '30s';

-- name: touch_buses
-- What is known of an operator's buses is known anew: those that have not arrived, locked in order.
WITH locked AS MATERIALIZED (
    SELECT b.bus_id
    FROM buses AS b
    WHERE b.operator_id = $1 AND b.departs_at > now() - interval '7 days' AND b.arrives_at > now()
    ORDER BY b.bus_id
    FOR NO KEY UPDATE OF b
)

UPDATE buses AS b SET facts = b.facts + 1
FROM locked AS l
WHERE b.bus_id = l.bus_id;

-- name: tell_of_buses
-- The same where everyone sees it, $2: each bus gets a revision and an event. Watchers hear of it when positions are
-- compared, within seconds: there may be a hundred thousand of them.
WITH locked AS MATERIALIZED (
    SELECT b.bus_id
    FROM buses AS b
    WHERE b.operator_id = $1 AND b.departs_at > now() - interval '7 days' AND b.arrives_at > now()
    ORDER BY b.bus_id
    FOR NO KEY UPDATE OF b
),

moved AS (
    UPDATE buses AS b SET facts = b.facts + 1, rev = b.rev + 1
    FROM locked AS l
    WHERE b.bus_id = l.bus_id
    RETURNING b.bus_id, b.operator_id, b.epoch, b.rev
)

INSERT INTO events (bus_id, operator_id, epoch, rev, kind, seats, at)
SELECT m.bus_id, m.operator_id, m.epoch, m.rev, $2, '[]', clock_timestamp()
FROM moved AS m;
