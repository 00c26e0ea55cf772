/** Throws `TypeError` for an option that there is not. */
export function refuseUnknown(options: object, known: readonly string[], within: string): void {
  const unknown = Object.keys(options).find(name => !known.includes(name))
  if (unknown === undefined) return
  throw new TypeError(`unknown option \`${within}${unknown}\`; known are ${known.join(', ')}`)
}
