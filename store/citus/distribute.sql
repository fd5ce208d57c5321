-- Only ever run where the extension is; on one PostgreSQL nothing but `find_version` is asked.

-- name: find_version
SELECT e.extversion AS version FROM pg_extension AS e WHERE e.extname = 'citus';

-- name: find_undistributed
-- What belongs to a bus and is not spread yet, buses first: the others are placed beside them.
SELECT t.relname AS name
FROM pg_class AS t
INNER JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attname = 'bus_id' AND NOT a.attisdropped
WHERE
    t.relnamespace = 'public'::regnamespace AND t.relkind = 'r'
    AND NOT EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = t.oid AND p.partmethod = 'h')
ORDER BY t.relname <> 'buses', t.relname;

-- name: find_uncopied
-- Of the small tables $1, in their order, those that are not on every server yet.
SELECT t.relname AS name
FROM unnest($1::text[]) WITH ORDINALITY AS w (name, place)
INNER JOIN pg_class AS t ON t.relname = w.name AND t.relnamespace = 'public'::regnamespace
WHERE
    NOT EXISTS (
        SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = t.oid AND p.partmethod = 'n' AND p.repmodel = 't'
    )
ORDER BY w.place;

-- name: find_unsuited
-- Of what is spread, that which migrations have left as one server has it.
SELECT 'calls' AS name
WHERE
    EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = to_regclass('public.bus_stops'))
    AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = to_regclass('public.calls') AND c.relkind = 'v')
UNION ALL
SELECT DISTINCT t.relname::text AS name
FROM pg_trigger AS g
INNER JOIN pg_proc AS f ON f.oid = g.tgfoid AND f.proname = 'tell_catalogue'
INNER JOIN pg_class AS t ON t.oid = g.tgrelid AND t.relnamespace = 'public'::regnamespace
INNER JOIN pg_dist_partition AS p ON p.logicalrelid = t.oid
UNION ALL
SELECT 'numbers of buses' AS name
FROM pg_proc AS f
INNER JOIN pg_language AS l ON l.oid = f.prolang AND l.lanname = 'sql'
WHERE
    f.oid = to_regprocedure('public.next_bus_of(integer)')
    AND EXISTS (SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = to_regclass('public.buses'))
ORDER BY name;

-- name: is_spread
SELECT exists(SELECT FROM pg_dist_partition AS p WHERE p.logicalrelid = to_regclass('public.buses')) AS is_spread;

-- name: take_time
-- Rows that are there already are sent to where they belong. One connection a server: rows of small tables that this
-- transaction has copied are pointed at by rows it spreads.
SET LOCAL statement_timeout = '15min';
SET LOCAL client_min_messages = warning;
SELECT set_config('citus.multi_shard_modify_mode', 'sequential', true);

-- name: allow_triggers
-- Ours look at the row, or at the shard they run on, and nowhere else: that is what is safe about them.
SELECT set_config('citus.enable_unsafe_triggers', 'on', false);

-- name: copy_everywhere
SELECT create_reference_table(format('public.%I', $1::text)::regclass);

-- name: spread
-- By bus, and every bus's rows of all tables side by side: $1 table, $2 the table it is placed beside.
SELECT create_distributed_table(format('public.%I', $1::text)::regclass, 'bus_id', colocate_with => $2::text);

-- name: plain_policies
-- Citus takes no subquery in a policy. Without it the scope is read once a row, not once a statement.
SELECT
    format('ALTER POLICY %I ON public.%I ', p.polname, t.relname)
    || coalesce(' USING (' || replace(pg_get_expr(p.polqual, t.oid), s.subquery, s.plain) || ')', '')
    || coalesce(' WITH CHECK (' || replace(pg_get_expr(p.polwithcheck, t.oid), s.subquery, s.plain) || ')', '')
        AS statement
FROM pg_policy AS p
INNER JOIN pg_class AS t ON t.oid = p.polrelid AND t.relnamespace = 'public'::regnamespace
CROSS JOIN (
    VALUES ('( SELECT operators_in_scope() AS operators_in_scope)::integer[]', 'operators_in_scope()')
) AS s (subquery, plain)
WHERE strpos(concat(pg_get_expr(p.polqual, t.oid), pg_get_expr(p.polwithcheck, t.oid)), s.subquery) > 0;

-- name: forced_tables
-- Forced row security would hide rows from the owner who sends them: of the tables $1.
SELECT t.relname AS name
FROM pg_class AS t
WHERE t.relnamespace = 'public'::regnamespace AND t.relname = any($1::text[]) AND t.relforcerowsecurity;

-- name: foreign_keys
-- Of the tables $1: dropped while the tables are on their way, made again when all have arrived.
SELECT
    format('ALTER TABLE public.%I DROP CONSTRAINT %I', t.relname, c.conname) AS removal,
    format('ALTER TABLE public.%I ADD CONSTRAINT %I %s', t.relname, c.conname, pg_get_constraintdef(c.oid)) AS statement
