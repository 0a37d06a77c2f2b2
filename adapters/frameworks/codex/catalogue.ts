/** One entry of the client's own model catalogue; only what is changed here has a name. */
type Entry = Record<string, unknown> & { slug?: unknown }

/** What a model's entry says about tools, turned off: no shell, no patch, no sub-agents, no code mode (a V8 isolate whose inner
 *  calls make no event, so nobody could see what a model tried there), no search, no pictures from disk. Left are
 *  `request_user_input`, which no switch hides and which the client itself refuses outside its plan mode, and our tools. */
const bare = {
  tool_mode: 'direct',
  shell_type: 'disabled',
  apply_patch_tool_type: null,
  multi_agent_version: null,
  supports_search_tool: false,
  experimental_supported_tools: [],
  node_repl_disabled: true,
  input_modalities: ['text'],
  // Our system prompt replaces them.
  base_instructions: '',
  model_messages: null,
}

/** The client's catalogue with every model bare; `model` is added when it is unknown, since the client gives unknown models
 *  its own tools. Undefined when the text is not a catalogue. */
export function bareCatalogue(text: string, model: string | undefined): string | undefined {
  const models = modelsOf(text)
  const sample = models?.find((entry) => entry.slug === 'gpt-5.5') ?? models?.[0]
  if (!models || !sample) return undefined
  const known = model === undefined || models.some((entry) => entry.slug === model)
  const all = known
    ? models
    : [...models, { ...sample, slug: model, display_name: model, visibility: 'hide', upgrade: null }]
  return JSON.stringify({ models: all.map((entry) => ({ ...entry, ...bare })) })
}

function modelsOf(text: string): Entry[] | undefined {
  try {
    const { models } = JSON.parse(text) as { models?: Entry[] }
    return Array.isArray(models) ? models : undefined
  } catch {
    // Another program, or another version of this one, answered: the caller refuses the client.
    return undefined
  }
}
