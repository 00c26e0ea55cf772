/** What each status of ours means to a reader of the description. */
export const STATUS_TEXTS: Readonly<Record<number, string>> = {
  200: 'Done',
  400: 'The request is malformed',
  401: 'The token or the password is not right',
  403: 'The account may not do this',
  404: 'There is no such thing of yours',
  413: 'The body is too large',
  415: 'The body is of a type that is not read',
  422: 'Some fields are not right',
  429: 'Too many tries: see Retry-After',
  500: 'Some fields are not right',
  503: 'Try again after Retry-After seconds',
}