FROM pg_constraint AS c
INNER JOIN pg_class AS t ON t.oid = c.conrelid
WHERE c.contype = 'f' AND t.relnamespace = 'public'::regnamespace AND t.relname = any($1::text[])
ORDER BY t.relname, c.conname;

-- name: scope_everywhere
-- `set_config` is not passed on to the servers that hold the rows. SET LOCAL is, and ends with its transaction there.
CREATE OR REPLACE FUNCTION set_config_everywhere(name text, value text, is_local boolean) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_local THEN
        RAISE EXCEPTION 'what holds for one transaction only can be set everywhere';
    END IF;
    EXECUTE format('SET LOCAL %s = %L', name, coalesce(value, ''));
    RETURN value;
END
$$;

-- name: check_stops_of_shard
-- The rows of a statement are known to no query on a distributed table; the trigger runs on a shard, so it asks that.
CREATE OR REPLACE FUNCTION refuse_unordered_stops() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    faulty bigint;
BEGIN
    EXECUTE format(
        'SELECT ordered.bus_id
        FROM (
            SELECT s.bus_id, s.idx, s.arrives_at,
                lag(s.departs_at) OVER stops_of_bus AS left_previous_at,
                row_number() OVER stops_of_bus - 1 AS place
            FROM %I.%I AS s
            WHERE s.bus_id IN (SELECT changed.bus_id FROM changed)
            WINDOW stops_of_bus AS (PARTITION BY s.bus_id ORDER BY s.idx)
        ) AS ordered
        WHERE ordered.arrives_at < ordered.left_previous_at OR ordered.place <> ordered.idx
        LIMIT 1',
        TG_TABLE_SCHEMA, TG_TABLE_NAME
    ) INTO faulty;
    IF faulty IS NOT NULL THEN
        RAISE EXCEPTION 'the stops of bus % are not in order', faulty
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bus_stops_ordered';
    END IF;
    RETURN NULL;
END
$$;

-- name: key_claims
-- Which rows a statement has touched is known to no query on a distributed table, and these triggers ask several: a
-- shard gets the keys that they stand for. No less is refused: the seat's key pins the claim's operator to that of the
-- bus, and whatever owns it has a key to the bus of its own.
DROP TRIGGER IF EXISTS claims_of_seat_and_owner_on_insert ON claims;
DROP TRIGGER IF EXISTS claims_of_seat_and_owner_on_update ON claims;
DROP TRIGGER IF EXISTS seats_with_claims_stay ON seats;
DROP TRIGGER IF EXISTS bookings_with_claims_stay ON bookings;
DROP TRIGGER IF EXISTS holds_with_claims_stay ON holds;
DROP TRIGGER IF EXISTS blocks_with_claims_stay ON blocks;
DROP FUNCTION IF EXISTS refuse_stray_claims();
DROP FUNCTION IF EXISTS refuse_to_leave_claims();
ALTER TABLE claims
ADD CONSTRAINT claims_bus_id_seat_no_operator_id_fkey FOREIGN KEY (bus_id, seat_no, operator_id)
REFERENCES seats (bus_id, seat_no, operator_id),
ADD CONSTRAINT claims_bus_id_hold_id_fkey FOREIGN KEY (bus_id, hold_id) REFERENCES holds (bus_id, hold_id),
ADD CONSTRAINT claims_bus_id_booking_id_fkey FOREIGN KEY (bus_id, booking_id)
REFERENCES bookings (bus_id, booking_id),
ADD CONSTRAINT claims_bus_id_block_id_fkey FOREIGN KEY (bus_id, block_id) REFERENCES blocks (bus_id, block_id);

-- name: free_users
-- A key to a copied table would make these tables of the cluster too, and what changes them may not look at the clock.
-- No operator is ever removed, so seeing that there is one is enough.
ALTER TABLE users DROP CONSTRAINT IF EXISTS users_operator_id_fkey;
CREATE OR REPLACE FUNCTION refuse_unknown_operator() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.operator_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM operators AS o WHERE o.operator_id = new.operator_id
    ) THEN
        RAISE EXCEPTION 'there is no operator %', new.operator_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'users_operator_id_fkey';
    END IF;
    RETURN new;
END
$$;
CREATE OR REPLACE TRIGGER users_operator_id_fkey BEFORE INSERT OR UPDATE OF operator_id ON users
FOR EACH ROW EXECUTE FUNCTION refuse_unknown_operator();

-- name: forget_months
-- A trigger on a shard writes no other table, so nothing copies calls by month: each server searches its own part of
-- the stops, by an index of its own.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = to_regclass('public.calls') AND c.relkind = 'p') THEN
        DROP TRIGGER bus_stops_calls_on_insert ON bus_stops;
        DROP TRIGGER bus_stops_calls_on_update ON bus_stops;
        DROP TRIGGER bus_stops_calls_on_delete ON bus_stops;
        DROP TRIGGER bus_stops_calls_on_truncate ON bus_stops;
        DROP FUNCTION keep_calls();
        DROP FUNCTION open_month(date);
        DROP FUNCTION forget_months(date);
        DROP TABLE calls;
        DROP SCHEMA months;
    END IF;
