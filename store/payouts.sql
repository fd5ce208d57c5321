-- name: find_refund
-- $1 bus, $2 refund.
SELECT
    r.refund_id, r.payment_id, r.operator_id, r.amount, p.method, p.provider_ref,
    coalesce(p.currency, x.currency)::text AS currency,
    a.attempt_id IS NOT NULL AS is_paid
FROM refunds AS r
INNER JOIN payments AS p ON p.bus_id = r.bus_id AND p.payment_id = r.payment_id
INNER JOIN buses AS x ON x.bus_id = r.bus_id
LEFT JOIN refund_attempts AS a ON a.bus_id = r.bus_id AND a.refund_id = r.refund_id AND a.status = 'DONE'
WHERE r.bus_id = $1 AND r.refund_id = $2;

-- name: add_attempt
-- $1 bus, $2 operator, $3 attempt, $4 refund, $5 method, $6 status, $7 the provider's name for it, $8 reason, $9 when.
-- Of two that were done at once, or one that was done before, the second is none.
INSERT INTO refund_attempts (
    bus_id, operator_id, attempt_id, refund_id, method, status, provider_refund, reason, created_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING
RETURNING attempt_id;

-- name: post_payout
-- The money has left: $1 bus, $2 operator, $3 attempt, $4 payment, $5 from which account, $6 amount, $7 when.
INSERT INTO postings (bus_id, operator_id, group_id, payment_id, account, amount, created_at)
VALUES ($1, $2, $3, $4, 'refunds_due', $6::bigint, $7), ($1, $2, $3, $4, $5, -$6::bigint, $7);

-- name: clock
SELECT clock_timestamp() AS now FROM buses AS b WHERE b.bus_id = $1;
