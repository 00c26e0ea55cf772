import { expect } from 'vitest'
import { PASSWORD, type Pair, registrationForm } from '../support/guide.js'
import { type Asked, ask } from './answers.js'

/** Somebody with a session, as the client knows it. */
export interface Person extends Pair {
  readonly email: string
}

let registered = 0

/** Registers so many, each with a session. */
export async function newPeople(url: string, count: number): Promise<Person[]> {
  const emails = Array.from({ length: count }, () => `person-${process.pid}-${++registered}@example.com`)
  return Promise.all(
    emails.map(async email => {
      const answer = await ask(url, 'POST', '/registration', { body: registrationForm(email) })
      return { email, ...told(answer) }
    }),
  )
}

/** The pair in an answer that must have one. */
export function told({ status, text, json }: Asked): Pair {
  expect(status, text).toBe(200)
  return { access: json.data.access_token, renewal: json.data.renewal_token }
}

export function check(url: string, { access }: Pick<Pair, 'access'>): Promise<Asked> {
  return ask(url, 'GET', '/session', { token: access })
}

export function signIn(url: string, { email }: Pick<Person, 'email'>): Promise<Asked> {
  const body = new URLSearchParams({ 'user[email]': email, 'user[password]': PASSWORD })
  return ask(url, 'POST', '/session', { body })
}

export function renew(url: string, { renewal }: Pick<Pair, 'renewal'>): Promise<Asked> {
  return ask(url, 'POST', '/session/renew', { token: renewal })
}

/** With the renewal token, which needs no look at the store before the write. */
export function signOut(url: string, { renewal }: Pick<Pair, 'renewal'>): Promise<Asked> {
  return ask(url, 'DELETE', '/session', { token: renewal })
}
