-- name: write_block
-- $8 block, $9 seats, $10 and $11 the leg, $12 reason, $13 who.
WITH taken AS (
    UPDATE seats AS s SET states = new.states
    FROM unnest($3::smallint[], $4::text[]) AS new (seat_no, states)
    WHERE s.bus_id = $1 AND s.seat_no = new.seat_no
),

blocked AS (
    INSERT INTO blocks (bus_id, operator_id, block_id, seats, from_idx, to_idx, reason, created_by, created_at)
    VALUES ($1, $2, $8, $9, $10, $11, $12, $13, $5)
),

claimed AS (
    INSERT INTO claims (bus_id, operator_id, seat_no, segment, block_id)
    SELECT $1, $2, seat_no, segment, $8
    FROM unnest($9::smallint[]) AS seat_no
    CROSS JOIN generate_series($10::smallint, $11::smallint - 1) AS segment
),

logged AS (
    INSERT INTO audit_log (operator_id, actor_id, action, subject, detail)
    VALUES (
        $2, $13, 'seats.block', 'bus ' || $1::text, jsonb_build_object('seats', $9::smallint[], 'reason', $12::text)
    )
),

bus AS (
    UPDATE buses SET rev = rev + 1
    WHERE bus_id = $1
    RETURNING rev, epoch
)

INSERT INTO events (bus_id, operator_id, rev, epoch, kind, seats, at)
SELECT $1, $2, bus.rev, bus.epoch, $7, $6, $5 FROM bus
RETURNING rev, epoch;

-- name: find_block
SELECT b.seats, b.from_idx, b.to_idx, b.reason, b.created_at, b.lifted_at
FROM blocks AS b
WHERE b.bus_id = $1 AND b.block_id = $2;

-- name: lock_block
SELECT b.lifted_at
FROM blocks AS b
WHERE b.bus_id = $1 AND b.block_id = $2
FOR UPDATE OF b;

-- name: write_lifted
-- $8 block, $9 who.
WITH freed AS (
    UPDATE seats AS s SET states = new.states
    FROM unnest($3::smallint[], $4::text[]) AS new (seat_no, states)
    WHERE s.bus_id = $1 AND s.seat_no = new.seat_no
),

given_up AS (
    DELETE FROM claims AS c
    WHERE c.bus_id = $1 AND c.seat_no = any($3::smallint[]) AND c.block_id = $8
),

lifted AS (
    UPDATE blocks SET lifted_at = $5
    WHERE bus_id = $1 AND block_id = $8
),

logged AS (
    INSERT INTO audit_log (operator_id, actor_id, action, subject)
    VALUES ($2, $9, 'seats.unblock', 'bus ' || $1::text)
),

bus AS (
    UPDATE buses SET rev = rev + 1
    WHERE bus_id = $1
    RETURNING rev, epoch
)

INSERT INTO events (bus_id, operator_id, rev, epoch, kind, seats, at)
SELECT $1, $2, bus.rev, bus.epoch, $7, $6, $5 FROM bus
RETURNING rev, epoch;
