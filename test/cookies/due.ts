import type { TestAuth } from '../../src/testing/index.js'
import { type Answered, MINUTE, tokenIn, type Visitor, visitor } from './visitor.js'

/** The answer to a replay. */
export const REUSED = { error: { code: 401, message: 'Not authenticated', reason: 'session_reused' } }

/** Asks with a certain cookie; what comes back is not kept. */
export const show = (from: Visitor, cookie: string | null) => from.lose('GET', '/session', { cookie })

/** The one new cookie in answers of which some may have none. */
export function newCookies(answers: readonly Answered[]): (string | null)[] {
  return [...new Set(answers.flatMap(({ cookies }) => tokenIn(cookies) ?? []))]
}

/** Somebody remembered whose cookie is due. */
export async function due(made: TestAuth): Promise<{ mine: Visitor; old: string }> {
  const mine = visitor(made)
  await mine.register(true)
  made.clock.advance(15 * MINUTE)
  return { mine, old: mine.cookie as string }
}
