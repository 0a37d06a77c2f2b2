/** By architecture as the kernel tells it (AUDIT_ARCH_* of linux/audit.h): add_key, request_key and keyctl. The first has two forms of its
 *  own, and each 64-bit one starts programs of its 32-bit sibling too. */
const calls: readonly (readonly [arch: number, calls: readonly number[]])[] = [
  [0xc000003e, [248, 249, 250, 0x4000_0000 + 248, 0x4000_0000 + 249, 0x4000_0000 + 250]],
  [0x40000003, [286, 287, 288]],
  [0xc00000b7, [217, 218, 219]],
  [0x40000028, [309, 310, 311]],
  [0xc00000f3, [217, 218, 219]],
]

const load = (offset: number) => [0x20, 0, 0, offset] as const
const unless = (value: number, skip: number) => [0x15, 0, skip, value] as const
const when = (value: number, skip: number) => [0x15, skip, 0, value] as const
const allow = [0x06, 0, 0, 0x7fff_0000] as const
/** EPERM. */
const refuse = [0x06, 0, 0, 0x0005_0001] as const

/** A seccomp filter that refuses every call to the kernel's keyrings. No namespace divides them: a command would hold the keys of the session
 *  that codeband was started in (tickets, keys of encrypted folders), and could leave some for the next command. */
export const withoutKeyrings: Uint8Array = ((): Uint8Array => {
  const program = [
    load(4),
    ...calls.flatMap(([arch, numbers]) => [
      unless(arch, numbers.length + 3),
      load(0),
      ...numbers.map((one, at) => when(one, numbers.length - at)),
      allow,
      refuse,
    ]),
    allow,
  ]
  const bytes = Buffer.alloc(8 * program.length)
  for (const [at, [code, yes, no, value]] of program.entries()) {
    bytes.writeUInt16LE(code, 8 * at)
    bytes.writeUInt8(yes, 8 * at + 2)
    bytes.writeUInt8(no, 8 * at + 3)
    bytes.writeUInt32LE(value, 8 * at + 4)
  }
  return bytes
})()
