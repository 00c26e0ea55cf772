import { sha1 } from '../tokens/digest.js'
import { REVOCATIONS_CHANNEL } from './revocations.js'

/** A Lua script and the name Redis knows it by. */
export interface RedisScript {
  readonly text: string
  readonly sha: string
}

function script(text: string): RedisScript {
  return { text, sha: sha1(text) }
}

/** Records outlive their end by a minute, and index entries by an hour: a clock that is ahead must not lose a live one. */
const RECORD_GRACE_MS = 60_000
const INDEX_GRACE_MS = 3_600_000

/** Session keys: KEYS[1] the record, KEYS[2] the index of the user, a sorted set of ids by end. */
const KEEP = `
  local function keep(record, ends, now, id)
    local ttl = math.max(1, ends - now + ${RECORD_GRACE_MS})
    redis.call('SET', KEYS[1], record, 'PX', string.format('%.0f', ttl))
    redis.call('ZADD', KEYS[2], string.format('%.0f', ends), id)
    if redis.call('PTTL', KEYS[2]) < ttl then redis.call('PEXPIRE', KEYS[2], string.format('%.0f', ttl)) end
  end`

/** News that cannot be told, for want of rights to the channel, must not undo the half of an end. */
const TELL = `
  local function tell(id, user)
    redis.pcall('PUBLISH', '${REVOCATIONS_CHANNEL}', '{"session_id":"' .. id .. '","user_id":' .. user .. '}')
  end
  local function endAndUser(record)
    local ends, user = string.match(record, '^%d+\\n(%d+)\\n%d+\\n([^\\n]*)')
    return tonumber(ends), user
  end`

/** now, id, record, end. What takes memory comes first: a Redis that is full refuses a script before its first write only. */
export const INSERT: RedisScript = script(`${KEEP}
  local now = tonumber(ARGV[1])
  keep(ARGV[3], tonumber(ARGV[4]), now, ARGV[2])
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - ${INDEX_GRACE_MS}))
  return 1`)

/** now, id, from, generation, renewal end, renewal line. The same attempt again finds itself done. */
export const ADVANCE: RedisScript = script(`${KEEP}
  local before = redis.call('GET', KEYS[1])
  if not before then return false end
  local now = tonumber(ARGV[1])
  local generation, ends, most, user, renewal, rest =
    string.match(before, '^(%d+)\\n(%d+)\\n(%d+)\\n([^\\n]*)\\n([^\\n]*)\\n(.*)$')
  if generation == ARGV[4] and renewal == ARGV[6] then return before end
  if generation ~= ARGV[3] or tonumber(ends) <= now then return false end
  local to = math.min(tonumber(ARGV[5]), tonumber(most))
  local record = table.concat({ARGV[4], string.format('%.0f', to), most, user, ARGV[6], rest}, '\\n')
  keep(record, to, now, ARGV[2])
  return record`)

/** now, then the number and the text of each line */
export const UPDATE: RedisScript = script(`
  local before = redis.call('GET', KEYS[1])
  if not before then return false end
  local lines = {}
  for line in string.gmatch(before .. '\\n', '([^\\n]*)\\n') do lines[#lines + 1] = line end
  if tonumber(lines[2]) <= tonumber(ARGV[1]) then return false end
  for index = 2, #ARGV, 2 do lines[tonumber(ARGV[index])] = ARGV[index + 1] end
  local record = table.concat(lines, '\\n')
  redis.call('SET', KEYS[1], record, 'KEEPTTL')
  return record`)

/** Writes without a change, so that replicas can be waited for. */
export const TOUCH: RedisScript = script(`
  local ttl = redis.call('PTTL', KEYS[1])
  if ttl > 0 then redis.call('PEXPIRE', KEYS[1], ttl) end
  return ttl`)

/** now, id */
export const DELETE: RedisScript = script(`${TELL}
  local record = redis.call('GET', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[2])
  if not record then return 0 end
  redis.call('DEL', KEYS[1])
  local ends, user = endAndUser(record)
  if ends <= tonumber(ARGV[1]) then return 0 end
  tell(ARGV[2], user)
  return 1`)

/** KEYS[1] the index. Prefix of the records, the user as JSON. The records of that user as id, record, id, record. */
export const LIST: RedisScript = script(`${TELL}
  local found = {}
  for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    local record = redis.call('GET', ARGV[1] .. id)
    local _, user = endAndUser(record or '')
    if user == ARGV[2] then
      found[#found + 1] = id
      found[#found + 1] = record
    end
  end
  return found`)

/** KEYS[1] the index. Prefix of the records, the user as JSON, now, the id to spare or ''. How many live ones ended. */
export const DELETE_BY_USER: RedisScript = script(`${TELL}
  local count = 0
  for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    local record = redis.call('GET', ARGV[1] .. id)
    local ends, user = endAndUser(record or '')
    if not record then
      redis.call('ZREM', KEYS[1], id)
    elseif user == ARGV[2] and id ~= ARGV[4] then
      redis.call('DEL', ARGV[1] .. id)
      redis.call('ZREM', KEYS[1], id)
      if ends > tonumber(ARGV[3]) then
        count = count + 1
        tell(id, user)
      end
    end
  end
  return count`)

/** A value is its end, a line break, its JSON. The text, its time to live. */
export const PUT: RedisScript = script(`redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1`)

export const TAKE: RedisScript = script(`
  local value = redis.call('GET', KEYS[1])
  if value then redis.call('DEL', KEYS[1]) end
  return value`)

/** now, the window in ms */
export const INCREMENT: RedisScript = script(`
  local now = tonumber(ARGV[1])
  local ends, count = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+)\\n(%d+)$')
  if not ends or tonumber(ends) <= now then
    ends = now + tonumber(ARGV[2])
    count = 0
  end
  ends = tonumber(ends)
  count = tonumber(count) + 1
  local ttl = string.format('%.0f', ends - now + ${RECORD_GRACE_MS})
  redis.call('SET', KEYS[1], string.format('%.0f', ends) .. '\\n' .. string.format('%.0f', count), 'PX', ttl)
  return count`)

/** What Redis does when its memory is full; 'replica' where it is one. */
export const POLICY: RedisScript = script(`
  if string.find(redis.call('INFO', 'replication'), 'role:slave') then return 'replica' end
  return string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:([%w-]+)') or 'unknown'`)

/** Its clock, in ms. */
export const TIME: RedisScript = script(`
  local time = redis.call('TIME')
  return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))`)

/** A channel and a word for it. */
export const BEAT: RedisScript = script(`return redis.call('PUBLISH', ARGV[1], ARGV[2])`)
