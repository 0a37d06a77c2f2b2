import { tokensOf } from '../../../core/role/source-tokens.ts'
import { banner } from './shim.ts'

/** Globals that give the same on every run. */
const pure = new Set(
  `Object Array String Number Boolean Symbol BigInt Map Set WeakMap WeakSet JSON RegExp Error TypeError RangeError SyntaxError
   ReferenceError EvalError URIError AggregateError Promise Proxy Reflect ArrayBuffer DataView Uint8Array Uint8ClampedArray Uint16Array
   Uint32Array Int8Array Int16Array Int32Array Float32Array Float64Array BigInt64Array BigUint64Array Infinity NaN undefined parseInt
   parseFloat isNaN isFinite encodeURI encodeURIComponent decodeURI decodeURIComponent escape unescape URL URLSearchParams TextEncoder
   TextDecoder structuredClone atob btoa Iterator AbortController AbortSignal Math console`.split(/\s+/),
)

/** Words that reach out of a bundle without being globals. */
const open =
  /^(require|import|__codeband_url|__codeband_dirname|__codeband_filename|random|toLocale\w*|localeCompare|stack)$/

/** Whether the bundle gives the same values whenever and wherever it runs, as far as its text tells: it names no clock, environment,
 *  file, network or chance. */
export function isClosed(code: string): boolean {
  if (!code.startsWith(banner)) return false
  const globals = new Set(Object.getOwnPropertyNames(globalThis).filter((name) => !pure.has(name)))
  return !/__codeband_take\("codeband\/testing"/.test(code) && sees(code.slice(banner.length), globals) === undefined
}

/** The first word that reaches out. */
function sees(source: string, globals: ReadonlySet<string>): string | undefined {
  for (const { kind, value, start, end } of tokensOf(source)) {
    if (kind === 'name' && (globals.has(value) || open.test(value))) return value
    if (kind !== 'template') continue
    const text = source.slice(start + 1, end - 1)
    for (const { index } of text.matchAll(/\$\{/g)) {
      const word = sees(substitution(text.slice(index + 2)), globals)
      if (word !== undefined) return word
    }
  }
  return undefined
}

/** Up to the brace that ends it. */
function substitution(text: string): string {
  let depth = 0
  for (const { kind, value, start } of tokensOf(text)) {
    if (kind !== 'mark') continue
    if (value === '{') depth++
    else if (value === '}' && --depth < 0) return text.slice(0, start)
  }
  return text
}
