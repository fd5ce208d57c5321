-- Money: what is begun at payment providers, what they tell, what came of it, and a ledger of every movement.
-- timeout: 10min
-- Tables that gain a column or a rule keep the rows they have: the rule is wider than the one before.
-- squawk-ignore-file constraint-missing-not-valid, adding-foreign-key-constraint, require-concurrent-index-creation
-- squawk-ignore-file ban-drop-constraint, disallowed-unique-constraint, ban-drop-function

-- What came of an attempt is written once. RETURNED: captured, but the seats were others' by then, or paid for already,
-- so all of it goes back.
ALTER TABLE payments ADD COLUMN provider_ref text;
ALTER TABLE payments ADD CONSTRAINT payments_provider_ref_check CHECK (provider_ref ~ '^[!-~]{1,200}$');
ALTER TABLE payments DROP CONSTRAINT payments_status_check;
ALTER TABLE payments ADD CONSTRAINT payments_status_check CHECK (
    status IN ('PENDING', 'SUCCEEDED', 'DECLINED', 'CANCELLED', 'RETURNED')
);
REVOKE UPDATE (status, settled_at) ON payments FROM omnibus_app;
DROP TRIGGER payments_legal_move ON payments;
DROP FUNCTION refuse_illegal_payment_move();
CREATE TRIGGER payments_append_only BEFORE UPDATE OR DELETE ON payments
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER refunds_append_only BEFORE UPDATE OR DELETE ON refunds
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

-- What was begun at a provider for a booking: one attempt, never changed but for when the provider is asked next.
CREATE TABLE intents (
    bus_id bigint NOT NULL,
    booking_id bigint NOT NULL,
    payment_id uuid NOT NULL,
    operator_id integer NOT NULL,
    method text NOT NULL CHECK (method IN ('demo', 'stripe', 'razorpay')),
    provider_ref text NOT NULL CHECK (provider_ref ~ '^[!-~]{1,200}$'),
    action jsonb NOT NULL CHECK (octet_length(action::text) <= 4096),
    amount bigint NOT NULL CHECK (amount > 0),
    created_at timestamptz NOT NULL,
    -- Without it the provider has said its last word.
    look_at timestamptz,
    looks integer NOT NULL DEFAULT 0 CHECK (looks >= 0),
    CONSTRAINT intents_pkey PRIMARY KEY (bus_id, booking_id),
    FOREIGN KEY (bus_id, booking_id) REFERENCES bookings (bus_id, booking_id),
    FOREIGN KEY (bus_id, operator_id) REFERENCES buses (bus_id, operator_id)
) WITH (fillfactor = 80);
CREATE INDEX intents_ref_idx ON intents (provider_ref);
CREATE INDEX intents_due_idx ON intents (look_at) WHERE look_at IS NOT NULL;

-- Each try to pay back, and what came of it. Cash is paid back at a counter, which writes its row here, too.
CREATE TABLE refund_attempts (
    bus_id bigint NOT NULL,
    attempt_id uuid NOT NULL,
    refund_id uuid NOT NULL,
    operator_id integer NOT NULL,
    method text NOT NULL CHECK (method IN ('demo', 'cash', 'stripe', 'razorpay')),
    status text NOT NULL CHECK (status IN ('PENDING', 'DONE', 'FAILED')),
    provider_refund text CHECK (provider_refund ~ '^[!-~]{1,200}$'),
    reason text CHECK (char_length(reason) <= 300),
    created_at timestamptz NOT NULL,
    CONSTRAINT refund_attempts_pkey PRIMARY KEY (bus_id, attempt_id),
    FOREIGN KEY (bus_id, refund_id) REFERENCES refunds (bus_id, refund_id),
    FOREIGN KEY (bus_id, operator_id) REFERENCES buses (bus_id, operator_id)
);
CREATE INDEX refund_attempts_refund_idx ON refund_attempts (bus_id, refund_id);
CREATE UNIQUE INDEX refund_attempts_done_once ON refund_attempts (bus_id, refund_id) WHERE status = 'DONE';

