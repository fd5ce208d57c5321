-- name: lock_bus
-- Whoever edits a bus comes here first, so that edits follow each other: $1 bus.
SELECT b.facts FROM buses AS b WHERE b.bus_id = $1 FOR NO KEY UPDATE;

-- name: drop_fares
DELETE FROM leg_fares AS f WHERE f.bus_id = $1;

-- name: add_fares
-- $1 bus, $2 operator, $3 and $4 legs, $5 what they cost.
INSERT INTO leg_fares (bus_id, operator_id, from_idx, to_idx, amount)
SELECT $1, $2, w.from_idx, w.to_idx, w.amount
FROM unnest($3::smallint[], $4::smallint[], $5::integer[]) AS w (from_idx, to_idx, amount);

-- name: reprice
-- Last: the next edition of the facts, the next revision and its event. No seat changes, yet every answer that names
-- prices does. $1 bus, $2 fares of its segments, $3 who did it, $4 what the log keeps of it.
WITH bus AS (
    UPDATE buses AS b SET fares = $2::integer[], facts = b.facts + 1, rev = b.rev + 1
    WHERE b.bus_id = $1
    RETURNING b.bus_id, b.operator_id, b.epoch, b.rev
),

logged AS (
    INSERT INTO audit_log (operator_id, actor_id, action, subject, detail)
    SELECT bus.operator_id, $3, 'bus.fares', 'bus ' || bus.bus_id, $4::jsonb FROM bus
)

INSERT INTO events (bus_id, operator_id, epoch, rev, kind, seats, at)
SELECT bus.bus_id, bus.operator_id, bus.epoch, bus.rev, 'repriced', '[]', clock_timestamp() FROM bus
RETURNING epoch, rev, at;
