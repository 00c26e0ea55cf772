import type { Hooks } from '../../accounts/hooks.js'
import { type Duration, milliseconds } from '../../base/duration.js'
import { refuseUnknown } from '../../base/options.js'
import type { Context } from '../../sessions/context.js'
import type { AccountChange, BaseUser } from '../../users/user.js'
import { addRows, writeRows } from '../beside.js'
import type { Extension, ExtensionTools } from '../extension.js'
import { deviceName } from './device-name.js'
import { knownDevices } from './known-devices.js'

export interface SecurityNoticesOptions {
  /** A sign-in from a device and a network that this person has not used of late. Default: true. */
  newDevice?: boolean
  /** Default: true. */
  passwordChanged?: boolean
  /** Told to the old address. Default: true. */
  emailChanged?: boolean
  /** A session was ended because a replaced token of it came back. Default: true. */
  sessionReused?: boolean
  /** How long a device is known after it was used last. Default: `'90d'`. */
  deviceMemory?: Duration
}

type Switches = Required<Omit<SecurityNoticesOptions, 'deviceMemory'>>

const DAY_MS = 86_400_000
/** Whoever has a password could otherwise fill the mailbox of its owner, and hide one mail among many. */
const MOST_A_DAY = 10

function checkOptions({ deviceMemory = '90d', ...switches }: SecurityNoticesOptions) {
  const all: Switches = { newDevice: true, passwordChanged: true, emailChanged: true, sessionReused: true, ...switches }
  refuseUnknown({ ...all, deviceMemory }, [...SWITCHES, 'deviceMemory'], 'securityNotices.')
  const wrong = Object.entries(all).find(([, value]) => typeof value !== 'boolean')
  if (wrong) throw new TypeError(`\`${wrong[0]}\` must be true or false`)
  const memoryMs = milliseconds(deviceMemory)
  if (memoryMs === null || memoryMs === 0) {
    throw new TypeError(`\`deviceMemory\` must be a duration like '90d', not '${deviceMemory}'`)
  }
  return { ...all, memoryMs }
}

const SWITCHES: readonly (keyof Switches)[] = ['newDevice', 'passwordChanged', 'emailChanged', 'sessionReused']

/** True where there was a request: a job has no device. */
const hasRequest = ({ request }: Context) => request.method !== ''

/** When it was and from where, in words. */
function circumstances(ctx: Context, time: number): { time: string; device: string; address: string } {
  const { userAgent, address } = ctx.device
  const isRequest = hasRequest(ctx)
  return {
    time: new Date(time).toISOString(),
    device: isRequest ? deviceName(userAgent) : 'The service itself',
    address: (isRequest && address) || 'unknown',
  }
}

/** Counts what somebody is told of a kind; false once that is enough for a day. */
async function maySay<User extends BaseUser>(
  { values }: ExtensionTools<User>,
  ctx: Context<User>,
  kind: string,
  { id }: User,
): Promise<boolean> {
  const place = ctx.tenant === '' ? '' : `${ctx.tenant}:`
  return (await values.increment(`security_notices:${kind}:${place}${id}`, DAY_MS)) <= MOST_A_DAY
}

/** Notices that are written with a change, or not at all. */
function changeHooks<User extends BaseUser>(
  tools: ExtensionTools<User>,
  { passwordChanged, emailChanged }: Switches,
): Hooks<User> {
  const { rowsOf, now } = tools
  return {
    async savingUser(saving) {
      const { ctx, user: before } = saving
      const asked = saving.values as AccountChange
      if (!before || (asked.passwordHash === undefined && asked.email === undefined)) return
      // Whoever knows the password could bury the owner in mails.
      if (!(await maySay(tools, ctx, 'change', before).catch(() => true))) return
      // Of the change as it is saved: a hook after this one may leave the old address where it is.
      addRows(saving, ({ user }) => {
        const tell = (kind: string, to: string, facts: Readonly<Record<string, string>>) =>
          to === '' ? [] : rowsOf('noticing', { ctx, kind, to, user: before, facts })
        const isMoved = user.email !== before.email
        const isNewPassword = (saving.values as AccountChange).passwordHash !== undefined
        const facts = circumstances(ctx, now())
        return [
          ...(passwordChanged && isNewPassword ? tell('password_changed', before.email, facts) : []),
          ...(passwordChanged && isNewPassword && isMoved ? tell('password_changed', user.email, facts) : []),
          ...(emailChanged && isMoved
            ? tell('email_changed', before.email, { email: user.email, time: facts.time })
            : []),
        ]
      })
    },
  }
}

