const CONTENT = /^(?:content-|transfer-encoding$|etag$|last-modified$|set-cookie$|location$|cache-control$)/

/** True for a header about a body, which goes where the body goes; what middleware said of the request stays. */
export function isContentHeader(name: string): boolean {
  return CONTENT.test(name)
}
