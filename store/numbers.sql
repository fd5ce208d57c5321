-- name: next_numbers
SELECT nextval('booking_numbers') AS start;
