// The guide's registration and session controllers. They know no framework: a router calls them with the request's
// context and its parameters, and answers what they return.
// @ts-check
import { Problem } from 'pawl'

/** @typedef {import('pawl').Context<import('pawl').BaseUser, import('pawl').Exchange>} Ctx */
/** @typedef {{ status: number, json: object }} Answer */
/** @typedef {(ctx: Ctx, userParams: Record<string, unknown>) => Promise<Answer>} Action */

/** @param {Ctx} ctx @returns {Answer} */
function showTokens({ tokens }) {
  return { status: 200, json: { data: { access_token: tokens?.accessToken, renewal_token: tokens?.renewalToken } } }
}

/** @param {import('pawl').Auth} auth @returns {{ create: Action }} */
export function registrationController(auth) {
  return {
    async create(ctx, userParams) {
      try {
        await auth.accounts.create(ctx, userParams)
        return showTokens(ctx)
      } catch (error) {
        if (!Problem.is(error, 'invalid_user')) throw error
        const { errors } = error
        return { status: 500, json: { error: { status: 500, message: "Couldn't create user", errors } } }
      }
    },
  }
}

/** @param {import('pawl').Auth} auth @returns {{ create: Action, renew: Action, delete: Action }} */
export function sessionController(auth) {
  return {
    async create(ctx, userParams) {
      try {
        await auth.accounts.authenticate(ctx, userParams)
        return showTokens(ctx)
      } catch (error) {
        if (!Problem.is(error, 'invalid_credentials')) throw error
        return { status: 401, json: { error: { status: 401, message: 'Invalid email or password' } } }
      }
    },

    async renew(ctx) {
      const user = await auth.sessions.renew(ctx)
      if (user) return showTokens(ctx)
      return { status: 401, json: { error: { status: 401, message: 'Invalid token' } } }
    },

    async delete(ctx) {
      await auth.sessions.delete(ctx)
      return { status: 200, json: { data: {} } }
    },
  }
}