-- The ledger. What an account has gained is positive. A group is one movement of money; its lines sum to zero.
CREATE TABLE postings (
    bus_id bigint NOT NULL,
    group_id uuid NOT NULL,
    account text NOT NULL CHECK (account IN ('provider_clearing', 'cash_drawer', 'sales', 'refunds_due')),
    operator_id integer NOT NULL,
    payment_id uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount <> 0),
    created_at timestamptz NOT NULL,
    -- A group is posted once: its second line of an account is refused.
    CONSTRAINT postings_once PRIMARY KEY (bus_id, group_id, account),
    FOREIGN KEY (bus_id, payment_id) REFERENCES payments (bus_id, payment_id),
    FOREIGN KEY (bus_id, operator_id) REFERENCES buses (bus_id, operator_id)
);
CREATE INDEX postings_payment_idx ON postings (bus_id, payment_id);

-- Asked once a statement, of the rows it adds: half a movement is refused even where the transaction would go on to
-- write the other half, and a batch of captures costs one question.
CREATE FUNCTION refuse_unbalanced_postings() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unbalanced uuid;
BEGIN
    SELECT a.group_id INTO unbalanced FROM added AS a GROUP BY a.bus_id, a.group_id HAVING sum(a.amount) <> 0 LIMIT 1;
    IF unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'the lines of posting group % do not sum to zero', unbalanced
            USING ERRCODE = 'check_violation', CONSTRAINT = 'postings_balanced';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER postings_balanced AFTER INSERT ON postings
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_unbalanced_postings();
CREATE TRIGGER postings_append_only BEFORE UPDATE OR DELETE ON postings
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER refund_attempts_append_only BEFORE UPDATE OR DELETE ON refund_attempts
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

-- What was taken and promised back before there was a ledger.
ALTER TABLE payments NO FORCE ROW LEVEL SECURITY;
ALTER TABLE refunds NO FORCE ROW LEVEL SECURITY;
INSERT INTO postings (bus_id, operator_id, group_id, payment_id, account, amount, created_at)
SELECT p.bus_id, p.operator_id, p.payment_id AS group_id, p.payment_id, line.account, line.amount, p.created_at
FROM payments AS p
CROSS JOIN
    unnest(
        ARRAY[CASE p.method WHEN 'cash' THEN 'cash_drawer' ELSE 'provider_clearing' END, 'sales'],
        ARRAY[p.amount, -p.amount]
    ) AS line (account, amount)
WHERE p.status = 'SUCCEEDED' AND p.amount > 0;
INSERT INTO postings (bus_id, operator_id, group_id, payment_id, account, amount, created_at)
SELECT r.bus_id, r.operator_id, r.refund_id AS group_id, r.payment_id, line.account, line.amount, r.created_at
FROM refunds AS r
CROSS JOIN LATERAL (VALUES ('sales', r.amount), ('refunds_due', -r.amount)) AS line (account, amount);
ALTER TABLE payments FORCE ROW LEVEL SECURITY;
ALTER TABLE refunds FORCE ROW LEVEL SECURITY;

-- What providers have told us, every event once however often it comes; written before we say that we have it.
CREATE TABLE provider_events (
    method text NOT NULL CHECK (method IN ('demo', 'stripe', 'razorpay')),
    event_id text NOT NULL CHECK (event_id ~ '^[!-~]{1,200}$'),
    kind text NOT NULL CHECK (kind ~ '^[!-~]{1,100}$'),
    provider_ref text CHECK (provider_ref ~ '^[!-~]{1,200}$'),
    state text NOT NULL DEFAULT 'NEW' CHECK (state IN ('NEW', 'APPLIED', 'UNKNOWN')),
    attempts smallint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT provider_events_once PRIMARY KEY (method, event_id)
);
CREATE INDEX provider_events_due_idx ON provider_events (due_at) WHERE state = 'NEW';
CREATE INDEX provider_events_age_idx ON provider_events USING brin (received_at);

