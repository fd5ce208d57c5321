-- name: sell
-- One transaction in one round trip, for requests that want fresh seats: lock, look, write.
-- Every request was decided for seats that are free on its leg, on a bus that is as remembered, at the moment $2. Where
-- that holds under lock everything is written; where it does not, nothing is: the request is decided anew elsewhere.
-- $1 the operators in scope; from $3 one element a request: first the columns of numbers, each as one array text, then
-- the others as arrays; seats, labels, names and the like are array texts themselves.
WITH scoped AS MATERIALIZED (
    SELECT set_config('omnibus.operators', $1::text, true) AS operators
),

asked AS MATERIALIZED (
    SELECT a.*
    FROM scoped
    CROSS JOIN unnest(
        $3::text::bigint[], $4::text::integer[], $5::text::integer[], $6::text::smallint[], $7::text::smallint[],
        $8::text::smallint[], $9::text::integer[], $10::text::smallint[], $11::text::bigint[], $12::text::bigint[],
        $13::text::bigint[], $14::text::bigint[], $15::timestamptz[], $16::text[], $17::text[], $18::text[],
        $19::uuid[], $20::uuid[], $21::bytea[], $22::uuid[], $23::text[], $24::text[], $25::text[], $26::text[],
        $27::text[], $28::text[], $29::uuid[], $30::uuid[]
    ) WITH ORDINALITY AS a (
        bus_id, operator_id, facts, from_idx, to_idx, seat_count, seconds, answer_status, booking_id, user_id,
        sold_by, rules_id, sale_ends_at, seats, labels, prices, key_hash, request_hash, answer, hold_id, ref, names,
        categories, method, email, phone, buyer, network, place
    )
),

-- First in the lock order: buyers who are not counted on this bus yet, and so keep nothing and have let nothing go
-- there. All others go the general way, which counts. Should the request not be written after all, a count is too high
-- until that way sets it right.
counted AS (
    INSERT INTO buyer_holds (bus_id, buyer, operator_id, seats_held, seats_max, holds_held, holds_max)
    SELECT
        a.bus_id, who.identity, a.operator_id, a.seat_count,
        CASE who.holds WHEN 0 THEN coalesce(o.seats_per_address, o.seats_per_buyer) ELSE o.seats_per_buyer END,
        who.holds, o.holds_per_buyer
    FROM asked AS a
    INNER JOIN operators AS o ON o.operator_id = a.operator_id
    CROSS JOIN LATERAL (VALUES (a.buyer, 1), (a.network, 0)) AS who (identity, holds)
    WHERE who.identity IS NOT NULL
    ORDER BY a.bus_id, who.identity
    ON CONFLICT (bus_id, buyer) DO NOTHING
    RETURNING bus_id, buyer
),

-- Across the operator's buses a buyer's holds are counted without locks, as everywhere (`store/buyers.py`).
welcome AS MATERIALIZED (
    SELECT a.*
    FROM asked AS a
    WHERE
        a.buyer IS NULL
        OR (
            (a.bus_id, a.buyer) IN (SELECT c.bus_id, c.buyer FROM counted AS c)
            AND (a.network IS NULL OR (a.bus_id, a.network) IN (SELECT c.bus_id, c.buyer FROM counted AS c))
            AND (
                -- What lives is told apart afterwards, so that the buyer's own index is the only way in.
                SELECT count(*) FILTER (WHERE kept.is_live)
                FROM (
                    SELECT h.state = 'ACTIVE' AND h.expires_at > now() AS is_live
                    FROM holds AS h
                    WHERE
                        h.buyer = a.buyer AND coalesce(h.ended_at, 'infinity') > now()
                        AND h.operator_id = a.operator_id
                    UNION ALL
                    SELECT b.status = 'PENDING' AND b.expires_at > now() AS is_live
                    FROM bookings AS b
                    WHERE
                        b.buyer = a.buyer AND b.confirmed_at IS NULL AND coalesce(b.ended_at, 'infinity') > now()
                        AND b.operator_id = a.operator_id
                ) AS kept
            ) < (SELECT o.holds_per_buyer FROM operators AS o WHERE o.operator_id = a.operator_id)
        )
),

locked AS MATERIALIZED (
    SELECT w.place, w.label, w.from_idx, w.to_idx, s.bus_id, s.seat_no, s.states
    FROM (
        SELECT a.bus_id, a.place, a.from_idx, a.to_idx, seat.seat_no, seat.label
        FROM welcome AS a
        CROSS JOIN LATERAL unnest(a.seats::smallint[], a.labels::text[]) AS seat (seat_no, label)
        -- A fence: left to itself the planner reads all seats of the bus for every request.
        OFFSET 0
    ) AS w
    INNER JOIN seats AS s ON s.bus_id = w.bus_id AND s.seat_no = w.seat_no
    ORDER BY s.bus_id, s.seat_no
    FOR UPDATE OF s
),

-- Requests that have all their seats and are not known by their key. Neither is a join: expecting few requests, the
-- planner would compare each with all, and look every key up as often as there are requests.
fresh AS MATERIALIZED (
    SELECT a.*
    FROM welcome AS a
    WHERE
        ((a.place, a.seat_count) IN (
            SELECT l.place, count(*) AS seats
            FROM locked AS l
            GROUP BY l.place
            HAVING bool_and(ltrim(substr(l.states::text, l.from_idx + 1, l.to_idx - l.from_idx), 'A') = '')
        )) IS TRUE
        AND NOT EXISTS (
            SELECT FROM idempotency_keys AS k
            WHERE k.bus_id = a.bus_id AND k.key_hash = a.key_hash
            OFFSET 0
        )
),