/** Does what must refuse nobody: what goes wrong is told to the operator instead. */
async function quietly(
  { emit, onError }: Pick<ExtensionTools, 'emit' | 'onError'>,
  { ctx, userId, kind }: { readonly ctx: Context; readonly userId: string; readonly kind: string },
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    onError(error, ctx.id)
    // Not waited for: it would be written where writing just failed.
    emit(ctx, 'security_notices.failed', { userId, detail: kind })
  }
}

function deviceHooks<User extends BaseUser>(tools: ExtensionTools<User>, memoryMs: number): Hooks<User> {
  const { rowsOf, now } = tools
  const devices = knownDevices(tools, memoryMs)
  /** Whose account a request made. */
  const made = new WeakMap<Context, string>()
  const kind = 'new_device'

  async function tell(ctx: Context<User>, user: User): Promise<void> {
    if (!(await maySay(tools, ctx, 'told', user))) return
    const facts = circumstances(ctx, now())
    await writeRows(tools, rowsOf('noticing', { ctx, kind, to: user.email, user, facts }))
  }

  return {
    // Registered here is known here, though the sign-in may wait until the address is confirmed.
    async savedUser({ ctx, before, user }) {
      if (before || !hasRequest(ctx)) return
      made.set(ctx, user.id)
      // Where somebody signed in makes it for another, this is not the device of the other.
      if (!ctx.authenticated) await quietly(tools, { ctx, userId: user.id, kind }, () => devices.learn(ctx, user))
    },
    signedIn({ ctx, user }) {
      if (!hasRequest(ctx)) return
      const isFirst = made.get(ctx) === user.id
      // Once the session is there: a sign-in that came to nothing is not told.
      ctx.beforeSend(() =>
        quietly(tools, { ctx, userId: user.id, kind }, async () => {
          if (isFirst) return devices.learn(ctx, user)
          if (!(await devices.meet(ctx, user)) && user.email !== '') await tell(ctx, user)
        }),
      )
    },
    async deletedUser({ ctx, user }) {
      await quietly(tools, { ctx, userId: user.id, kind }, () => devices.forget(ctx, user))
    },
  }
}

function reuseHooks<User extends BaseUser>(tools: ExtensionTools<User>, memoryMs: number): Hooks<User> {
  const { users, values, rowsOf, now } = tools
  const kind = 'session_reused'
  return {
    async happened({ ctx, event: { name, userId, sessionId } }) {
      if (name !== 'session.reused' || !ctx || userId === undefined || sessionId === undefined) return
      const key = `security_notices:reused:${sessionId}`
      await quietly(tools, { ctx, userId, kind }, async () => {
        // A session ends once; it may be said more often, where its end could not be written.
        if ((await values.increment(key, memoryMs)) > 1) return
        try {
          const user = (await users.findById(userId, ctx.tenant))?.user
          if (!user || user.email === '' || !(await maySay(tools, ctx, 'reused', user))) return
          const facts = circumstances(ctx, now())
          await writeRows(tools, rowsOf('noticing', { ctx, kind, to: user.email, user, facts }))
        } catch (error) {
          await values.delete(key)
          throw error
        }
      })
    },
  }
}

/** Mails people what may be somebody else's doing. Throws `TypeError` for wrong options. */
export function securityNotices<User extends BaseUser = BaseUser>(
  options: SecurityNoticesOptions = {},
): Extension<User> {
  const { memoryMs, ...switches } = checkOptions(options)
  return {
    name: 'security_notices',
    requires: ['mail'],
    setup: tools => ({
      hooks: {
        ...changeHooks(tools, switches),
        ...(switches.newDevice && deviceHooks(tools, memoryMs)),
        ...(switches.sessionReused && reuseHooks(tools, memoryMs)),
      },
    }),
  }
}
