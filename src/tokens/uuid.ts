const DIGITS = Buffer.from('0123456789abcdef', 'latin1')
/** Where the two digits of each byte go, around the dashes. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]
const text = Buffer.alloc(36, '-', 'latin1')

/** The text of the UUID in 16 bytes of `bytes` from `start`. In one piece: a text joined from parts is slow to look up. */
export function uuidAt(bytes: Uint8Array, start: number): string {
  for (let index = 0; index < 16; index++) {
    const byte = bytes[start + index] as number
    const place = PLACES[index] as number
    text[place] = DIGITS[byte >> 4] as number
    text[place + 1] = DIGITS[byte & 15] as number
  }
  return text.toString('latin1')
}