END
$$;
DROP INDEX IF EXISTS bus_stops_stop_idx;
CREATE INDEX IF NOT EXISTS bus_stops_departures_idx ON bus_stops (stop_id, departs_at, bus_id);

-- name: forget_as_asked
-- What lies on a shard is changed by one transaction in one role only: answers are forgotten as who erases a person.
ALTER FUNCTION forget_answers(bigint[], text[]) SECURITY INVOKER;
GRANT DELETE ON idempotency_keys TO omnibus_app;

-- name: tell_nobody
-- Whoever has told something cannot commit together with other servers, and nobody listens on a shard: processes keep
-- searches for a second only (server/services.py).
DROP TRIGGER IF EXISTS buses_told ON buses;
DROP TRIGGER IF EXISTS bus_stops_told ON bus_stops;
DROP TRIGGER IF EXISTS leg_fares_told ON leg_fares;
DROP TRIGGER IF EXISTS routes_told ON routes;
DROP TRIGGER IF EXISTS stops_told ON stops;
DROP TRIGGER IF EXISTS operators_told ON operators;
DROP FUNCTION IF EXISTS tell_catalogue();

-- name: search_stops
-- What searches ask for by month elsewhere. Once the stops are where they belong: the servers are told of it, too.
CREATE OR REPLACE VIEW calls WITH (security_invoker = true) AS
SELECT s.bus_id, s.idx, s.operator_id, s.stop_id, s.departs_at, s.can_board, s.can_alight FROM bus_stops AS s;
GRANT SELECT ON calls TO omnibus_app, omnibus_worker, omnibus_readonly;

-- name: place_by_region
-- Numbers are taken until one's shard lies on a server of the operator's region: of three servers, every third.
-- An operator of no region sells anywhere. `may_lie_in_region` is for the rule by which shards are moved: each stays
-- among the servers of the region it is in.
CREATE OR REPLACE FUNCTION next_bus_of(operator integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    wanted text := (SELECT o.region FROM operators AS o WHERE o.operator_id = operator);
    shards bigint[];
    bus bigint;
BEGIN
    IF wanted IS NULL THEN
        RETURN nextval('buses_bus_id_seq');
    END IF;
    shards := ARRAY(
        SELECT s.shardid
        FROM pg_dist_shard AS s
        INNER JOIN pg_dist_placement AS p ON p.shardid = s.shardid
        INNER JOIN pg_dist_node AS n ON n.groupid = p.groupid AND n.noderole = 'primary'
        INNER JOIN region_servers AS r ON r.host = n.nodename AND r.port = n.nodeport
        WHERE s.logicalrelid = 'buses'::regclass AND r.region = wanted
    );
    IF shards = '{}' THEN
        RAISE EXCEPTION 'no server of region % holds any buses', wanted
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    LOOP
        bus := nextval('buses_bus_id_seq');
        EXIT WHEN get_shard_id_for_distribution_column('buses', bus) = any(shards);
    END LOOP;
    RETURN bus;
END
$$;
CREATE OR REPLACE FUNCTION region_of_group(wanted integer) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT r.region
    FROM pg_dist_node AS n
    INNER JOIN region_servers AS r ON r.host = n.nodename AND r.port = n.nodeport
    WHERE n.groupid = wanted AND n.noderole = 'primary'
$$;
CREATE OR REPLACE FUNCTION may_lie_in_region(wanted_shard bigint, wanted_node integer) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT region_of_group(n.groupid) IS NOT DISTINCT FROM region_of_group(p.groupid)
    FROM pg_dist_placement AS p
    CROSS JOIN pg_dist_node AS n
    WHERE p.shardid = wanted_shard AND n.nodeid = wanted_node
    LIMIT 1
$$;

-- name: let_roles_in
-- Servers of a cluster reach each other as whoever asks, so the roles that sell and sweep must be able to log in; and
-- what a session says about itself is not passed on either. Of the roles $1, what is not so yet.
SELECT format('ALTER ROLE %I LOGIN', r.rolname) AS statement
FROM pg_roles AS r
WHERE r.rolname = any($1::text[]) AND NOT r.rolcanlogin
UNION ALL
SELECT format('ALTER ROLE %I SET lock_timeout = %L', r.rolname, '1s') AS statement
FROM pg_roles AS r
LEFT JOIN pg_db_role_setting AS s ON s.setrole = r.oid AND s.setdatabase = 0
WHERE r.rolname = any($1::text[]) AND NOT coalesce('lock_timeout=1s' = any(s.setconfig), false);

-- name: let_roles_lock
-- An INSERT ... ON CONFLICT locks a copied table on every server, any change of one those that it points at, and only
-- who may change all of a table's rows may lock it so.
-- TRUNCATE is the one such right that gives no other: each of these is pointed at by tables that may not be truncated,
-- but codes that pair devices, which are good for five minutes only, and the rules that are sold under by default,
-- which the audit log tells as well.
GRANT TRUNCATE ON
operators, stops, routes, layouts, vehicles, devices, device_codes, refund_defaults, shifts
TO omnibus_app;
GRANT TRUNCATE ON operators, stops, devices TO omnibus_worker;
