/** Milliseconds since 1970, as `Date.now` gives them. Tests pass one they can advance. */
export type Clock = () => number
