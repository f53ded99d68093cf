-- A page of an index, ordered by (score, member): score, member, score, member ...
-- KEYS: order, expiry. ARGV: limit, then optionally score and member after which the page begins.
local limit, at = tonumber(ARGV[1]), 0
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- Lua compares text by locale; Redis orders members by bytes.
local function after(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

if ARGV[2] then
  local score = redis.call('ZSCORE', KEYS[1], ARGV[3])
  if score and tonumber(score) == tonumber(ARGV[2]) then
    at = redis.call('ZRANK', KEYS[1], ARGV[3]) + 1
  else
    -- The member is gone: find its place among those of the same score.
    at = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[2])
    local same = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], ARGV[2])
    for _, member in ipairs(same) do
      if after(member, ARGV[3]) then break end
      at = at + 1
    end
  end
end

local found = {}
while #found < limit * 2 do
  local chunk = redis.call('ZRANGE', KEYS[1], at, at + limit - 1, 'WITHSCORES')
  if #chunk == 0 then break end
  at = at + #chunk / 2
  for i = 1, #chunk, 2 do
    local until_ = redis.call('ZSCORE', KEYS[2], chunk[i])
    if until_ and tonumber(until_) > now and #found < limit * 2 then
      found[#found + 1] = string.format('%.0f', tonumber(chunk[i + 1]))
      found[#found + 1] = chunk[i]
    end
  end
end
return found
