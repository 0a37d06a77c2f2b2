import { memoryEventStore } from '../../../adapters/event-stores/memory.ts'
import { eventStoreContract } from '../../contracts/event-store.ts'

eventStoreContract('memory', () => {
  const { log } = memoryEventStore()
  return { open: (process) => memoryEventStore({ log, process }) }
})
