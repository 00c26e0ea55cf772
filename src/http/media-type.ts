const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const GRAMMAR = new RegExp(
  `^(${TOKEN}/${TOKEN})((?:[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|"(?:[^"\\\\\\x00-\\x1f]|\\\\.)*"))*)[ \\t]*;?$`,
)

export interface MediaType {
  /** In lower case. */
  readonly essence: string
  /** In lower case; null when none is given. */
  readonly charset: string | null
}

/** Reads `Content-Type` by its grammar (RFC 9110, 8.3.1); null when it is not one. */
export function parseMediaType(header: string): MediaType | null {
  const match = GRAMMAR.exec(header)
  if (!match) return null
  const charset = /;[ \t]*charset="?([^";]+)/i.exec(match[2] as string)?.[1]
  return { essence: (match[1] as string).toLowerCase(), charset: charset?.toLowerCase() ?? null }
}
