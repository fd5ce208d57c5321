-- Names are found however they are typed: "malaga" is Málaga, "koln" Köln, "lodz" Łódź. Letters are taken apart
-- (Unicode's NFKD), their accents left out, and what Unicode does not take apart is written as without the key for it.
-- Capitals are small last: what is left of a Latin letter then is ASCII, which every collation knows (of others only
-- some do). Greek ends words with a letter of its own, which its capital is not.
CREATE FUNCTION folded(written text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT replace(replace(replace(replace(replace(replace(replace(replace(
        translate(
            lower(regexp_replace(normalize($1, NFKD), '[\u0300-\u036f]', '', 'g')),
            'øØłŁđĐðÐħĦıς', 'oollddddhhiσ'
        ),
        'ß', 'ss'), 'ẞ', 'ss'), 'æ', 'ae'), 'Æ', 'ae'), 'œ', 'oe'), 'Œ', 'oe'), 'þ', 'th'), 'Þ', 'th')
$$;

-- Thousands of stops, not millions: looked through whole, so what is looked at is kept. Writing it takes a moment.
-- squawk-ignore adding-field-with-default
ALTER TABLE stops ADD COLUMN folded text NOT NULL GENERATED ALWAYS AS (folded(name)) STORED;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX stops_name_idx;
