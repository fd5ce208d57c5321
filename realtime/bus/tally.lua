-- Counts uses of allowances (generic cell rate algorithm, by this server's clock), many in one call.
--
-- A key's debt is how long it would take, unused, until its whole burst were there again. KEYS has one key for each use;
-- ARGV three values: what the use costs and how far the debt may go, in microseconds, and whether that is a question
-- ("?": counted only if it fits) or news ("!": counted in any case; a negative cost gives back).
--
-- Answers the clock, then each debt, as one text: a client reads that at once, an array element by element. -1 - debt
-- stands for a question whose answer is no.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local answers = {string.format('%.0f', now)}
for i, key in ipairs(KEYS) do
  local cost, most, kind = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), ARGV[3 * i]
  local debt = math.max(0, (tonumber(redis.call('GET', key)) or 0) - now)
  local is_adrift = debt > 2 * most
  if is_adrift then
    -- The clock was set back: nobody waits longer than for a whole burst.
    debt = most
  end
  local is_refused = kind == '?' and debt + cost > most
  if not is_refused then
    debt = math.max(0, debt + cost)
  end
  if is_adrift or not is_refused then
    -- Not tostring: it rounds to fourteen digits.
    redis.call('SET', key, string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000) + 1)
  end
  answers[i + 1] = string.format('%.0f', is_refused and -1 - debt or debt)
end
return table.concat(answers, ' ')
