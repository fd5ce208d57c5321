-- name: next_numbers
SELECT nextval('booking_numbers') AS start;

-- name: write_booking
-- Seats sold directly: claims, booking, payment, tickets when paid, the answer, and the revision last.
WITH taken AS (
    UPDATE seats AS s SET states = new.states
    FROM unnest($3::smallint[], $4::text[]) AS new (seat_no, states)
    WHERE s.bus_id = $1 AND s.seat_no = new.seat_no
),

claimed AS (
    INSERT INTO claims (bus_id, operator_id, seat_no, segment, booking_id)
    SELECT $1, $2, seat_no, segment, $13
    FROM unnest($19::smallint[]) AS seat_no
    CROSS JOIN generate_series($20::smallint, $21::smallint - 1) AS segment
),

booked AS (
    INSERT INTO bookings (
        bus_id, operator_id, booking_id, ref, access_digest, status, user_id, sold_by, seats, from_idx, to_idx,
        prices, names, categories, email, phone, created_at, expires_at, confirmed_at
    )
    VALUES (
        $1, $2, $13, $14, $15, $16, $17, $18, $19, $20, $21,
        $22, $23, $24, $25, $26, $5, $27, $28
    )
),

owed AS (
    INSERT INTO payments (bus_id, operator_id, payment_id, booking_id, method, status, amount, created_at, settled_at)
    VALUES ($1, $2, $29, $13, $30, $31, $32, $5, $28)
),

issued AS (
    INSERT INTO tickets (bus_id, operator_id, booking_id, seat_no, code, issued_at)
    SELECT $1, $2, $13, t.seat_no, t.code, $5
    FROM unnest($33::smallint[], $34::uuid[]) AS t (seat_no, code)
),

answered AS (
    INSERT INTO idempotency_keys (bus_id, operator_id, key_hash, request_hash, status, response)
    SELECT $1, $2, $8::uuid, $9::uuid, $10::smallint, $11::bytea
    WHERE $8::uuid IS NOT NULL
),

bus AS (
    UPDATE buses SET rev = rev + 1
    WHERE bus_id = $1 AND facts = $12 AND status = 'SCHEDULED'
    RETURNING rev, epoch
)

INSERT INTO events (bus_id, operator_id, rev, epoch, kind, seats, at)
SELECT $1, $2, bus.rev, bus.epoch, $7, $6, $5 FROM bus
RETURNING rev, epoch;

-- name: write_booking_from_hold
-- $35 the hold, whose claims change owner.
WITH taken AS (
    UPDATE seats AS s SET states = new.states
    FROM unnest($3::smallint[], $4::text[]) AS new (seat_no, states)
    WHERE s.bus_id = $1 AND s.seat_no = new.seat_no
),

claimed AS (
    UPDATE claims AS c SET hold_id = NULL, booking_id = $13
    WHERE c.bus_id = $1 AND c.seat_no = any($19::smallint[]) AND c.hold_id = $35
),

used_up AS (
    UPDATE holds SET state = 'BOOKED', ended_at = $5
    WHERE bus_id = $1 AND hold_id = $35
),

booked AS (
    INSERT INTO bookings (
        bus_id, operator_id, booking_id, ref, access_digest, status, user_id, sold_by, seats, from_idx, to_idx,
        prices, names, categories, email, phone, created_at, expires_at, confirmed_at, hold_id
    )
    VALUES (
        $1, $2, $13, $14, $15, $16, $17, $18, $19, $20, $21,
        $22, $23, $24, $25, $26, $5, $27, $28, $35
    )
),

owed AS (
    INSERT INTO payments (bus_id, operator_id, payment_id, booking_id, method, status, amount, created_at, settled_at)
    VALUES ($1, $2, $29, $13, $30, $31, $32, $5, $28)
),

issued AS (
    INSERT INTO tickets (bus_id, operator_id, booking_id, seat_no, code, issued_at)
    SELECT $1, $2, $13, t.seat_no, t.code, $5
    FROM unnest($33::smallint[], $34::uuid[]) AS t (seat_no, code)
),

answered AS (
    INSERT INTO idempotency_keys (bus_id, operator_id, key_hash, request_hash, status, response)
    SELECT $1, $2, $8::uuid, $9::uuid, $10::smallint, $11::bytea
    WHERE $8::uuid IS NOT NULL
),

bus AS (
    UPDATE buses SET rev = rev + 1
    WHERE bus_id = $1 AND facts = $12 AND status = 'SCHEDULED'
    RETURNING rev, epoch
)

INSERT INTO events (bus_id, operator_id, rev, epoch, kind, seats, at)
SELECT $1, $2, bus.rev, bus.epoch, $7, $6, $5 FROM bus
RETURNING rev, epoch;
