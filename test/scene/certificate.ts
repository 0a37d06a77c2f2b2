import { generateKeyPairSync, sign } from 'node:crypto'

const part = (tag: number, ...content: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(content)
  const { length } = body
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}
const sequence = (...content: readonly Buffer[]): Buffer => part(0x30, ...content)
const id = (hex: string): Buffer => part(0x06, Buffer.from(hex, 'hex'))
const text = (tag: number, value: string): Buffer => part(tag, Buffer.from(value))
const yes = part(0x01, Buffer.from([255]))

const ecdsaWithSha256 = sequence(id('2a8648ce3d040302'))
const commonName = id('550403')
const alternativeName = id('551d11')
const basicConstraints = id('551d13')

let made: { key: string; cert: string } | undefined

/** A certificate for `localhost` that signs itself, made without any program: PEM. One a process: two of one name that are trusted are
 *  taken for each other. Source: RFC 5280. */
export const localhostCertificate = (): { key: string; cert: string } => (made ??= make())

function make(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(part(0x31, sequence(commonName, text(0x0c, 'localhost'))))
  const extensions = sequence(
    sequence(alternativeName, part(0x04, sequence(text(0x82, 'localhost')))),
    sequence(basicConstraints, yes, part(0x04, sequence(yes))),
  )
  const toSign = sequence(
    part(0xa0, part(0x02, Buffer.from([2]))),
    part(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    sequence(text(0x17, '200101000000Z'), text(0x17, '491231235959Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    part(0xa3, extensions),
  )
  const signature = part(0x03, Buffer.from([0]), sign('sha256', toSign, privateKey))
  const der = sequence(toSign, ecdsaWithSha256, signature)
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  }
}
