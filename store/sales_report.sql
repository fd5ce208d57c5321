-- name: take_time
SET LOCAL statement_timeout = '20s';

-- name: sales
-- Operators $1 (NULL: all), days from $2 to $3, grouped by $4, $5 lines at most. From buses by operator and departure,
-- to their bookings, tickets, payments and refunds by their keys; every bus is in one line, but for channels.
WITH running AS MATERIALIZED (
    SELECT
        b.bus_id, b.route_id, b.name::text AS name, b.departs_at, b.currency::text AS currency,
        (b.departs_at AT TIME ZONE o.time_zone)::date AS day,
        CASE WHEN b.status = 'CANCELLED' THEN 0 ELSE b.total_seats * cardinality(b.fares) END AS places
    FROM operators AS o
    INNER JOIN buses AS b ON b.operator_id = o.operator_id
    WHERE
        ($1::integer[] IS NULL OR o.operator_id = any($1::integer[]))
        AND b.departs_at >= ($2::date)::timestamp AT TIME ZONE o.time_zone
        AND b.departs_at < ($3::date + 1)::timestamp AT TIME ZONE o.time_zone
        AND b.status <> 'DRAFT'
),

sold AS MATERIALIZED (
    SELECT
        k.bus_id,
        CASE
            WHEN k.sold_by IS NOT NULL OR money.has_taker THEN 'counter'
            WHEN money.has_device THEN 'kiosk'
            ELSE 'online'
        END AS channel,
        count(*) FILTER (WHERE valid.seats > 0) AS bookings,
        sum(valid.seats) AS seats,
        sum(valid.seats * (k.to_idx - k.from_idx) - valid.segments_given_away) AS taken,
        sum(money.amount) AS amount
    FROM running AS r
    INNER JOIN bookings AS k ON k.bus_id = r.bus_id AND k.confirmed_at IS NOT NULL
    INNER JOIN LATERAL (
        -- Who did not come has paid, and who sits there instead has paid as well. A place is taken once all the same:
        -- by the one as far as it was theirs, by the other from there.
        SELECT
            count(*) AS seats,
            coalesce(sum(k.to_idx - k.from_idx - (
                SELECT count(*) FROM claims AS c
                WHERE c.bus_id = t.bus_id AND c.seat_no = t.seat_no AND c.booking_id = t.booking_id
            )) FILTER (WHERE t.status = 'NO_SHOW'), 0) AS segments_given_away
        FROM tickets AS t
        WHERE t.bus_id = k.bus_id AND t.booking_id = k.booking_id AND t.status IN ('VALID', 'NO_SHOW')
    ) AS valid ON true
    INNER JOIN LATERAL (
        SELECT
            coalesce(sum(p.amount - coalesce((
                SELECT sum(f.amount) FROM refunds AS f WHERE f.bus_id = p.bus_id AND f.payment_id = p.payment_id
            ), 0)), 0) AS amount,
            coalesce(bool_or(p.device_id IS NOT NULL), false) AS has_device,
            coalesce(bool_or(p.taken_by IS NOT NULL), false) AS has_taker
        FROM payments AS p
        WHERE p.bus_id = k.bus_id AND p.booking_id = k.booking_id AND p.status = 'SUCCEEDED'
    ) AS money ON true
    GROUP BY k.bus_id, channel
),

-- One row for each bus and channel, or for each bus alone.
parts AS (
    SELECT
        r.bus_id, r.currency, r.departs_at, r.places,
        CASE $4::text
            WHEN 'day' THEN r.day::text
            WHEN 'route' THEN r.route_id::text
            WHEN 'bus' THEN r.bus_id::text
            ELSE s.channel
        END AS key,
        CASE $4::text WHEN 'route' THEN t.name::text WHEN 'bus' THEN r.name END AS name,
        coalesce(s.bookings, 0) AS bookings, coalesce(s.seats, 0) AS seats, coalesce(s.taken, 0) AS taken,
        coalesce(s.amount, 0) AS amount
    FROM running AS r
    LEFT JOIN routes AS t ON t.route_id = r.route_id
    LEFT JOIN sold AS s ON s.bus_id = r.bus_id
    WHERE $4::text <> 'channel' OR s.channel IS NOT NULL
),

by_bus AS (
    SELECT
        p.key, p.name, p.bus_id, p.currency, min(p.departs_at) AS departs_at, max(p.places) AS places,
        sum(p.bookings) AS bookings, sum(p.seats) AS seats, sum(p.taken) AS taken, sum(p.amount) AS amount
    FROM parts AS p
    GROUP BY p.key, p.name, p.bus_id, p.currency
),

by_currency AS (
    SELECT
        g.key, g.name, g.currency, min(g.departs_at) AS departs_at, count(*) AS buses, sum(g.places) AS places,
        sum(g.bookings) AS bookings, sum(g.seats) AS seats, sum(g.taken) AS taken, sum(g.amount) AS amount
    FROM by_bus AS g
    GROUP BY g.key, g.name, g.currency
)

SELECT
    c.key, c.name, sum(c.buses)::integer AS buses, sum(c.bookings) AS bookings, sum(c.seats) AS seats,
    sum(c.taken) AS taken, sum(c.places) AS places, $4::text <> 'channel' AS has_places,
    min(CASE WHEN $4::text = 'bus' THEN c.departs_at END) AS departs_at,
    array_agg(c.currency ORDER BY c.currency) AS currencies, array_agg(c.amount ORDER BY c.currency) AS amounts
FROM by_currency AS c
GROUP BY c.key, c.name
ORDER BY min(CASE WHEN $4::text = 'bus' THEN c.departs_at END), c.name, c.key
LIMIT $5;
