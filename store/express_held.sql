-- name: book_held
-- The express way for bookings of holds: every request was decided for a hold as this process remembers it. Where that
-- holds under lock it is written; where it does not, nothing is, and the request is decided anew elsewhere.
-- What the buyer keeps stays as much as it was, only under another name, so no count is locked or changed.
-- Columns as in `sell`.
WITH scoped AS MATERIALIZED (
    SELECT set_config('omnibus.operators', $1::text, true) AS operators
),

asked AS MATERIALIZED (
    SELECT a.*
    FROM scoped
    CROSS JOIN unnest(
        $3::text::bigint[], $4::text::integer[], $5::text::integer[], $6::text::smallint[], $7::text::bigint[],
        $8::text::bigint[], $9::text::bigint[], $10::text::bigint[], $11::uuid[], $12::timestamptz[],
        $13::timestamptz[], $14::text[], $15::text[], $16::uuid[], $17::uuid[], $18::bytea[], $19::text[],
        $20::text[], $21::text[], $22::text[], $23::text[], $24::text[], $25::uuid[]
    ) WITH ORDINALITY AS a (
        bus_id, facts, seconds, answer_status, booking_id, user_id, sold_by, rules_id, hold_id, hold_expires_at,
        sale_ends_at, seats, labels, key_hash, request_hash, answer, ref, names, categories, method, email, phone,
        holder, place
    )
),

-- Seats first, as everywhere: what the event tells of their other segments must be true at its revision.
locked AS MATERIALIZED (
    SELECT w.place, w.label, s.seat_no, s.states
    FROM (
        SELECT a.bus_id, a.place, seat.seat_no, seat.label
        FROM asked AS a
        CROSS JOIN LATERAL unnest(a.seats::smallint[], a.labels::text[]) AS seat (seat_no, label)
        -- A fence: left to itself the planner reads all seats of the bus for every request.
        OFFSET 0
    ) AS w
    INNER JOIN seats AS s ON s.bus_id = w.bus_id AND s.seat_no = w.seat_no
    ORDER BY s.bus_id, s.seat_no
    FOR UPDATE OF s
),

-- Asked as in `sell`, not joined; and by itself, so that it is not asked again for a hold that was waited for.
seated AS MATERIALIZED (
    SELECT a.*
    FROM asked AS a
    WHERE (a.place IN (SELECT l.place FROM locked AS l)) IS TRUE
),

held AS MATERIALIZED (
    SELECT
        a.*, h.state, h.expires_at, h.seats AS held_seats, h.operator_id, h.from_idx, h.to_idx, h.prices, h.buyer,
        h.network
    FROM seated AS a
    INNER JOIN holds AS h ON h.bus_id = a.bus_id AND h.hold_id = a.hold_id
    ORDER BY h.bus_id, h.hold_id
    FOR UPDATE OF h
),

as_known AS MATERIALIZED (
    SELECT h.*
    FROM held AS h
    WHERE
        h.state = 'ACTIVE' AND h.expires_at = h.hold_expires_at AND h.held_seats = h.seats::smallint[]
        AND h.buyer IS NOT DISTINCT FROM h.holder
        AND NOT EXISTS (
            SELECT FROM idempotency_keys AS k
            WHERE k.bus_id = h.bus_id AND k.key_hash = h.key_hash
            OFFSET 0
        )
),

-- Last in the lock order, as everywhere.
on_bus AS MATERIALIZED (
    SELECT h.*, b.epoch, b.rev AS rev_before
    FROM as_known AS h
    INNER JOIN buses AS b
        ON
            b.bus_id = h.bus_id AND b.operator_id = h.operator_id AND b.facts = h.facts
            AND b.status = 'SCHEDULED'
    ORDER BY b.bus_id, h.place
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
        AND m.now < b.hold_expires_at
        AND m.now > $2::timestamptz - interval '500 milliseconds'
        AND m.now < $2::timestamptz + interval '500 milliseconds'
),

ended AS (
    UPDATE holds AS h SET state = 'BOOKED', ended_at = $2::timestamptz, network = NULL
    FROM ready AS r
    WHERE h.bus_id = r.bus_id AND h.hold_id = r.hold_id
),

booked AS (
    INSERT INTO bookings (
        bus_id, operator_id, booking_id, ref, status, user_id, sold_by, hold_id, from_idx, to_idx, seats, prices, names,
        categories, method, email, phone, created_at, expires_at, buyer, network, rules_id
    )
    SELECT
        r.bus_id, r.operator_id, r.booking_id, r.ref, 'PENDING' AS status, r.user_id, r.sold_by, r.hold_id, r.from_idx,
        r.to_idx, r.seats::smallint[], r.prices, r.names::text[], r.categories::text[], r.method, r.email, r.phone,
        $2::timestamptz, $2::timestamptz + make_interval(secs => r.seconds), r.buyer, r.network,
        r.rules_id
    FROM ready AS r
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
        b.bus_id, b.operator_id, b.epoch, b.rev, 'booked' AS kind,
        '[' || string_agg('["' || b.label || '","' || b.states || '"]', ',' ORDER BY b.seat_no) || ']' AS seats,
        $2::timestamptz
    FROM (
        SELECT r.bus_id, r.operator_id, r.epoch, r.rev, l.seat_no, l.label, l.states
        FROM locked AS l
        FULL JOIN ready AS r ON r.place = l.place
        OFFSET 0
    ) AS b
    WHERE b.rev IS NOT NULL
    GROUP BY b.bus_id, b.operator_id, b.epoch, b.rev
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
