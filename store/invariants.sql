-- Each query returns the rows that should not exist, each with its bus. They run at the end of every test, on
-- everything, and in production, on some buses at a time: $1 are those buses, or NULL for all. Custom plans fold the
-- test for NULL away.
-- A claim's owner is a block, a live hold, or a booking: its own, or the one made from its hold.

-- name: claims_match_states
-- A seat's letters and the claims on it say the same.
WITH owned AS (
    SELECT
        c.bus_id, c.seat_no, c.segment,
        CASE
            WHEN c.block_id IS NOT NULL THEN 'X'
            WHEN h.state = 'ACTIVE' THEN 'L'
            WHEN coalesce(direct.status, held.status) = 'PENDING' THEN 'L'
            WHEN coalesce(direct.status, held.status) IN ('CONFIRMED', 'PARTIALLY_CANCELLED') THEN 'B'
            ELSE '?'
        END AS letter
    FROM claims AS c
    LEFT JOIN holds AS h ON h.bus_id = c.bus_id AND h.hold_id = c.hold_id
    LEFT JOIN bookings AS direct ON direct.bus_id = c.bus_id AND direct.booking_id = c.booking_id
    LEFT JOIN bookings AS held ON held.bus_id = c.bus_id AND held.hold_id = c.hold_id
    WHERE ($1::bigint[] IS NULL OR c.bus_id = any($1))
),

told AS (
    SELECT
        s.bus_id, s.seat_no, s.states::text AS shown,
        string_agg(coalesce(o.letter, 'A'), '' ORDER BY place.segment) AS claimed
    FROM seats AS s
    CROSS JOIN generate_series(0, length(s.states) - 1) AS place (segment)
    LEFT JOIN owned AS o ON o.bus_id = s.bus_id AND o.seat_no = s.seat_no AND o.segment = place.segment
    WHERE ($1::bigint[] IS NULL OR s.bus_id = any($1))
    GROUP BY s.bus_id, s.seat_no, s.states
)

SELECT * FROM told WHERE told.shown <> told.claimed;

-- name: live_holds_own_their_seats
-- A hold that is still good has every claim it promised.
SELECT h.bus_id, h.hold_id
FROM holds AS h
LEFT JOIN claims AS c ON c.bus_id = h.bus_id AND c.hold_id = h.hold_id
WHERE h.state = 'ACTIVE' AND h.expires_at > clock_timestamp() AND ($1::bigint[] IS NULL OR h.bus_id = any($1))
GROUP BY h.bus_id, h.hold_id, h.seats, h.from_idx, h.to_idx
HAVING count(c.seat_no) <> cardinality(h.seats) * (h.to_idx - h.from_idx);

-- name: sold_seats_are_owned
-- Every valid ticket has its seat on every segment of its leg, and no booking is confirmed without tickets. Whoever did
-- not come keeps at most the part of the way on which the seat was theirs.
SELECT b.bus_id, b.booking_id
FROM bookings AS b
LEFT JOIN tickets AS t ON t.bus_id = b.bus_id AND t.booking_id = b.booking_id AND t.status IN ('VALID', 'NO_SHOW')
LEFT JOIN LATERAL (
    SELECT count(*) AS segments FROM claims AS c
    WHERE
        c.bus_id = t.bus_id AND c.seat_no = t.seat_no
        AND (c.booking_id = b.booking_id OR c.hold_id = b.hold_id)
) AS owned ON true
WHERE b.status IN ('CONFIRMED', 'PARTIALLY_CANCELLED') AND ($1::bigint[] IS NULL OR b.bus_id = any($1))
GROUP BY b.bus_id, b.booking_id, b.from_idx, b.to_idx
HAVING
    count(t.seat_no) = 0
    OR NOT bool_and(t.status = 'NO_SHOW' OR owned.segments = b.to_idx - b.from_idx);

-- name: whoever_boards_travels
-- A boarding that counts is on a ticket that is good: neither cancelled nor given away as a no-show's.
SELECT t.bus_id, t.booking_id, t.seat_no, t.status
FROM scans AS s
INNER JOIN tickets AS t ON t.bus_id = s.bus_id AND t.booking_id = s.booking_id AND t.seat_no = s.seat_no
WHERE
    s.verdict = 'ok' AND s.undone_at IS NULL AND t.status <> 'VALID'
    AND ($1::bigint[] IS NULL OR s.bus_id = any($1));

