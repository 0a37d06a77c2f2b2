import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { loaderFor } from '../../../adapters/definitions/bundle.ts'
import { place } from '../../scene/place.ts'

test("a role that writes 'zod/v4' gets the running zod, whose schemas codeband knows", async () => {
  const root = place()
  const path = join(root, 'role.ts')
  await writeFile(path, "import { z } from 'zod/v4'\nexport default z.string()\n")
  const loader = await loaderFor(root)
  const bundle = await loader.bundle([{ name: 'role', path }])
  expect(bundle.diagnostics).toEqual([])
  expect((await loader.run(bundle)).values.get('role')).toBeInstanceOf(z.ZodType)
})
