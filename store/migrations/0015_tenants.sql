-- Operators as tenants: an audit log that proves its own completeness, and a role for every kind of work.
-- timeout: 10min
-- The roles themselves are the cluster's, not the database's: `omnibus migrate` makes them first (store/roles.py).
-- squawk-ignore-file constraint-missing-not-valid, require-concurrent-index-creation

-- Who sells is no secret, so anyone may read it; only the operator in scope may change its row, or lock it. Not forced:
-- whoever owns the database sets operators up.
ALTER TABLE operators ADD CONSTRAINT operators_not_the_platform CHECK (operator_id <> 0);
ALTER TABLE operators ENABLE ROW LEVEL SECURITY;
CREATE POLICY operators_read ON operators FOR SELECT USING (true);
CREATE POLICY operators_add ON operators FOR INSERT WITH CHECK (true);
CREATE POLICY operators_change ON operators FOR UPDATE
USING (operator_id = any((SELECT operators_in_scope())::integer[]));

-- The audit log is a chain for each operator, and one for the platform, which is operator 0 here: every entry is sealed
-- with a digest of itself and of the seal before it. No key points at the entry: nothing removes one, and whoever does
-- it all the same is found out by what is left.
CREATE TABLE audit_seals (
    operator_id integer NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    audit_id bigint NOT NULL,
    previous bytea NOT NULL CHECK (octet_length(previous) = 32),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    CONSTRAINT audit_seals_pkey PRIMARY KEY (operator_id, position),
    CONSTRAINT audit_seals_once UNIQUE (audit_id)
);

-- Where each chain ends: the very last lock of a transaction.
CREATE TABLE audit_heads (
    operator_id integer NOT NULL,
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(hash) = 32),
    CONSTRAINT audit_heads_pkey PRIMARY KEY (operator_id)
) WITH (fillfactor = 70);

