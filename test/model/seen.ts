/** The keys seen so far, each as 64 bits and the number of its world. Two of three million keys fall together once in four million runs. */
export class Seen {
  #low: Uint32Array
  #high: Uint32Array
  #index: Int32Array
  #mask: number
  size = 0

  constructor(expected: number) {
    let slots = 1024
    while (slots < expected * 2) slots *= 2
    this.#low = new Uint32Array(slots)
    this.#high = new Uint32Array(slots)
    this.#index = new Int32Array(slots).fill(-1)
    this.#mask = slots - 1
  }

  /** The number of this key; `size - 1` where it is new. */
  add(key: string): number {
    // FNV-1a beside the mixing of MurmurHash2: two hashes that have nothing to do with each other.
    let a = 0x811c9dc5
    let b = 0x9747b28c
    for (let i = 0; i < key.length; i++) {
      const code = key.charCodeAt(i)
      a = Math.imul(a ^ code, 0x01000193)
      b = Math.imul(b ^ code, 0x5bd1e995)
      b ^= b >>> 15
    }
    a = Math.imul(a ^ (a >>> 16), 0x85ebca6b)
    a ^= a >>> 13
    let slot = (a ^ b) & this.#mask
    for (; this.#index[slot]! >= 0; slot = (slot + 1) & this.#mask) {
      if (this.#low[slot] === a >>> 0 && this.#high[slot] === b >>> 0) return this.#index[slot]!
    }
    if (this.size * 4 > this.#mask * 3) {
      this.#grow()
      return this.add(key)
    }
    this.#low[slot] = a
    this.#high[slot] = b
    this.#index[slot] = this.size
    return this.size++
  }

  #grow(): void {
    const [low, high, index] = [this.#low, this.#high, this.#index]
    const slots = (this.#mask + 1) * 2
    this.#low = new Uint32Array(slots)
    this.#high = new Uint32Array(slots)
    this.#index = new Int32Array(slots).fill(-1)
    this.#mask = slots - 1
    for (const [at, number] of index.entries()) {
      if (number < 0) continue
      let slot = (low[at]! ^ high[at]!) & this.#mask
      while (this.#index[slot]! >= 0) slot = (slot + 1) & this.#mask
      this.#low[slot] = low[at]!
      this.#high[slot] = high[at]!
      this.#index[slot] = number
    }
  }
}
