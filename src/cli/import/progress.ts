import type { Part } from './tables.js'

/** Where progress is shown: standard error, or what stands for it. */
export interface Screen {
  readonly isTTY?: boolean
  write(text: string): unknown
}

export interface ProgressBar {
  update(at: { readonly part: Part; readonly bytes: number; readonly rows: number }): void
  /** Leaves a clean line. */
  end(): void
}

const WIDTH = 24
const REDRAW_MS = 100
const LINE_MS = 5000

function span(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  const [minutes, rest] = [Math.floor(seconds / 60), Math.round(seconds % 60)]
  return minutes === 0 ? `${rest} s` : `${minutes} min ${rest} s`
}

/** One line that is drawn anew on a terminal, and a line every five seconds elsewhere. `clock` is in ms. */
export function progressBar(screen: Screen, totalBytes: number, clock: () => number): ProgressBar {
  let part: Part | null = null
  let began = clock()
  let shown = Number.NEGATIVE_INFINITY
  let isDrawn = false

  return {
    update(at) {
      const now = clock()
      if (at.part !== part) {
        part = at.part
        began = now
        shown = screen.isTTY ? Number.NEGATIVE_INFINITY : now
      }
      if (now - shown < (screen.isTTY ? REDRAW_MS : LINE_MS)) return
      shown = now
      const share = totalBytes === 0 ? 1 : Math.min(1, at.bytes / totalBytes)
      const seconds = (now - began) / 1000
      const percent = `${String(Math.floor(share * 100)).padStart(3)} %`
      const rate = part === 'users' ? `, ${at.rows} rows, ${Math.round(at.rows / Math.max(seconds, 0.001))}/s` : ''
      const text = `${part} ${percent}${rate}, ${span((seconds / share) * (1 - share))} left`
      if (!screen.isTTY) return void screen.write(`${text}\n`)
      const filled = Math.round(share * WIDTH)
      screen.write(`\r\x1b[2K[${'#'.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${text}`)
      isDrawn = true
    },
    end() {
      if (isDrawn) screen.write('\r\x1b[2K')
    },
  }
}
