-- Legal moves only. What has ended stays as it ended.

CREATE FUNCTION refuse_illegal_hold_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.state <> 'ACTIVE' THEN
        RAISE EXCEPTION 'hold % has ended as %', old.hold_id, old.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'holds_legal_move';
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER holds_legal_move BEFORE UPDATE ON holds
FOR EACH ROW EXECUTE FUNCTION refuse_illegal_hold_move();

CREATE FUNCTION refuse_illegal_booking_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.status = new.status AND old.status IN ('PENDING', 'CONFIRMED', 'PARTIALLY_CANCELLED') THEN
        RETURN new;
    END IF;
    IF (old.status, new.status) NOT IN (
        ('PENDING', 'CONFIRMED'), ('PENDING', 'CANCELLED'), ('PENDING', 'EXPIRED'), ('PENDING', 'FAILED'),
        ('CONFIRMED', 'CANCELLED'), ('CONFIRMED', 'PARTIALLY_CANCELLED'), ('PARTIALLY_CANCELLED', 'CANCELLED')
    ) THEN
        RAISE EXCEPTION 'booking % cannot go from % to %', old.ref, old.status, new.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_legal_move';
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER bookings_legal_move BEFORE UPDATE ON bookings
FOR EACH ROW EXECUTE FUNCTION refuse_illegal_booking_move();

CREATE FUNCTION refuse_illegal_payment_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.status <> 'PENDING' THEN
        RAISE EXCEPTION 'payment % is settled as %', old.payment_id, old.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_legal_move';
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER payments_legal_move BEFORE UPDATE ON payments
FOR EACH ROW EXECUTE FUNCTION refuse_illegal_payment_move();

CREATE FUNCTION refuse_illegal_ticket_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.status <> 'VALID' THEN
        RAISE EXCEPTION 'ticket % is %', old.code, old.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tickets_legal_move';
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER tickets_legal_move BEFORE UPDATE ON tickets
FOR EACH ROW EXECUTE FUNCTION refuse_illegal_ticket_move();
