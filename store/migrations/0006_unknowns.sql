-- A check passes what it cannot tell: NULL inside an array, or in a comparison, went through. These say no to it.
-- Not valid yet, so that nothing waits while old rows are looked at: that is for the next file.

ALTER TABLE holds
ADD CONSTRAINT holds_lines_known CHECK (
    array_position(seats, NULL) IS NULL AND array_position(prices, NULL) IS NULL
) NOT VALID;
ALTER TABLE bookings
ADD CONSTRAINT bookings_lines_known CHECK (
    array_position(seats, NULL) IS NULL AND array_position(prices, NULL) IS NULL
    AND array_position(names::text[], NULL) IS NULL AND array_position(categories, NULL) IS NULL
) NOT VALID;

-- Whoever has to pay has until when.
ALTER TABLE bookings
ADD CONSTRAINT bookings_deadline CHECK (status <> 'PENDING' OR expires_at IS NOT NULL) NOT VALID;

-- Every text has a limit, also in an array.
ALTER TABLE bookings
ADD CONSTRAINT bookings_categories_short CHECK (char_length(array_to_string(categories, '')) <= 2000) NOT VALID;
ALTER TABLE layout_seats
ADD CONSTRAINT layout_seats_attributes_short CHECK (
    char_length(array_to_string(attributes, '')) <= 500 AND array_position(attributes, NULL) IS NULL
) NOT VALID;

-- A lifted block stays lifted: its seats may have been sold since.
CREATE FUNCTION refuse_illegal_block_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.lifted_at IS NOT NULL THEN
        RAISE EXCEPTION 'block % was lifted', old.block_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'blocks_legal_move';
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER blocks_legal_move BEFORE UPDATE ON blocks
FOR EACH ROW EXECUTE FUNCTION refuse_illegal_block_move();

-- The log of an operator is private; what concerns no operator is the platform's.
-- Not forced: whoever owns the database reads all of it.
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_log_of_operator ON audit_log
USING (operator_id IS NULL OR operator_id = any((SELECT operators_in_scope())::integer[]));
