const unit: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000 }

/** Milliseconds of a duration such as `45s`, `30m` or `1h30m`. Throws a RangeError for anything else. */
export function parseDuration(text: string): number {
  const match = /^(\d+)([hms])$/.exec(text)
  if (match === null) throw new RangeError(`'${text}' is not a duration`)
  return Number(match[1]) * unit[match[2]!]!
}