-- name: ended_owners_own_nothing
SELECT c.bus_id, c.seat_no, c.segment
FROM claims AS c
LEFT JOIN holds AS h ON h.bus_id = c.bus_id AND h.hold_id = c.hold_id
LEFT JOIN bookings AS direct ON direct.bus_id = c.bus_id AND direct.booking_id = c.booking_id
LEFT JOIN bookings AS held ON held.bus_id = c.bus_id AND held.hold_id = c.hold_id
LEFT JOIN blocks AS x ON x.bus_id = c.bus_id AND x.block_id = c.block_id
WHERE
    ($1::bigint[] IS NULL OR c.bus_id = any($1))
    AND (
        h.state IN ('RELEASED', 'EXPIRED')
        OR coalesce(direct.status, held.status) NOT IN ('PENDING', 'CONFIRMED', 'PARTIALLY_CANCELLED')
        OR x.lifted_at IS NOT NULL
    );

-- name: pending_bookings_own_their_seats
SELECT b.bus_id, b.booking_id
FROM bookings AS b
LEFT JOIN claims AS c ON c.bus_id = b.bus_id AND (c.booking_id = b.booking_id OR c.hold_id = b.hold_id)
WHERE b.status = 'PENDING' AND b.expires_at > clock_timestamp() AND ($1::bigint[] IS NULL OR b.bus_id = any($1))
GROUP BY b.bus_id, b.booking_id, b.seats, b.from_idx, b.to_idx
HAVING count(c.seat_no) <> cardinality(b.seats) * (b.to_idx - b.from_idx);

-- name: booked_holds_have_their_booking
SELECT h.bus_id, h.hold_id, h.state
FROM holds AS h
LEFT JOIN bookings AS b ON b.bus_id = h.bus_id AND b.hold_id = h.hold_id
WHERE (h.state = 'BOOKED') <> (b.booking_id IS NOT NULL) AND ($1::bigint[] IS NULL OR h.bus_id = any($1));

-- name: revisions_have_no_gaps
-- Every revision of the kept history has its event, and the newest event is the bus's revision.
SELECT b.bus_id, b.rev, count(e.rev) AS events
FROM buses AS b
LEFT JOIN events AS e ON e.bus_id = b.bus_id
WHERE ($1::bigint[] IS NULL OR b.bus_id = any($1))
GROUP BY b.bus_id, b.rev
HAVING
    coalesce(max(e.rev), 0) > b.rev
    OR (count(e.rev) > 0 AND (max(e.rev) <> b.rev OR count(e.rev) <> max(e.rev) - min(e.rev) + 1));

-- name: events_are_of_the_operator_of_their_bus
-- No foreign key says so: the statement that writes them does.
SELECT e.bus_id, e.rev, e.operator_id
FROM events AS e
LEFT JOIN buses AS b ON b.bus_id = e.bus_id AND b.operator_id = e.operator_id
WHERE b.bus_id IS NULL AND ($1::bigint[] IS NULL OR e.bus_id = any($1));

-- name: jobs_are_of_a_booking
-- The same.
SELECT j.bus_id, j.booking_id, j.job_id
FROM jobs AS j
LEFT JOIN bookings AS b
    ON b.bus_id = j.bus_id AND b.booking_id = j.booking_id AND b.operator_id = j.operator_id
WHERE b.booking_id IS NULL AND ($1::bigint[] IS NULL OR j.bus_id = any($1));

-- name: paid_is_confirmed
-- Money in hand belongs to a booking that was confirmed, and nothing is confirmed unpaid.
SELECT b.bus_id, b.booking_id, b.status
FROM bookings AS b
LEFT JOIN payments AS p ON p.bus_id = b.bus_id AND p.booking_id = b.booking_id AND p.status = 'SUCCEEDED'
WHERE (p.payment_id IS NOT NULL) <> (b.confirmed_at IS NOT NULL) AND ($1::bigint[] IS NULL OR b.bus_id = any($1));

-- name: captured_is_confirmed_or_refunded
-- The money law. Every captured amount lies where it was captured, and all of it is either what a confirmed booking has
-- cost or what goes back: nothing else, and nothing twice. What was returned goes back as a whole.
SELECT p.bus_id, p.payment_id, p.status, p.amount, coalesce(l.captured, 0) AS captured, coalesce(l.sold, 0) AS sold
FROM payments AS p
INNER JOIN bookings AS b ON b.bus_id = p.bus_id AND b.booking_id = p.booking_id
LEFT JOIN LATERAL (
    SELECT sum(r.amount) AS amount FROM refunds AS r
    WHERE r.bus_id = p.bus_id AND r.payment_id = p.payment_id
) AS back ON true
LEFT JOIN LATERAL (
    SELECT
        sum(g.amount) FILTER (
            WHERE g.group_id = p.payment_id AND g.account IN ('provider_clearing', 'cash_drawer')
        ) AS captured,
        -sum(g.amount) FILTER (WHERE g.account = 'sales') AS sold
    FROM postings AS g
    WHERE g.bus_id = p.bus_id AND g.payment_id = p.payment_id
) AS l ON true
WHERE
    ($1::bigint[] IS NULL OR p.bus_id = any($1))
    AND CASE
        WHEN p.status NOT IN ('SUCCEEDED', 'RETURNED') THEN l.captured IS NOT NULL OR l.sold IS NOT NULL
        WHEN coalesce(l.captured, 0) <> p.amount THEN true
        WHEN coalesce(l.sold, 0) <> p.amount - coalesce(back.amount, 0) THEN true
        WHEN p.status = 'RETURNED' THEN coalesce(back.amount, 0) <> p.amount
        ELSE b.confirmed_at IS NULL
    END;

