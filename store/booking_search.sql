-- name: take_time
SET LOCAL statement_timeout = '5s';

-- name: search
-- Of operator $1 (NULL: all). Where to look: the ref $2; and the bus $3, or buses that leave on days $4 to $5 of their
-- operator's clock, or what was made in the last $6. What is wanted of that: status $7, part of a name or an
-- address $8 or of a number's digits $9, after the position $10 to $12 (made, bus, booking); newest first, $13 at
-- most. Every arm goes by an index, and those that are not asked for find nothing there.
WITH reach AS MATERIALIZED (
    SELECT k.bus_id, k.booking_id FROM bookings AS k
    WHERE k.ref = $2::text
    UNION
    SELECT k.bus_id, k.booking_id FROM bookings AS k
    WHERE k.bus_id = $3::bigint
    UNION
    SELECT k.bus_id, k.booking_id
    FROM operators AS o
    INNER JOIN buses AS b ON b.operator_id = o.operator_id
    INNER JOIN bookings AS k ON k.bus_id = b.bus_id
    WHERE
        ($1::integer IS NULL OR o.operator_id = $1::integer)
        AND b.departs_at >= ($4::date)::timestamp AT TIME ZONE o.time_zone
        AND b.departs_at < ($5::date + 1)::timestamp AT TIME ZONE o.time_zone
    UNION
    SELECT k.bus_id, k.booking_id FROM bookings AS k
    WHERE k.created_at > now() - $6::interval
),

found AS (
    SELECT
        k.bus_id, k.booking_id, k.ref, k.from_idx, k.to_idx, k.seats, k.names::text[] AS names, k.email, k.phone,
        k.method, k.created_at,
        k.sold_by IS NOT NULL OR EXISTS (
            SELECT FROM payments AS p
            WHERE p.bus_id = k.bus_id AND p.booking_id = k.booking_id AND p.taken_by IS NOT NULL
        ) AS is_at_counter,
        (SELECT sum(price) FROM unnest(k.prices) AS price)::bigint AS total,
        CASE WHEN k.status = 'PENDING' AND k.expires_at <= clock_timestamp() THEN 'EXPIRED' ELSE k.status END AS status
    FROM reach AS r
    INNER JOIN bookings AS k ON k.bus_id = r.bus_id AND k.booking_id = r.booking_id
    WHERE
        ($1::integer IS NULL OR k.operator_id = $1::integer)
        AND (
            coalesce($8::text, $9::text) IS NULL
            OR k.ref = $2::text
            OR strpos(folded(array_to_string(k.names::text[], ' ')), nullif(folded($8::text), '')) > 0
            OR strpos(lower(k.email), lower($8::text)) > 0
            OR strpos(regexp_replace(k.phone, '[^0-9]', '', 'g'), $9::text) > 0
        )
)

SELECT f.*
FROM found AS f
WHERE
    ($7::text IS NULL OR f.status = $7::text)
    AND (
        $10::timestamptz IS NULL
        OR (f.created_at, f.bus_id, f.booking_id) < ($10::timestamptz, $11::bigint, $12::bigint)
    )
ORDER BY f.created_at DESC, f.bus_id DESC, f.booking_id DESC
LIMIT $13;

