/** What GET tells: the document of the old daemon, and the methods in the form of OpenRPC. */
import { schemaOf } from '../legacy/fields.ts'
import { HTTP_METHODS, type LegacyMethod } from '../legacy/methods.ts'

const METHODS: readonly (readonly [string, LegacyMethod])[] = Object.entries(HTTP_METHODS)

/** Under the name that clients may look at. */
export function infoDocument(version: string): string {
  const methods = METHODS.filter(([, { isListed }]) => isListed).map(([name]) => name)
  return JSON.stringify({ methods, name: 'Descartes RPC Server', version })
}

export function openRpcDocument(version: string): string {
  return JSON.stringify({
    openrpc: '1.3.2',
    info: { title: 'agentmq, as the clients of the old daemon know it', version },
    methods: METHODS.map(([name, { summary, params }]) => ({
      name,
      summary,
      paramStructure: 'either',
      params: contentDescriptors(params),
      result: { name: 'result', schema: {} },
    })),
  })
}

function contentDescriptors(params: LegacyMethod['params']): object[] {
  const schema = schemaOf(params) as unknown as {
    readonly properties: Readonly<Record<string, { readonly description?: string }>>
    readonly required?: readonly string[]
  }
  return Object.entries(schema.properties).map(([name, { description, ...rest }]) => ({
    name,
    description,
    required: schema.required?.includes(name) ?? false,
    schema: rest,
  }))
}
