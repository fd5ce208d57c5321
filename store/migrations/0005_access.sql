-- What the application may touch. It connects as whoever owns the database and becomes omnibus_app,
-- which owns nothing, cannot change the schema, and sees an operator's private rows only while
-- `omnibus.operators` (set inside the transaction) names that operator.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'omnibus_app') THEN
        CREATE ROLE omnibus_app NOLOGIN NOINHERIT NOBYPASSRLS;
    END IF;
EXCEPTION
    -- Another database of the same cluster is being migrated at this moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;
DO $$
BEGIN
    GRANT omnibus_app TO current_user;
EXCEPTION
    -- The role belongs to someone else, who has granted it already or must be asked to; connecting will tell.
    WHEN insufficient_privilege THEN NULL;
END
$$;
REVOKE ALL ON SCHEMA public FROM public;
GRANT USAGE ON SCHEMA public TO omnibus_app;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO omnibus_app;
GRANT INSERT ON operators, stops, routes, route_stops, layouts, layout_seats, buses, bus_stops, seats,
buyer_holds, holds, bookings, blocks, claims, tickets, payments, refunds, events, idempotency_keys,
users, refresh_tokens, house_keys, audit_log TO omnibus_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO omnibus_app;

GRANT UPDATE (rev, epoch, facts, status, name, departs_at, arrives_at, sales_close_seconds, fares)
ON buses TO omnibus_app;
GRANT UPDATE (stop_id, arrives_at, departs_at) ON bus_stops TO omnibus_app;
GRANT UPDATE (states) ON seats TO omnibus_app;
GRANT UPDATE (seats_held, seats_max) ON buyer_holds TO omnibus_app;
GRANT UPDATE (state, seats, prices, expires_at, ended_at) ON holds TO omnibus_app;
GRANT UPDATE (status, expires_at, confirmed_at, ended_at, names, email, phone) ON bookings TO omnibus_app;
GRANT UPDATE (lifted_at) ON blocks TO omnibus_app;
GRANT UPDATE (status, cancelled_at) ON tickets TO omnibus_app;
GRANT UPDATE (status, settled_at) ON payments TO omnibus_app;
GRANT UPDATE (name, email, password_hash, role, operator_id, disabled_at) ON users TO omnibus_app;
GRANT UPDATE (used_at, revoked_at) ON refresh_tokens TO omnibus_app;
GRANT UPDATE (retired_at) ON house_keys TO omnibus_app;
GRANT DELETE ON claims, events, idempotency_keys, refresh_tokens TO omnibus_app;

-- The scope is a list of operators; unset or empty means none.
CREATE FUNCTION operators_in_scope() RETURNS integer[] LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('omnibus.operators', true), '')::integer[];

-- The public catalogue: anyone may read what is for sale, only the operator in scope may change it.
DO $$
DECLARE
    catalogue text;
BEGIN
    FOREACH catalogue IN ARRAY ARRAY[
        'routes', 'route_stops', 'layouts', 'layout_seats', 'buses', 'bus_stops', 'seats', 'events'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', catalogue);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', catalogue);
        EXECUTE format('CREATE POLICY %I ON %I FOR SELECT USING (true)', catalogue || '_read', catalogue);
        EXECUTE format(
            'CREATE POLICY %I ON %I FOR INSERT WITH CHECK (operator_id = ANY ((SELECT operators_in_scope())::integer[]))',
            catalogue || '_add', catalogue
        );
        EXECUTE format(
            'CREATE POLICY %I ON %I FOR UPDATE USING (operator_id = ANY ((SELECT operators_in_scope())::integer[]))',
            catalogue || '_change', catalogue
        );
        EXECUTE format(
            'CREATE POLICY %I ON %I FOR DELETE USING (operator_id = ANY ((SELECT operators_in_scope())::integer[]))',
            catalogue || '_remove', catalogue
        );
    END LOOP;
END
$$;

-- Private: without a scope there are no rows.
DO $$
DECLARE
    private text;
BEGIN
    FOREACH private IN ARRAY ARRAY[
        'buyer_holds', 'holds', 'bookings', 'blocks', 'claims', 'tickets', 'payments', 'refunds',
        'idempotency_keys'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', private);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', private);
        EXECUTE format(
            'CREATE POLICY %I ON %I USING (operator_id = ANY ((SELECT operators_in_scope())::integer[]))',
            private || '_of_operator', private
        );
    END LOOP;
END
$$;
