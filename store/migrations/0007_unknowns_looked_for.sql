-- Old rows against the checks of the file before; sales go on meanwhile.
-- timeout: 10min

ALTER TABLE holds VALIDATE CONSTRAINT holds_lines_known;
ALTER TABLE bookings VALIDATE CONSTRAINT bookings_lines_known;
ALTER TABLE bookings VALIDATE CONSTRAINT bookings_deadline;
ALTER TABLE bookings VALIDATE CONSTRAINT bookings_categories_short;
ALTER TABLE layout_seats VALIDATE CONSTRAINT layout_seats_attributes_short;
