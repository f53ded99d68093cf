-- Adds to a counter and returns the sum as text; false when the value is no number.
-- KEYS: the counter. ARGV: version, amount, life in milliseconds (used only when the counter is made; negative: already over).
local have = redis.call('GET', KEYS[1])
if have then
  local number = tonumber(string.sub(have, 9))
  if not number then return false end
  local sum = string.format('%.0f', number + tonumber(ARGV[2]))
  redis.call('SET', KEYS[1], ARGV[1] .. sum, 'KEEPTTL')
  return sum
end
if tonumber(ARGV[3]) > 0 then redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3]) end
return ARGV[2]
