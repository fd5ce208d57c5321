-- name: refuse
-- One transaction in one round trip, for requests that want seats which are remembered as taken. Nothing is locked:
-- that a seat was taken while a request waited is reason enough to refuse it. One snapshot shows the seats and the
-- answers given before, so nobody is refused on account of their own success.
-- $1 the operators in scope; $2-$8 one element for all who want the same: seats and their letters on the leg as array
-- texts; $9-$15 one element a request: what it wants ($9, a place among those), and its answer.
WITH scoped AS MATERIALIZED (
    SELECT set_config('omnibus.operators', $1::text, true) AS operators
),

wanted AS MATERIALIZED (
    SELECT w.*
    FROM scoped
    CROSS JOIN unnest(
        $2::bigint[], $3::integer[], $4::timestamptz[], $5::smallint[], $6::smallint[], $7::text[], $8::text[]
    ) WITH ORDINALITY AS w (bus_id, facts, sale_ends_at, from_idx, to_idx, seats, letters, place)
),

taken AS MATERIALIZED (
    SELECT w.place
    FROM wanted AS w
    INNER JOIN buses AS b ON b.bus_id = w.bus_id AND b.facts = w.facts AND b.status = 'SCHEDULED'
    WHERE
        clock_timestamp() < w.sale_ends_at
        AND NOT EXISTS (
            SELECT
            FROM unnest(w.seats::smallint[], w.letters::text[]) AS seat (seat_no, letters)
            LEFT JOIN seats AS s ON s.bus_id = w.bus_id AND s.seat_no = seat.seat_no
            WHERE substr(s.states::text, w.from_idx + 1, w.to_idx - w.from_idx) IS DISTINCT FROM seat.letters
        )
        -- Expiry is true when read: who wants what is overdue gets it, the general way.
        AND NOT EXISTS (
            SELECT
            FROM unnest(w.seats::smallint[]) AS seat (seat_no)
            INNER JOIN claims AS c
                ON
                    c.bus_id = w.bus_id AND c.seat_no = seat.seat_no AND c.segment >= w.from_idx
                    AND c.segment < w.to_idx
            LEFT JOIN holds AS h ON h.bus_id = c.bus_id AND h.hold_id = c.hold_id
            LEFT JOIN bookings AS direct ON direct.bus_id = c.bus_id AND direct.booking_id = c.booking_id
            LEFT JOIN bookings AS held ON held.bus_id = c.bus_id AND held.hold_id = c.hold_id
            WHERE
                clock_timestamp() >= CASE
                    WHEN h.state = 'ACTIVE' THEN h.expires_at ELSE coalesce(direct.expires_at, held.expires_at)
                END
        )
),

answered AS (
    INSERT INTO idempotency_keys (bus_id, operator_id, key_hash, request_hash, status, response)
    SELECT a.bus_id, a.operator_id, a.key_hash, a.request_hash, a.status, a.response
    FROM
        unnest($9::integer[], $10::bigint[], $11::integer[], $12::uuid[], $13::uuid[], $14::smallint[], $15::bytea[])
            AS a (place, bus_id, operator_id, key_hash, request_hash, status, response)
    INNER JOIN taken AS t ON t.place = a.place
    WHERE a.key_hash IS NOT NULL
    ORDER BY a.bus_id, a.key_hash
    ON CONFLICT (bus_id, key_hash) DO NOTHING
    RETURNING bus_id, key_hash
),

counted AS (
    SELECT array_agg(t.place) AS places FROM taken AS t
),

stored AS (
    SELECT array_agg(a.bus_id) AS buses, array_agg(a.key_hash) AS key_hashes FROM answered AS a
)

SELECT c.places, s.buses, s.key_hashes
FROM counted AS c
CROSS JOIN stored AS s;
