-- A claim's seat and owner are looked up once a statement instead of once a row: a foreign key runs a query of its own
-- for every row, which for whole-route sales of long lines cost more than everything else a booking writes.
-- What is refused stays the same, and more: the owner must be of the claim's operator.
-- The constraints go when their triggers are there, in one transaction.
-- squawk-ignore-file ban-drop-constraint

CREATE FUNCTION refuse_stray_claims() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stray record;
BEGIN
    -- Probed one by one through the primary keys, whatever the planner thinks of the number of rows.
    SELECT c.bus_id, c.seat_no INTO stray
    FROM (
        SELECT DISTINCT a.bus_id, a.operator_id, a.seat_no, a.hold_id, a.booking_id, a.block_id FROM added AS a
    ) AS c
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM seats AS s
        WHERE s.bus_id = c.bus_id AND s.seat_no = c.seat_no AND s.operator_id = c.operator_id
        LIMIT 1
    ) AS seat ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM bookings AS b
        WHERE b.bus_id = c.bus_id AND b.booking_id = c.booking_id AND b.operator_id = c.operator_id
        LIMIT 1
    ) AS booking ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM holds AS h
        WHERE h.bus_id = c.bus_id AND h.hold_id = c.hold_id AND h.operator_id = c.operator_id
        LIMIT 1
    ) AS hold ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM blocks AS b
        WHERE b.bus_id = c.bus_id AND b.block_id = c.block_id AND b.operator_id = c.operator_id
        LIMIT 1
    ) AS block ON true
    WHERE seat.is_there IS NULL OR coalesce(booking.is_there, hold.is_there, block.is_there) IS NULL
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a claim on seat % of bus % has no such seat or owner', stray.seat_no, stray.bus_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'claims_of_seat_and_owner';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER claims_of_seat_and_owner_on_insert AFTER INSERT ON claims
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_stray_claims();
CREATE TRIGGER claims_of_seat_and_owner_on_update AFTER UPDATE ON claims
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_stray_claims();

-- Nor may what a claim names go away. The application may not delete any of these; whoever may is told.
CREATE FUNCTION refuse_to_leave_claims() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_claimed boolean;
BEGIN
    IF TG_TABLE_NAME = 'seats' THEN
        SELECT EXISTS (
            SELECT FROM gone AS g
            INNER JOIN claims AS c ON c.bus_id = g.bus_id AND c.seat_no = g.seat_no
        ) INTO is_claimed;
    ELSIF TG_TABLE_NAME = 'bookings' THEN
        SELECT EXISTS (
            SELECT FROM gone AS g
            INNER JOIN claims AS c ON c.bus_id = g.bus_id AND c.booking_id = g.booking_id
        ) INTO is_claimed;
    ELSIF TG_TABLE_NAME = 'holds' THEN
        SELECT EXISTS (
            SELECT FROM gone AS g
            INNER JOIN claims AS c ON c.bus_id = g.bus_id AND c.hold_id = g.hold_id
        ) INTO is_claimed;
    ELSE
        SELECT EXISTS (
            SELECT FROM gone AS g
            INNER JOIN claims AS c ON c.bus_id = g.bus_id AND c.block_id = g.block_id
        ) INTO is_claimed;
    END IF;
    IF is_claimed THEN
        RAISE EXCEPTION 'rows of % still have claims', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = TG_TABLE_NAME || '_with_claims_stay';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER seats_with_claims_stay AFTER DELETE ON seats
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_leave_claims();
CREATE TRIGGER bookings_with_claims_stay AFTER DELETE ON bookings
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_leave_claims();
CREATE TRIGGER holds_with_claims_stay AFTER DELETE ON holds
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_leave_claims();
CREATE TRIGGER blocks_with_claims_stay AFTER DELETE ON blocks
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_leave_claims();

ALTER TABLE claims
DROP CONSTRAINT claims_bus_id_seat_no_operator_id_fkey,
DROP CONSTRAINT claims_bus_id_hold_id_fkey,
DROP CONSTRAINT claims_bus_id_booking_id_fkey,
DROP CONSTRAINT claims_bus_id_block_id_fkey;
