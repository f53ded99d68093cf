-- Applies a batch: first every expectation is compared, then every write is made, so an error can only come before the first write.
-- KEYS: one for each value, two (order, expiry) for each index write. ARGV: for each write its kind and
-- arguments: p expect life value | d expect | r expect | i member score life | u member.
-- expect: * anything, - no value, otherwise the version. life: milliseconds, 0 for ever, negative already over.
-- A value is its version (8 bytes) and its bytes in one string. Returns 1 when something was written, 2 when everything was as it was to be, or 0 when
-- an expectation does not hold.
local changed = false
local at_key, at = 0, 1
local arguments = { p = 3, d = 1, r = 1, i = 3, u = 1 }
local writes = {}
while at <= #ARGV do
  local kind = ARGV[at]
  local write = { kind = kind, key = KEYS[at_key + 1], a = ARGV[at + 1], b = ARGV[at + 2], c = ARGV[at + 3] }
  at = at + 1 + arguments[kind]
  if kind == 'i' or kind == 'u' then
    write.expiry = KEYS[at_key + 2]
    at_key = at_key + 2
    -- A key of another type is refused here, before anything is written.
    redis.call('ZCARD', write.key)
    redis.call('ZCARD', write.expiry)
  else
    at_key = at_key + 1
    local have = redis.call('GETRANGE', write.key, 0, 7)
    if write.a == '-' then
      if have ~= '' then return 0 end
    elseif write.a ~= '*' and write.a ~= have then
      return 0
    end
  end
  writes[#writes + 1] = write
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function delete(write)
  if redis.call('DEL', write.key) > 0 then changed = true end
end

local function unindex(write, member)
  for _, key in ipairs({ write.key, write.expiry }) do
    if redis.call('ZREM', key, member) > 0 then changed = true end
  end
end

local function index(write)
  local life = tonumber(write.c)
  if life < 0 then return unindex(write, write.a) end
  if redis.call('ZADD', write.key, write.b, write.a) > 0 then changed = true end
  redis.call('ZADD', write.expiry, life == 0 and '+inf' or string.format('%.0f', now + life), write.a)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', write.expiry, '-inf', string.format('%.0f', now), 'LIMIT', 0, 100)) do
    unindex(write, member)
  end
  local last = redis.call('ZREVRANGE', write.expiry, 0, 0, 'WITHSCORES')[2]
  for _, key in ipairs({ write.key, write.expiry }) do
    if last == 'inf' then
      redis.call('PERSIST', key)
    else
      redis.call('PEXPIREAT', key, string.format('%.0f', tonumber(last)))
    end
  end
end

for _, write in ipairs(writes) do
  if write.kind == 'p' then
    local life = tonumber(write.b)
    if life < 0 then
      delete(write)
    else
      if life == 0 then redis.call('SET', write.key, write.c) else redis.call('SET', write.key, write.c, 'PX', write.b) end
      changed = true
    end
  elseif write.kind == 'd' then
    delete(write)
  elseif write.kind == 'i' then
    index(write)
  elseif write.kind == 'u' then
    unindex(write, write.a)
  end
end
return changed and 1 or 2
