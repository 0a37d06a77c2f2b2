/** Who follows whom, by number, in the order of the search. */
export class Graph {
  #parents = new Int32Array(1 << 16)
  #moves = new Uint16Array(1 << 16)
  #depths = new Uint16Array(1 << 16)
  #size = 0
  /** Of each expanded world, where its edges begin. */
  #offsets = new Int32Array(1 << 16)
  #targets = new Int32Array(1 << 18)
  readonly #over: number[] = []
  edges = 0
  depth = 0

  /** One more world, found from another by the move of this number. */
  add(parent: number, move: number): void {
    if (this.#size === this.#parents.length) {
      this.#parents = grown(this.#parents, Int32Array)
      this.#moves = grown(this.#moves, Uint16Array)
      this.#depths = grown(this.#depths, Uint16Array)
    }
    this.#parents[this.#size] = parent
    this.#moves[this.#size] = move
    this.#depths[this.#size] = parent < 0 ? 0 : this.#depths[parent]! + 1
    this.depth = this.#depths[this.#size++]!
  }

  /** From now on edges are those of this world. Returns whether all has ended there. */
  expand(at: number, over: boolean): boolean {
    if (at === this.#offsets.length) this.#offsets = grown(this.#offsets, Int32Array)
    this.#offsets[at] = this.edges
    if (over) this.#over.push(at)
    return over
  }

  edge(to: number): void {
    if (this.edges === this.#targets.length) this.#targets = grown(this.#targets, Int32Array)
    this.#targets[this.edges++] = to
  }

  /** Numbers of the moves from the first world to this one. */
  path(to: number): number[] {
    const moves: number[] = []
    for (let at = to; this.#parents[at]! >= 0; at = this.#parents[at]!) moves.push(this.#moves[at]!)
    return moves.reverse()
  }

  /** The nearest world from which no end can be reached; those that were not expanded (`expanded` and after) can, as was seen. */
  stuck(expanded: number): number | undefined {
    const counts = new Int32Array(this.#size + 1)
    for (let edge = 0; edge < this.edges; edge++) counts[this.#targets[edge]! + 1]!++
    for (let at = 0; at < this.#size; at++) counts[at + 1]! += counts[at]!
    const sources = new Int32Array(this.edges)
    const next = counts.slice()
    for (let at = 0; at < expanded; at++) {
      const end = at + 1 < expanded ? this.#offsets[at + 1]! : this.edges
      for (let edge = this.#offsets[at]!; edge < end; edge++) sources[next[this.#targets[edge]!]!++] = at
    }
    const reached = new Uint8Array(this.#size)
    const queue = [...this.#over]
    for (let at = expanded; at < this.#size; at++) queue.push(at)
    for (const at of queue) reached[at] = 1
    for (let head = 0; head < queue.length; head++) {
      const at = queue[head]!
      for (let edge = counts[at]!; edge < counts[at + 1]!; edge++) {
        const source = sources[edge]!
        if (reached[source]) continue
        reached[source] = 1
        queue.push(source)
      }
    }
    const stuck = reached.indexOf(0)
    return stuck < 0 ? undefined : stuck
  }
}

function grown<T extends Int32Array | Uint16Array>(array: T, Kind: new (length: number) => T): T {
  const next = new Kind(array.length * 2)
  next.set(array)
  return next
}
