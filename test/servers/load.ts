import { expect } from 'vitest'
import type { Asked } from './answers.js'
import { check, type Person } from './people.js'

export interface Load {
  /** The answers so far. */
  readonly answers: Asked[]
  stop(): Promise<Asked[]>
}

/** Everybody checks their own session over and over. An answer that names another person throws in `stop`. */
export function startLoad(url: () => string, people: readonly Person[]): Load {
  const answers: Asked[] = []
  let running = true
  const loops = people.map(async person => {
    while (running) {
      const answer = await check(url(), person)
      if (answer.status === 200) expect(answer.json.data.user.email).toBe(person.email)
      answers.push(answer)
      // A refusal that comes at once must not make the client a busy loop.
      if (answer.ms < 10) await new Promise(resolve => setTimeout(resolve, 10))
    }
  })
  const done = Promise.all(loops)
  done.catch(() => {})
  return {
    answers,
    async stop() {
      running = false
      await done
      return answers
    },
  }
}