-- name: postings_sum_to_zero
SELECT g.bus_id, g.group_id, sum(g.amount) AS rest
FROM postings AS g
WHERE ($1::bigint[] IS NULL OR g.bus_id = any($1))
GROUP BY g.bus_id, g.group_id
HAVING sum(g.amount) <> 0;

-- name: paid_back_once_and_as_promised
-- What the ledger says is still to be paid back is what was promised, without what has been paid back.
WITH promised AS (
    SELECT
        r.bus_id, r.payment_id,
        sum(r.amount) FILTER (
            WHERE NOT EXISTS (
                SELECT FROM refund_attempts AS a
                WHERE a.bus_id = r.bus_id AND a.refund_id = r.refund_id AND a.status = 'DONE'
            )
        ) AS due
    FROM refunds AS r
    WHERE ($1::bigint[] IS NULL OR r.bus_id = any($1))
    GROUP BY r.bus_id, r.payment_id
),

posted AS (
    SELECT g.bus_id, g.payment_id, -sum(g.amount) AS due
    FROM postings AS g
    WHERE g.account = 'refunds_due' AND ($1::bigint[] IS NULL OR g.bus_id = any($1))
    GROUP BY g.bus_id, g.payment_id
)

SELECT coalesce(r.bus_id, l.bus_id) AS bus_id, coalesce(r.payment_id, l.payment_id) AS payment_id
FROM promised AS r
FULL JOIN posted AS l ON l.bus_id = r.bus_id AND l.payment_id = r.payment_id
WHERE coalesce(r.due, 0) <> coalesce(l.due, 0);

-- name: refunds_within_payment
SELECT p.bus_id, p.payment_id
FROM payments AS p
INNER JOIN refunds AS r ON r.bus_id = p.bus_id AND r.payment_id = p.payment_id
WHERE ($1::bigint[] IS NULL OR p.bus_id = any($1))
GROUP BY p.bus_id, p.payment_id, p.amount
HAVING sum(r.amount) > p.amount;

-- name: sold_under_rules_of_the_operator
-- No key says so: the facts of the bus do. What is sold under rules is sold under published ones of its operator.
SELECT b.bus_id, b.booking_id, b.rules_id
FROM bookings AS b
LEFT JOIN refund_rules AS r
    ON r.rules_id = b.rules_id AND r.operator_id = b.operator_id AND r.published_at <= b.created_at
WHERE b.rules_id IS NOT NULL AND r.rules_id IS NULL AND ($1::bigint[] IS NULL OR b.bus_id = any($1));

-- name: cancelled_buses_hold_nothing
-- What was held or unpaid has ended with the bus; what was paid goes back, a booking at a time.
SELECT b.bus_id, k.booking_id
FROM buses AS b
INNER JOIN bookings AS k ON k.bus_id = b.bus_id AND k.status = 'PENDING'
WHERE b.cancelled_at IS NOT NULL AND ($1::bigint[] IS NULL OR b.bus_id = any($1))
UNION ALL
SELECT b.bus_id, NULL AS booking_id
FROM buses AS b
INNER JOIN holds AS h ON h.bus_id = b.bus_id AND h.state = 'ACTIVE'
WHERE b.cancelled_at IS NOT NULL AND ($1::bigint[] IS NULL OR b.bus_id = any($1));

-- name: cash_is_paid_out_as_it_was_promised
SELECT o.bus_id, o.refund_id
FROM cash_payouts AS o
INNER JOIN refunds AS r ON r.bus_id = o.bus_id AND r.refund_id = o.refund_id
INNER JOIN payments AS p ON p.bus_id = r.bus_id AND p.payment_id = r.payment_id
WHERE (o.amount <> r.amount OR p.method <> 'cash') AND ($1::bigint[] IS NULL OR o.bus_id = any($1));

