\set bus random(1, 20000)
\set place random(1, 39)
\set first (:bus - 1) * 40 + :place
\set second :first + 1
BEGIN;
SELECT id, seat_number, status FROM seats WHERE id IN (:first, :second) ORDER BY id FOR UPDATE;
UPDATE seats SET status = 'BOOKED', version = version + 1 WHERE id IN (:first, :second);
INSERT INTO bookings (user_id, bus_id, seat_ids, total_amount, status) VALUES (1, :bus, ARRAY[:first::integer, :second::integer], 40, 'CONFIRMED');
UPDATE buses SET rev = rev + 1 WHERE id = :bus;
COMMIT;
