import assert from 'node:assert/strict'
import type { Auth } from '../auth.js'
import type { Exchange } from '../http/exchange.js'
import type { Context, IssuedTokens } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { fifty, type SuiteOptions, suite } from './suite.js'
import { testExchange } from './test-auth.js'

/** Runs one verb as a request does: open, act, send. */
async function run<T>(auth: Auth, token: string | null, act: (ctx: Context<BaseUser, Exchange>) => T | Promise<T>) {
  const exchange = testExchange('POST', '/', token === null ? {} : { token })
  const ctx = await auth.open(exchange)
  if (ctx.failure) throw ctx.failure
  const result = await act(ctx)
  const failed = await auth.send(ctx)
  return { ctx, result: failed ? null : result }
}

/**
 * The contract of `Sessions` as tests: the guide's own test of its authorization plug, and the races it left out.
 * `makeAuth` gives an auth that carries sessions your way.
 */
export function sessionsSuite(makeAuth: () => Auth | Promise<Auth>, options: SuiteOptions = {}): void {
  const it = suite('sessions', makeAuth, options)

  async function signedIn(auth: Auth): Promise<{ user: BaseUser; tokens: IssuedTokens }> {
    const account = { id: crypto.randomUUID(), email: `${crypto.randomUUID()}@example.com`, passwordHash: null }
    const { user } = await auth.users.insert({ ...account, createdAt: 0 })
    const { ctx } = await run(auth, null, ctx => auth.accounts.signIn(ctx, user, { methods: ['pwd'] }))
    assert.ok(ctx.tokens)
    return { user, tokens: ctx.tokens }
  }

  const fetched = async (auth: Auth, token: string | null) => (await run(auth, token, () => null)).ctx.user
  const renewed = async (auth: Auth, token: string) => {
    const { ctx, result } = await run(auth, token, ctx => auth.sessions.renew(ctx))
    return result && ctx.tokens ? { user: result, tokens: ctx.tokens } : null
  }
  const ended = (auth: Auth, token: string) => run(auth, token, ctx => auth.sessions.delete(ctx))

  it('can create, fetch, renew and delete a session', async auth => {
    assert.equal(await fetched(auth, null), null)
    const { user, tokens } = await signedIn(auth)

    assert.equal(await fetched(auth, 'invalid'), null)
    assert.deepEqual(await fetched(auth, tokens.accessToken), user)
    const next = await renewed(auth, tokens.renewalToken)
    assert.deepEqual(next?.user, user)

    assert.equal(await fetched(auth, tokens.accessToken), null)
    assert.equal(await renewed(auth, tokens.renewalToken), null)
    assert.ok(next)
    const { accessToken, renewalToken } = next.tokens
    assert.deepEqual(await fetched(auth, accessToken), user)

    await ended(auth, 'invalid')
    assert.deepEqual(await fetched(auth, accessToken), user)
    await ended(auth, accessToken)
    assert.equal(await fetched(auth, accessToken), null)
    assert.equal(await renewed(auth, renewalToken), null)
  })

  it('takes no token of one kind for the other', async auth => {
    const { tokens } = await signedIn(auth)
    assert.equal(await fetched(auth, tokens.renewalToken), null)
    assert.equal(await renewed(auth, tokens.accessToken), null)
    assert.notEqual(await fetched(auth, tokens.accessToken), null)
    assert.notEqual(await renewed(auth, tokens.renewalToken), null)
  })

  it('of fifty renewals of one token exactly one leaves a live pair', async auth => {
    for (let round = 0; round < 10; round++) {
      const { tokens } = await signedIn(auth)
      const results = await fifty(() => renewed(auth, tokens.renewalToken))
      const pairs = new Set<string>()
      for (const result of results) {
        if (result && (await fetched(auth, result.tokens.accessToken))) pairs.add(result.tokens.accessToken)
      }
      assert.equal(pairs.size, 1)
    }
  })

  it('keeps sessions of one user apart', async auth => {
    const { user, tokens } = await signedIn(auth)
    const { ctx } = await run(auth, null, ctx => auth.accounts.signIn(ctx, user, { methods: ['pwd'] }))
    await ended(auth, tokens.accessToken)
    assert.deepEqual(await fetched(auth, (ctx.tokens as IssuedTokens).accessToken), user)
  })

  it('stores nothing for a request that failed', async auth => {
    const { user } = await signedIn(auth)
    const ctx = await auth.open(testExchange('POST', '/'))
    await auth.accounts.signIn(ctx, user, { methods: ['pwd'] })
    const { accessToken } = ctx.tokens as IssuedTokens
    auth.present(new Error('the handler threw'), ctx)
    await auth.send(ctx)
    assert.equal(await fetched(auth, accessToken), null)
  })

  it('ends signed out where one request signs in and out', async auth => {
    const { user } = await signedIn(auth)
    let accessToken = ''
    await run(auth, null, async ctx => {
      await auth.accounts.signIn(ctx, user, { methods: ['pwd'] })
      accessToken = ctx.tokens?.accessToken ?? ''
      await auth.sessions.delete(ctx)
    })
    assert.equal(await fetched(auth, accessToken), null)
  })
}