-- How far the worker has verified each chain, and what it found.
CREATE TABLE audit_checks (
    operator_id integer NOT NULL,
    position bigint NOT NULL CHECK (position >= 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    broken_at bigint CHECK (broken_at >= 0),
    checked_at timestamptz NOT NULL,
    CONSTRAINT audit_checks_pkey PRIMARY KEY (operator_id)
);

-- Every field with its length before it, so that no two entries read alike; `store/audit_chain.py` does the same sum.
CREATE FUNCTION audit_digest(previous bytea, place bigint, entry audit_log) RETURNS bytea LANGUAGE sql STABLE
RETURN (
    SELECT
        sha256(previous || convert_to(
            string_agg(coalesce(octet_length(f.value) || ':' || f.value, '-'), ',' ORDER BY f.n), 'UTF8'
        ))
    FROM
        unnest(ARRAY[
            place::text, (entry).audit_id::text, (entry).operator_id::text,
            (extract(EPOCH FROM (entry).at) * 1000000)::bigint::text, (entry).actor_id::text, (entry).action,
            (entry).subject, (entry).detail::text
        ]) WITH ORDINALITY AS f (value, n)
);

CREATE FUNCTION seal_entry(entry audit_log) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    head audit_heads;
    digest bytea;
BEGIN
    INSERT INTO audit_heads (operator_id) VALUES (coalesce(entry.operator_id, 0)) ON CONFLICT DO NOTHING;
    SELECT h.* INTO STRICT head FROM audit_heads AS h WHERE h.operator_id = coalesce(entry.operator_id, 0) FOR UPDATE;
    digest := audit_digest(head.hash, head.position + 1, entry);
    INSERT INTO audit_seals (operator_id, position, audit_id, previous, hash)
    VALUES (head.operator_id, head.position + 1, entry.audit_id, head.hash, digest);
    UPDATE audit_heads AS h SET position = h.position + 1, hash = digest WHERE h.operator_id = head.operator_id;
END
$$;

-- Runs when a transaction commits, after everything else that it locks, with the rights of whoever owns the tables: the
-- application may add to the log and to nothing that proves it. A transaction that has written to several chains takes
-- all of their heads in one order before it seals the first entry; entries that others wrote have their seals already.
CREATE FUNCTION seal_audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    chain integer;
BEGIN
    FOR chain IN
        SELECT DISTINCT coalesce(l.operator_id, 0)
        FROM audit_log AS l
        WHERE l.audit_id >= new.audit_id AND NOT EXISTS (SELECT FROM audit_seals AS s WHERE s.audit_id = l.audit_id)
        ORDER BY 1
    LOOP
        INSERT INTO audit_heads (operator_id) VALUES (chain) ON CONFLICT DO NOTHING;
        PERFORM FROM audit_heads AS h WHERE h.operator_id = chain FOR UPDATE;
    END LOOP;
    PERFORM seal_entry(new);
    RETURN NULL;
END
$$;

CREATE INDEX audit_log_chain_idx ON audit_log (coalesce(operator_id, 0), audit_id);

-- What was logged before is sealed in the order in which it was.
DO $$
DECLARE
    entry audit_log;
BEGIN
    FOR entry IN SELECT l.* FROM audit_log AS l ORDER BY l.audit_id LOOP
        PERFORM seal_entry(entry);
    END LOOP;
END
$$;

CREATE CONSTRAINT TRIGGER audit_log_sealed AFTER INSERT ON audit_log
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION seal_audit();

CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER audit_seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals
FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

-- What concerns no operator is read in the platform's scope only; whoever does something may have it logged.
-- Not forced, any of the four: the seals are set as their owner.
DROP POLICY audit_log_of_operator ON audit_log;
CREATE POLICY audit_log_read ON audit_log FOR SELECT
USING (coalesce(operator_id, 0) = any((SELECT operators_in_scope())::integer[]));
CREATE POLICY audit_log_add ON audit_log FOR INSERT
WITH CHECK (operator_id IS NULL OR operator_id = any((SELECT operators_in_scope())::integer[]));
ALTER TABLE audit_seals ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_seals_of_operator ON audit_seals
USING (operator_id = any((SELECT operators_in_scope())::integer[]));
ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_heads_of_operator ON audit_heads
USING (operator_id = any((SELECT operators_in_scope())::integer[]));
ALTER TABLE audit_checks ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_checks_of_operator ON audit_checks
USING (operator_id = any((SELECT operators_in_scope())::integer[]));

-- The application: it adds to the log (number and time are the database's), and forgets nothing. That is the worker's.
REVOKE INSERT ON audit_log FROM omnibus_app;
GRANT INSERT (operator_id, actor_id, action, subject, detail) ON audit_log TO omnibus_app;
GRANT SELECT ON audit_seals, audit_heads, audit_checks TO omnibus_app;
REVOKE DELETE ON events, idempotency_keys, buyer_holds, refresh_tokens FROM omnibus_app;
REVOKE INSERT ON invariant_checks FROM omnibus_app;
REVOKE UPDATE (violations, bus_ids, checked_at) ON invariant_checks FROM omnibus_app;
REVOKE UPDATE (epoch) ON buses FROM omnibus_app;
REVOKE UPDATE (stop_id) ON bus_stops FROM omnibus_app;

-- All that the application may take out of what was answered: what erased people had booked, in the scope it has.
CREATE FUNCTION forget_answers(buses bigint[], refs text[]) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DELETE FROM idempotency_keys AS k
WHERE
    k.bus_id = any(buses)
    AND EXISTS (
        SELECT FROM unnest(buses, refs) AS w (bus_id, ref)
        WHERE w.bus_id = k.bus_id AND position(convert_to('"' || w.ref || '"', 'UTF8') IN k.response) > 0
    )
$$;
REVOKE ALL ON FUNCTION forget_answers(bigint[], text[]) FROM public;
GRANT EXECUTE ON FUNCTION forget_answers(bigint[], text[]) TO omnibus_app;

-- The worker: it ends what is over, forgets what is old, verifies. It sells nothing and reads no secret of anybody's.
GRANT USAGE ON SCHEMA public TO omnibus_worker;
GRANT SELECT ON operators, stops, layouts, layout_seats, buses, bus_stops, leg_fares, seats, buyer_holds, holds,
bookings, blocks, claims, tickets, payments, refunds, events, idempotency_keys, invariant_checks, audit_log,
audit_seals, audit_heads, audit_checks TO omnibus_worker;
GRANT SELECT (family, family_expires_at) ON refresh_tokens TO omnibus_worker;
GRANT INSERT ON buyer_holds, claims, events, idempotency_keys, invariant_checks, audit_checks TO omnibus_worker;
GRANT UPDATE (rev) ON buses TO omnibus_worker;
GRANT UPDATE (states) ON seats TO omnibus_worker;
GRANT UPDATE (seats_held, seats_max, holds_held, holds_max) ON buyer_holds TO omnibus_worker;
GRANT UPDATE (state, ended_at, network) ON holds TO omnibus_worker;
GRANT UPDATE (status, expires_at, confirmed_at, ended_at, network) ON bookings TO omnibus_worker;
GRANT UPDATE (violations, bus_ids, checked_at) ON invariant_checks TO omnibus_worker;
GRANT UPDATE (position, hash, broken_at, checked_at) ON audit_checks TO omnibus_worker;
GRANT DELETE ON buyer_holds, claims, events, idempotency_keys, refresh_tokens TO omnibus_worker;

-- It also sends the mails, for which it makes the tokens of links, with a key that is good for nothing else.
GRANT SELECT, DELETE ON mails TO omnibus_worker;
GRANT UPDATE (user_id, recipient, state, attempts, due_at, sent_at, last_error) ON mails TO omnibus_worker;
GRANT SELECT, INSERT, DELETE ON mailed_tokens TO omnibus_worker;
GRANT UPDATE (expires_at) ON mailed_tokens TO omnibus_worker;
GRANT SELECT (user_id, email, disabled_at) ON users TO omnibus_worker;
GRANT SELECT, DELETE ON session_ends TO omnibus_worker;
REVOKE DELETE ON session_ends FROM omnibus_app;
GRANT SELECT, INSERT ON house_keys TO omnibus_worker;
GRANT INSERT (operator_id, actor_id, action, subject, detail) ON audit_log TO omnibus_worker;
ALTER TABLE house_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY house_keys_of_application ON house_keys TO omnibus_app USING (true);
CREATE POLICY house_keys_of_worker ON house_keys TO omnibus_worker USING (purpose = 'mail_links');

-- Whoever only looks: nothing that opens anything (keys, hashes of passwords, sessions, ids of holds, codes of tickets,
-- stored answers), and of an operator's private rows those of the operators that the transaction names.
GRANT USAGE ON SCHEMA public TO omnibus_readonly;
GRANT SELECT ON operators, stops, routes, route_stops, layouts, layout_seats, buses, bus_stops, leg_fares, seats,
blocks, payments, refunds, events, invariant_checks, audit_log, audit_seals, audit_heads, audit_checks TO
omnibus_readonly;
GRANT SELECT (
    bus_id, operator_id, state, user_id, from_idx, to_idx, seats, prices, created_at, expires_at, ended_at, is_extended
) ON holds TO omnibus_readonly;
GRANT SELECT (
    bus_id, booking_id, operator_id, ref, status, user_id, sold_by, from_idx, to_idx, seats, prices, names, categories,
    method, email, phone, created_at, expires_at, confirmed_at, ended_at
) ON bookings TO omnibus_readonly;
GRANT SELECT (bus_id, seat_no, segment, operator_id, booking_id, block_id) ON claims TO omnibus_readonly;
GRANT SELECT (bus_id, booking_id, seat_no, operator_id, status, issued_at, cancelled_at) ON tickets
TO omnibus_readonly;
GRANT SELECT (user_id, role, operator_id, disabled_at, created_at) ON users TO omnibus_readonly;
