-- name: lock_buyer
-- First in the lock order; returns how many seats the buyer holds: $1 bus, $2 user, $3 operator, $4 cap.
INSERT INTO buyer_holds AS held (bus_id, user_id, operator_id, seats_held, seats_max)
VALUES ($1, $2, $3, 0, $4)
ON CONFLICT (bus_id, user_id) DO UPDATE SET seats_max = greatest(excluded.seats_max, held.seats_held)
RETURNING held.seats_held;

-- name: count_live
-- What the buyer really holds, expired but unswept holds left out: $1 bus, $2 user, $3 a hold not to count.
SELECT coalesce(sum(cardinality(h.seats)), 0)::integer AS seats
FROM holds AS h
WHERE
    h.bus_id = $1 AND h.user_id = $2 AND h.state = 'ACTIVE'
    AND h.expires_at > clock_timestamp() AND h.hold_id <> $3;

-- name: set_buyer
UPDATE buyer_holds SET seats_held = $3
WHERE bus_id = $1 AND user_id = $2;

-- name: find_hold
SELECT
    h.state AS hold_state, h.user_id, h.from_idx, h.to_idx, h.seats, h.prices, h.created_at, h.expires_at,
    clock_timestamp() AS now
FROM holds AS h
WHERE h.bus_id = $1 AND h.hold_id = $2;

-- name: write_hold
WITH taken AS (
    UPDATE seats AS s SET states = new.states
    FROM unnest($3::smallint[], $4::text[]) AS new (seat_no, states)
    WHERE s.bus_id = $1 AND s.seat_no = new.seat_no
),

claimed AS (
    INSERT INTO claims (bus_id, operator_id, seat_no, segment, hold_id)
    SELECT $1, $2, seat_no, segment, $13
    FROM unnest($15::smallint[]) AS seat_no
    CROSS JOIN generate_series($16::smallint, $17::smallint - 1) AS segment
),

held AS (
    INSERT INTO holds (
        bus_id, operator_id, hold_id, user_id, seats, from_idx, to_idx, prices, created_at, expires_at
    )
    VALUES ($1, $2, $13, $14, $15, $16, $17, $18, $5, $19)
),

counted AS (
    UPDATE buyer_holds SET seats_held = $20
    WHERE bus_id = $1 AND user_id = $14
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

-- name: write_replaced_hold
-- Seats may be given up and taken in one step; the deadline stays where it was.
WITH changed AS (
    UPDATE seats AS s SET states = new.states
    FROM unnest($3::smallint[], $4::text[]) AS new (seat_no, states)
    WHERE s.bus_id = $1 AND s.seat_no = new.seat_no
),

given_up AS (
    DELETE FROM claims AS c
    WHERE c.bus_id = $1 AND c.seat_no = any($19::smallint[]) AND c.hold_id = $13
),

claimed AS (
    INSERT INTO claims (bus_id, operator_id, seat_no, segment, hold_id)
    SELECT $1, $2, seat_no, segment, $13
    FROM unnest($18::smallint[]) AS seat_no
    CROSS JOIN generate_series($14::smallint, $15::smallint - 1) AS segment
),

held AS (
    UPDATE holds SET seats = $16, prices = $17
    WHERE bus_id = $1 AND hold_id = $13
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

-- name: write_extended_hold
-- Nothing that others see changes, so no revision: $1 bus, $2 operator, $3 hold, $4 new deadline, $5-$8 the key.
WITH answered AS (
    INSERT INTO idempotency_keys (bus_id, operator_id, key_hash, request_hash, status, response)
    SELECT $1, $2, $5::uuid, $6::uuid, $7::smallint, $8::bytea
    WHERE $5::uuid IS NOT NULL
)

UPDATE holds SET expires_at = $4
WHERE bus_id = $1 AND hold_id = $3;

-- name: write_ended_hold
-- Released by its owner or expired: $8 the state it ends in, $9 the hold.
WITH freed AS (
    UPDATE seats AS s SET states = new.states
    FROM unnest($3::smallint[], $4::text[]) AS new (seat_no, states)
    WHERE s.bus_id = $1 AND s.seat_no = new.seat_no
),

given_up AS (
    DELETE FROM claims AS c
    WHERE c.bus_id = $1 AND c.seat_no = any($3::smallint[]) AND c.hold_id = $9
),

ended AS (
    UPDATE holds SET state = $8, ended_at = $5
    WHERE bus_id = $1 AND hold_id = $9
),

bus AS (
    UPDATE buses SET rev = rev + 1
    WHERE bus_id = $1
    RETURNING rev, epoch
)

INSERT INTO events (bus_id, operator_id, rev, epoch, kind, seats, at)
SELECT $1, $2, bus.rev, bus.epoch, $7, $6, $5 FROM bus
RETURNING rev, epoch;
