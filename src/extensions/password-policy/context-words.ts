import { graphemes } from '../../users/password.js'

/** Shorter ones are in too many words. */
const LEAST_WORD = 4
/** Whoever has so much besides may have the word in it: years and the like are what a guesser adds. */
const ENOUGH_BESIDES = 6

/** Signs that are written for letters; a 1 stands for either of two. */
const WRITTEN_FOR: Readonly<Record<string, string>> = {
  '0': 'o',
  '3': 'e',
  '4': 'a',
  '@': 'a',
  '5': 's',
  $: 's',
  '7': 't',
}
const WRITTEN_FOR_EITHER = /[1!|]/g
const EITHER = ['i', 'l']

/** Text as a guesser sees it: letters and digits alone, in one case, with no sign for a letter. */
function fold(text: string, either: string): string {
  const plain = text.normalize('NFKC').toLowerCase().replace(WRITTEN_FOR_EITHER, either)
  return Array.from(plain, sign => WRITTEN_FOR[sign] ?? sign)
    .join('')
    .replace(/[^\p{L}\p{M}\p{N}]/gu, '')
}

/** Words that are long enough to be looked for. */
export function contextWords(texts: readonly string[]): readonly string[] {
  return texts.filter(text => fold(text, 'i').length >= LEAST_WORD)
}

/** What an address says: the name before the `@`, with and without what follows a `+`, and the names of its domain. */
export function wordsOfEmail(email: string): readonly string[] {
  const at = email.lastIndexOf('@')
  const local = email.slice(0, at)
  const labels = email.slice(at + 1).split('.')
  return contextWords([local, local.split('+')[0] as string, ...labels.slice(0, -1)])
}

/** True for a password that holds one of the words, and besides it fewer than six letters and digits, or no letter. */
export function leansOn(password: string, words: readonly string[]): boolean {
  const letters = password.replace(/\P{L}/gu, '').length
  return EITHER.some(either => {
    const folded = fold(password, either)
    return words
      .map(word => fold(word, either))
      .filter(word => folded.includes(word))
      .some(word => {
        const besides = graphemes(folded.replaceAll(word, ''), ENOUGH_BESIDES)
        return besides < ENOUGH_BESIDES || letters <= word.length
      })
  })
}
