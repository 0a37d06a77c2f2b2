/** Keeps the head and the tail of a stream of bytes, `limit` bytes in all, and says in between how much is missing. */
export class Output {
  readonly #headLimit: number
  readonly #tailLimit: number
  readonly #head: Buffer[] = []
  #headBytes = 0
  #tail: Buffer[] = []
  #tailBytes = 0
  #dropped = 0

  constructor(limit: number) {
    this.#headLimit = Math.ceil(limit / 2)
    this.#tailLimit = Math.floor(limit / 2)
  }

  get truncated(): boolean {
    return this.#dropped > 0 || this.#tailBytes > this.#tailLimit
  }

  add(chunk: Buffer): void {
    const head = chunk.subarray(0, this.#headLimit - this.#headBytes)
    if (head.length > 0) {
      this.#head.push(head)
      this.#headBytes += head.length
    }
    const tail = chunk.subarray(head.length)
    this.#tail.push(tail)
    this.#tailBytes += tail.length
    // Trimming at twice the limit keeps the cost linear and the memory bounded.
    if (this.#tailBytes > 2 * this.#tailLimit + 65_536) this.#trim()
  }

  text(): string {
    this.#trim()
    const head = Buffer.concat(this.#head)
    const tail = Buffer.concat(this.#tail)
    if (this.#dropped === 0) return Buffer.concat([head, tail]).toString('utf8')
    const end = wholeCharacters(head)
    let start = 0
    while (start < Math.min(4, tail.length) && isContinuation(tail[start]!)) start++
    const missing = this.#dropped + (head.length - end) + start
    return `${head.toString('utf8', 0, end)}\n[... ${missing} bytes left out ...]\n${tail.toString('utf8', start)}`
  }

  #trim(): void {
    const excess = this.#tailBytes - this.#tailLimit
    if (excess <= 0) return
    // A copy, so that the large buffer behind the slice can be freed.
    this.#tail = [Buffer.from(Buffer.concat(this.#tail).subarray(excess))]
    this.#tailBytes = this.#tailLimit
    this.#dropped += excess
  }
}

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80

/** Length of the longest prefix that does not end inside a UTF-8 character. */
function wholeCharacters(bytes: Buffer): number {
  let lead = bytes.length - 1
  while (lead >= 0 && bytes.length - lead < 4 && isContinuation(bytes[lead]!)) lead--
  if (lead < 0) return bytes.length
  const byte = bytes[lead]!
  const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
  return lead + size > bytes.length ? lead : bytes.length
}
