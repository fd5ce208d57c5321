-- Statements that need words of their own on a cluster, under the names they have in `batch.sql`.

-- name: change_holds
-- Casts of texts count as stable, and what is stable may not be applied to columns while rows are changed: cast before.
WITH w AS MATERIALIZED (
    SELECT u.bus_id, u.hold_id, u.seats::smallint[] AS seats, u.prices::integer[] AS prices, u.expires_at
    FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
        AS u (bus_id, hold_id, seats, prices, expires_at)
)

UPDATE holds AS h SET seats = w.seats, prices = w.prices, expires_at = w.expires_at
FROM w
WHERE h.bus_id = w.bus_id AND h.bus_id = any($1::bigint[]) AND h.hold_id = w.hold_id;