-- name: history
-- What happened to a booking, in order: $1 bus, $2 booking. `word` says how it ended; `currency` is that of
-- money that came in another than the bus is sold for; `user_id` is who took it for what had been reserved. Cash that
-- no person sold for was a kiosk's to take, or to send to a counter.
SELECT h.at, h.kind, h.word, h.amount, h.currency, h.seats, h.user_id
FROM (
    SELECT
        k.created_at AS at, 'made' AS kind,
        CASE WHEN k.sold_by IS NOT NULL THEN 'counter' WHEN k.method = 'cash' THEN 'kiosk' ELSE 'online' END AS word,
        (SELECT sum(price) FROM unnest(k.prices) AS price)::bigint AS amount, NULL AS currency,
        array_agg(coalesce(t.former_seats[1], s.seat_no) ORDER BY s.place) AS seats,
        NULL::bigint AS user_id
    FROM bookings AS k
    CROSS JOIN LATERAL unnest(k.seats) WITH ORDINALITY AS s (seat_no, place)
    LEFT JOIN tickets AS t ON t.bus_id = k.bus_id AND t.booking_id = k.booking_id AND t.seat_no = s.seat_no
    WHERE k.bus_id = $1 AND k.booking_id = $2
    GROUP BY k.bus_id, k.booking_id
    UNION ALL
    SELECT
        t.moved_at AS at, 'ticket' AS kind, 'MOVED' AS word, NULL AS amount, NULL AS currency,
        t.former_seats || t.seat_no AS seats, NULL AS user_id
    FROM tickets AS t
    WHERE t.bus_id = $1 AND t.booking_id = $2 AND t.moved_at IS NOT NULL
    UNION ALL
    SELECT
        j.created_at AS at, 'mail' AS kind, 'again' AS word, NULL AS amount, NULL AS currency, NULL AS seats,
        NULL AS user_id
    FROM jobs AS j
    WHERE j.bus_id = $1 AND j.booking_id = $2 AND j.kind = 'MAIL_AGAIN'
    UNION ALL
    SELECT
        k.ended_at AS at, 'ended' AS kind, k.status AS word, NULL AS amount, NULL AS currency, k.seats,
        NULL AS user_id
    FROM bookings AS k
    WHERE k.bus_id = $1 AND k.booking_id = $2 AND k.ended_at IS NOT NULL
    UNION ALL
    SELECT
        coalesce(p.settled_at, p.created_at) AS at, 'payment' AS kind, p.status AS word, p.amount, p.currency,
        NULL AS seats, p.taken_by AS user_id
    FROM payments AS p
    WHERE p.bus_id = $1 AND p.booking_id = $2
    UNION ALL
    SELECT
        f.created_at AS at, 'refund' AS kind, p.method AS word, f.amount, p.currency, f.seats,
        NULL AS user_id
    FROM payments AS p
    INNER JOIN refunds AS f ON f.bus_id = p.bus_id AND f.payment_id = p.payment_id
    WHERE p.bus_id = $1 AND p.booking_id = $2
    UNION ALL
    SELECT
        c.paid_at AS at, 'paid_out' AS kind, 'cash' AS word, c.amount, p.currency, f.seats,
        NULL AS user_id
    FROM payments AS p
    INNER JOIN refunds AS f ON f.bus_id = p.bus_id AND f.payment_id = p.payment_id
    INNER JOIN cash_payouts AS c ON c.bus_id = f.bus_id AND c.refund_id = f.refund_id
    WHERE p.bus_id = $1 AND p.booking_id = $2
    UNION ALL
    SELECT
        coalesce(t.cancelled_at, t.no_show_at) AS at, 'ticket' AS kind, t.status AS word, NULL AS amount,
        NULL AS currency, array_agg(t.seat_no ORDER BY t.seat_no) AS seats, NULL AS user_id
    FROM tickets AS t
    WHERE t.bus_id = $1 AND t.booking_id = $2 AND t.status <> 'VALID'
    GROUP BY t.cancelled_at, t.no_show_at, t.status
    UNION ALL
    SELECT
        s.scanned_at AS at, 'scan' AS kind, s.verdict AS word, NULL AS amount, NULL AS currency,
        ARRAY[s.seat_no] AS seats, NULL AS user_id
    FROM scans AS s
    WHERE s.bus_id = $1 AND s.booking_id = $2
    UNION ALL
    SELECT
        s.undone_at AS at, 'scan' AS kind, 'undone' AS word, NULL AS amount, NULL AS currency,
        ARRAY[s.seat_no] AS seats, NULL AS user_id
    FROM scans AS s
    WHERE s.bus_id = $1 AND s.booking_id = $2 AND s.undone_at IS NOT NULL
) AS h
ORDER BY h.at, h.kind, h.word;