-- Last in the lock order, as everywhere.
on_bus AS MATERIALIZED (
    SELECT f.*, b.epoch, b.rev AS rev_before
    FROM fresh AS f
    INNER JOIN buses AS b
        ON
            b.bus_id = f.bus_id AND b.operator_id = f.operator_id AND b.facts = f.facts
            AND b.status = 'SCHEDULED'
    ORDER BY b.bus_id, f.place
    FOR NO KEY UPDATE OF b
),

moment AS MATERIALIZED (
    -- In this order: the clock is read when every lock is held.
    SELECT (SELECT count(*) FROM on_bus) AS buses, clock_timestamp() AS now
),

ready AS MATERIALIZED (
    SELECT b.*, b.rev_before + row_number() OVER (PARTITION BY b.bus_id ORDER BY b.place) AS rev
    FROM on_bus AS b
    CROSS JOIN moment AS m
    WHERE
        m.now < b.sale_ends_at
        AND m.now > $2::timestamptz - interval '500 milliseconds'
        AND m.now < $2::timestamptz + interval '500 milliseconds'
),

-- A full join is never one of all rows with all, however few are expected; what is of no request is left out after it.
taken AS MATERIALIZED (
    SELECT
        b.bus_id, b.seat_no, b.label, b.operator_id, b.epoch, b.rev, b.from_idx, b.to_idx, b.hold_id, b.booking_id,
        left(b.states, b.from_idx) || repeat('L', b.to_idx - b.from_idx) || substr(b.states, b.to_idx + 1) AS states
    FROM (
        SELECT
            l.bus_id, l.seat_no, l.label, l.states::text AS states, r.operator_id, r.epoch, r.rev, r.from_idx, r.to_idx,
            r.hold_id, r.booking_id
        FROM locked AS l
        FULL JOIN ready AS r ON r.place = l.place
        OFFSET 0
    ) AS b
    WHERE b.rev IS NOT NULL
),

shown AS (
    UPDATE seats AS s SET states = t.states
    FROM taken AS t
    WHERE s.bus_id = t.bus_id AND s.seat_no = t.seat_no
),

held AS (
    INSERT INTO holds (
        bus_id, operator_id, hold_id, user_id, seats, from_idx, to_idx, prices, created_at, expires_at, buyer,
        network
    )
    SELECT
        r.bus_id, r.operator_id, r.hold_id, r.user_id, r.seats::smallint[], r.from_idx, r.to_idx, r.prices::integer[],
        $2::timestamptz, $2::timestamptz + make_interval(secs => r.seconds), r.buyer, r.network
    FROM ready AS r
    WHERE r.hold_id IS NOT NULL
),

booked AS (
    INSERT INTO bookings (
        bus_id, operator_id, booking_id, ref, status, user_id, sold_by, from_idx, to_idx, seats, prices, names,
        categories, method, email, phone, created_at, expires_at, buyer, network, rules_id
    )
    SELECT
        r.bus_id, r.operator_id, r.booking_id, r.ref, 'PENDING' AS status, r.user_id, r.sold_by, r.from_idx, r.to_idx,
        r.seats::smallint[], r.prices::integer[], r.names::text[], r.categories::text[], r.method, r.email, r.phone,
        $2::timestamptz, $2::timestamptz + make_interval(secs => r.seconds), r.buyer, r.network, r.rules_id
    FROM ready AS r
    WHERE r.booking_id IS NOT NULL
),

claimed AS (
    INSERT INTO claims (bus_id, operator_id, seat_no, segment, hold_id, booking_id)
    SELECT t.bus_id, t.operator_id, t.seat_no, part.segment, t.hold_id, t.booking_id
    FROM taken AS t
    CROSS JOIN LATERAL generate_series(t.from_idx::integer, t.to_idx - 1) AS part (segment)
),

answered AS (
    INSERT INTO idempotency_keys (bus_id, operator_id, key_hash, request_hash, status, response)
    SELECT r.bus_id, r.operator_id, r.key_hash, r.request_hash, r.answer_status, r.answer
    FROM ready AS r
    WHERE r.key_hash IS NOT NULL
),

moved AS (
    UPDATE buses AS b SET rev = m.rev
    FROM (SELECT r.bus_id, max(r.rev) AS rev FROM ready AS r GROUP BY r.bus_id) AS m
    WHERE b.bus_id = m.bus_id
),

told AS (
    INSERT INTO events (bus_id, operator_id, epoch, rev, kind, seats, at)
    SELECT
        t.bus_id, t.operator_id, t.epoch, t.rev, CASE WHEN t.hold_id IS NULL THEN 'booked' ELSE 'held' END AS kind,
        '[' || string_agg('["' || t.label || '","' || t.states || '"]', ',' ORDER BY t.seat_no) || ']' AS seats,
        $2::timestamptz
    FROM taken AS t
    GROUP BY t.bus_id, t.operator_id, t.epoch, t.rev, t.hold_id
    RETURNING bus_id, rev, seats
),

done AS (
    SELECT
        array_agg(r.place) AS places, array_agg(r.epoch) AS epochs, array_agg(r.rev) AS revs
    FROM ready AS r
),

news AS (
    SELECT array_agg(t.bus_id) AS buses, array_agg(t.rev) AS told_revs, array_agg(t.seats) AS seats
    FROM told AS t
)

SELECT m.now, d.places, d.epochs, d.revs, n.buses, n.told_revs, n.seats
FROM moment AS m
CROSS JOIN done AS d
CROSS JOIN news AS n;