-- The pretend provider's own books. Nothing of ours points at them, nor they at ours.
CREATE TABLE demo_payments (
    provider_ref text NOT NULL CHECK (provider_ref ~ '^demo_[A-Za-z0-9_-]{22}$'),
    payment_id uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    reference text NOT NULL CHECK (char_length(reference) <= 40),
    description text NOT NULL CHECK (char_length(description) <= 200),
    return_url text NOT NULL CHECK (char_length(return_url) <= 500),
    status text NOT NULL DEFAULT 'open' CHECK (
        status IN ('open', 'challenged', 'succeeded', 'declined', 'cancelled')
    ),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT demo_payments_pkey PRIMARY KEY (provider_ref),
    CONSTRAINT demo_payments_once UNIQUE (payment_id)
);
CREATE TABLE demo_refunds (
    refund_id uuid NOT NULL,
    provider_ref text NOT NULL CHECK (provider_ref ~ '^[!-~]{1,200}$'),
    amount bigint NOT NULL CHECK (amount > 0),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT demo_refunds_pkey PRIMARY KEY (refund_id)
);
-- What it is going to call us with, as late, as often and in which order its payer chose.
CREATE TABLE demo_webhooks (
    webhook_id bigint GENERATED BY DEFAULT AS IDENTITY,
    event_id text NOT NULL CHECK (event_id ~ '^[!-~]{1,200}$'),
    kind text NOT NULL CHECK (kind ~ '^[!-~]{1,100}$'),
    provider_ref text NOT NULL REFERENCES demo_payments,
    due_at timestamptz NOT NULL,
    attempts smallint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    CONSTRAINT demo_webhooks_pkey PRIMARY KEY (webhook_id)
);
CREATE INDEX demo_webhooks_due_idx ON demo_webhooks (due_at);
CREATE INDEX demo_webhooks_ref_idx ON demo_webhooks (provider_ref);

-- What has ended stays as it ended, but for the words about people, and for seats that were still free when their money
-- came after all.
CREATE OR REPLACE FUNCTION refuse_illegal_booking_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.status = new.status AND old.status IN ('PENDING', 'CONFIRMED', 'PARTIALLY_CANCELLED') THEN
        RETURN new;
    END IF;
    IF (old.status, new.status) NOT IN (
        ('PENDING', 'CONFIRMED'), ('PENDING', 'CANCELLED'), ('PENDING', 'EXPIRED'), ('PENDING', 'FAILED'),
        ('CONFIRMED', 'CANCELLED'), ('CONFIRMED', 'PARTIALLY_CANCELLED'), ('PARTIALLY_CANCELLED', 'CANCELLED'),
        ('EXPIRED', 'CONFIRMED')
    ) THEN
        IF old.status = new.status AND new.email IS NULL AND new.phone IS NULL AND new IS DISTINCT FROM old
            AND to_jsonb(new) - ARRAY['names', 'email', 'phone'] = to_jsonb(old) - ARRAY['names', 'email', 'phone'] THEN
            RETURN new;
        END IF;
        RAISE EXCEPTION 'booking % cannot go from % to %', old.ref, old.status, new.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_legal_move';
    END IF;
    RETURN new;
END
$$;

GRANT SELECT, INSERT ON intents, refund_attempts, postings, provider_events TO omnibus_app;
GRANT SELECT, INSERT ON refund_attempts, postings TO omnibus_worker;
GRANT SELECT ON intents, provider_events TO omnibus_worker;
GRANT UPDATE (look_at, looks) ON intents TO omnibus_app, omnibus_worker;
GRANT UPDATE (state, attempts, due_at) ON provider_events TO omnibus_app, omnibus_worker;
GRANT DELETE ON provider_events TO omnibus_worker;
GRANT SELECT, INSERT ON demo_payments, demo_refunds, demo_webhooks TO omnibus_app;
GRANT UPDATE (attempts, due_at), DELETE ON demo_webhooks TO omnibus_app;
GRANT SELECT ON demo_payments TO omnibus_worker;
GRANT SELECT, INSERT ON demo_refunds TO omnibus_worker;
GRANT UPDATE (status) ON demo_payments TO omnibus_app, omnibus_worker;
-- A worker still sells nothing that nobody bought; it makes a sale of what it finds paid.
GRANT INSERT ON payments, refunds, tickets TO omnibus_worker;
GRANT SELECT ON postings, refund_attempts, provider_events TO omnibus_readonly;
GRANT SELECT (bus_id, booking_id, payment_id, operator_id, method, amount, created_at, look_at, looks) ON intents
TO omnibus_readonly;

DO $$
DECLARE
    private text;
BEGIN
    FOREACH private IN ARRAY ARRAY['intents', 'refund_attempts', 'postings'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', private);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', private);
        EXECUTE format(
            'CREATE POLICY %I ON %I USING (operator_id = ANY ((SELECT operators_in_scope())::integer[]))',
            private || '_of_operator', private
        );
    END LOOP;
END
$$;
