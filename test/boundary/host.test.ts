import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decideTarget, ownRegistry, readHost } from '../../core/boundary/host.ts'

describe('an entry of network', () => {
  test.each([
    ['example.com', 'example.com', 443],
    ['Example.COM', 'example.com', 443],
    ['example.com:80', 'example.com', 80],
    ['bücher.example', 'xn--bcher-kva.example', 443],
    ['localhost:4873', 'localhost', 4873],
    ['127.0.0.1:4873', '127.0.0.1', 4873],
    ['[::1]:4873', '[::1]', 4873],
  ])('%s is one host at one port', (entry, host, port) => {
    expect(readHost(entry)).toEqual({ host, port, below: false })
  })

  test('*.example.com is every name below it', () => {
    expect(readHost('*.example.com:8443')).toEqual({ host: 'example.com', port: 8443, below: true })
  })

  test.each([
    ['https://example.com', /scheme/],
    ['example.com/path', /path/],
    ['me@example.com', /user/],
    ['*', /only as its first part/],
    ['*.*.example.com', /only as its first part/],
    ['*.com', /more names/],
    ['*.10.0.0.1', /more names/],
    ['::1', /brackets/],
    ['example.com:', /port/],
    ['example.com:0', /port/],
    ['example.com:65536', /port/],
    ['127.1', /write 127\.0\.0\.1/],
    ['0x7f.1', /write 127\.0\.0\.1/],
    ['2130706433', /write 127\.0\.0\.1/],
    ['[::ffff:169.254.169.254]', /write \[::ffff:a9fe:a9fe\]/],
    ['example.com.', /not the name/],
    ['a..example.com', /not the name/],
    ['ex%61mple.com', /not the name/],
    ['exa\0mple.com', /not the name/],
    [' example.com', /not the name/],
    ['exam ple.com', /not the name/],
    ['', /not the name/],
  ])('%j is none, and says why', (entry, why) => {
    expect(readHost(entry)).toEqual(expect.stringMatching(why))
  })
})

describe('what a program wants to reach', () => {
  const network = [
    'example.com',
    'plain.example:80',
    '*.below.example',
    '127.0.0.1:8080',
    '[::1]:8080',
    'bücher.example',
  ]
  const at = (authority: string) => decideTarget(authority, network)

  test.each([
    ['example.com:443', 'example.com', 443],
    ['EXAMPLE.com:443', 'example.com', 443],
    ['plain.example:80', 'plain.example', 80],
    ['a.below.example:443', 'a.below.example', 443],
    ['a.b.below.example:443', 'a.b.below.example', 443],
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    ['[::1]:8080', '[::1]', 8080],
    ['xn--bcher-kva.example:443', 'xn--bcher-kva.example', 443],
  ])('%s is allowed', (authority, host, port) => {
    expect(at(authority)).toEqual({ allowed: true, host, port })
  })

  test.each([
    'example.com',
    'example.com:80',
    'example.com:0443',
    'example.com:443 ',
    'plain.example:443',
    'below.example:443',
    'evil-example.com:443',
    'evilbelow.example:443',
    'example.com.evil.example:443',
    'www.example.com:443',
    'example.com.:443',
    '.below.example:443',
    'a..below.example:443',
    'evil.example\0.below.example:443',
    'evil.example\\.below.example:443',
    'evil.example%00.below.example:443',
    'evil.example#.below.example:443',
    'evil.example/.below.example:443',
    'evil.example@example.com:443',
    'example.com:443@evil.example:443',
    'example.com\r\n:443',
    'ｅxample.com:443',
    'exam\u00adple.com:443',
    'bücher.example:443',
    '%65xample.com:443',
    '127.1:8080',
    '0x7f.1:8080',
    '2130706433:8080',
    '0177.0.0.1:8080',
    '127.0.0.1.:8080',
    '[::ffff:127.0.0.1]:8080',
    '[::ffff:7f00:1]:8080',
    '[0:0:0:0:0:0:0:1]:8080',
    '[::1%25eth0]:8080',
    '169.254.169.254:80',
    ':443',
    '',
  ])('%j is refused', (authority) => {
    expect(at(authority)).toMatchObject({ allowed: false, code: 'host-not-allowed' })
  })

  test('nothing is allowed by an empty list, nor by an entry that is none', () => {
    for (const hosts of [[], ['*'], [''], ['https://example.com']])
      expect(decideTarget('example.com:443', hosts).allowed).toBe(false)
  })

  test('what is allowed is the name itself or ends with a dot and the name, whatever stands before', () => {
    const piece = fc.constantFrom(
      'example.com',
      'below.example',
      'evil',
      '.',
      '-',
      '\0',
      '%',
      '@',
      ':443',
      ':80',
      '[',
      ' ',
      'é',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const decision = at(`${pieces.join('')}:443`)
        if (!decision.allowed) return
        expect(decision.host).toMatch(/^(example\.com|([a-z0-9_-]+\.)+below\.example)$/)
      }),
      { numRuns: 2_000 },
    )
  })
})

test('the registry of a machine is a host like others, with its port', () => {
  const of = (npm_config_registry: string) => ownRegistry({ npm_config_registry })
  expect(of('https://mirror.example/npm/')).toBe('mirror.example:443')
  expect(of('https://me:secret@mirror.example:8443/')).toBe('mirror.example:8443')
  expect(of('http://127.0.0.1:4873')).toBe('127.0.0.1:4873')
  expect(of('http://[::1]/')).toBe('[::1]:80')
  expect(ownRegistry({ NPM_CONFIG_REGISTRY: 'https://upper.example' })).toBe('upper.example:443')
  for (const none of ['', 'mirror.example', 'file:///etc', 'https://mirror.example./'])
    expect(of(none), none).toBeUndefined()
})
