/** Milliseconds since 1970. Tests pass one they can advance. */
export type Clock = () => number