-- name: counts_cover_holds
-- A count is never below what its buyer, or all guests of its address, really keep on the bus.
WITH kept AS (
    SELECT h.bus_id, h.buyer, h.network, cardinality(h.seats) AS seats
    FROM holds AS h
    WHERE h.buyer IS NOT NULL AND h.state = 'ACTIVE' AND h.expires_at > clock_timestamp()
    UNION ALL
    SELECT b.bus_id, b.buyer, b.network, cardinality(b.seats) AS seats
    FROM bookings AS b
    WHERE b.buyer IS NOT NULL AND b.status = 'PENDING' AND b.expires_at > clock_timestamp()
)

SELECT c.bus_id, c.buyer
FROM buyer_holds AS c
INNER JOIN kept AS k ON k.bus_id = c.bus_id AND (k.buyer = c.buyer OR k.network = c.buyer)
WHERE ($1::bigint[] IS NULL OR c.bus_id = any($1))
GROUP BY c.bus_id, c.buyer, c.seats_held, c.holds_held
HAVING sum(k.seats) > c.seats_held OR count(*) FILTER (WHERE k.buyer = c.buyer) > c.holds_held;

-- name: buyers_stay_within_their_caps
-- What a buyer, or all guests of an address, really keep on a bus is no more than they may; whoever keeps is counted.
WITH kept AS (
    SELECT h.bus_id, h.buyer, h.network, cardinality(h.seats) AS seats
    FROM holds AS h
    WHERE
        h.buyer IS NOT NULL AND h.state = 'ACTIVE' AND h.expires_at > clock_timestamp()
        AND ($1::bigint[] IS NULL OR h.bus_id = any($1))
    UNION ALL
    SELECT b.bus_id, b.buyer, b.network, cardinality(b.seats) AS seats
    FROM bookings AS b
    WHERE
        b.buyer IS NOT NULL AND b.status = 'PENDING' AND b.expires_at > clock_timestamp()
        AND ($1::bigint[] IS NULL OR b.bus_id = any($1))
),

named AS (
    SELECT k.bus_id, k.buyer AS identity, k.seats, 1 AS holds FROM kept AS k
    UNION ALL
    SELECT k.bus_id, k.network AS identity, k.seats, 0 AS holds FROM kept AS k WHERE k.network IS NOT NULL
)

SELECT n.bus_id, n.identity
FROM named AS n
LEFT JOIN buyer_holds AS c ON c.bus_id = n.bus_id AND c.buyer = n.identity
GROUP BY n.bus_id, n.identity, c.seats_max, c.holds_max
HAVING sum(n.seats) > coalesce(c.seats_max, 0) OR sum(n.holds) > coalesce(c.holds_max, 0);

-- name: no_hold_outlives_the_hard_cap
SELECT h.bus_id, h.hold_id FROM holds AS h
WHERE h.expires_at > h.created_at + interval '1200 seconds' AND ($1::bigint[] IS NULL OR h.bus_id = any($1));

-- name: ended_holds_forget_where_they_were_made
SELECT h.bus_id, h.hold_id AS owner FROM holds AS h
WHERE h.network IS NOT NULL AND h.state <> 'ACTIVE' AND ($1::bigint[] IS NULL OR h.bus_id = any($1))
UNION ALL
SELECT b.bus_id, b.hold_id AS owner FROM bookings AS b
WHERE b.network IS NOT NULL AND b.status <> 'PENDING' AND ($1::bigint[] IS NULL OR b.bus_id = any($1));

-- name: searches_find_every_call
-- What searches go by is what the stops of the buses say: all of it from the month before this one on, and never
-- anything else. Months that are over for longer may be gone. A month's border is looked up, not looked for.
SELECT s.bus_id, s.idx
FROM bus_stops AS s
LEFT JOIN LATERAL (
    SELECT c.operator_id, c.can_board, c.can_alight
    FROM calls AS c
    WHERE c.stop_id = s.stop_id AND c.departs_at = s.departs_at AND c.bus_id = s.bus_id AND c.idx = s.idx
) AS c ON true
WHERE
    ($1::bigint[] IS NULL OR s.bus_id = any($1))
    AND s.departs_at
    >= (date_trunc('month', statement_timestamp() AT TIME ZONE 'UTC') - interval '1 month') AT TIME ZONE 'UTC'
    AND (c.operator_id, c.can_board, c.can_alight) IS DISTINCT FROM (s.operator_id, s.can_board, s.can_alight)
UNION
SELECT c.bus_id, c.idx
FROM calls AS c
LEFT JOIN bus_stops AS s ON s.bus_id = c.bus_id AND s.idx = c.idx
WHERE
    ($1::bigint[] IS NULL OR c.bus_id = any($1))
    AND (c.operator_id, c.stop_id, c.departs_at, c.can_board, c.can_alight)
    IS DISTINCT FROM (s.operator_id, s.stop_id, s.departs_at, s.can_board, s.can_alight);
