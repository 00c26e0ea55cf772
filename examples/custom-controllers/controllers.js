// The guide's registration and session controllers, in the app's own code.
// @ts-check
import { Problem } from 'pawl'

/** @typedef {import('pawl/node').AuthRequest} Request */
/** @typedef {import('node:http').ServerResponse} Response */

/** @param {Response} response @param {number} status @param {object} body */
function json(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

/** The fields `user[…]` of a form. @param {Request} request */
async function userParams(request) {
  const form = new URLSearchParams(new TextDecoder().decode(await request.auth.request.readBody(10_000)))
  const fields = [...form].map(([name, value]) => [/^user\[(\w+)\]$/.exec(name)?.[1] ?? '', value])
  return Object.fromEntries(fields)
}

/** @param {Request} request @param {Response} response */
function showTokens({ auth }, response) {
  json(response, 200, {
    data: { access_token: auth.tokens?.accessToken, renewal_token: auth.tokens?.renewalToken },
  })
}

/** @param {import('pawl').Auth} auth @returns {Record<string, import('pawl/node').NodeHandler>} */
export function controllers(auth) {
  return {
    async 'POST /registration'(request, response) {
      try {
        await auth.accounts.create(request.auth, await userParams(request))
        showTokens(request, response)
      } catch (error) {
        if (!Problem.is(error, 'invalid_user')) throw error
        json(response, 500, { error: { status: 500, message: "Couldn't create user", errors: error.errors } })
      }
    },

    async 'POST /session'(request, response) {
      try {
        await auth.accounts.authenticate(request.auth, await userParams(request))
        showTokens(request, response)
      } catch (error) {
        if (!Problem.is(error, 'invalid_credentials')) throw error
        json(response, 401, { error: { status: 401, message: 'Invalid email or password' } })
      }
    },

    async 'POST /session/renew'(request, response) {
      const user = await auth.sessions.renew(request.auth)
      if (user) return showTokens(request, response)
      json(response, 401, { error: { status: 401, message: 'Invalid token' } })
    },

    async 'DELETE /session'(request, response) {
      await auth.sessions.delete(request.auth)
      json(response, 200, { data: {} })
    },
  }
}
