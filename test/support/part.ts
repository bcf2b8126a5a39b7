/** Runs one part as `agentmq broker` and `agentmq host` do. */
const [part = '', ...argv] = process.argv.slice(2)
const { main } = (await import(new URL(`../../${part}/main.js`, import.meta.url).href)) as {
  main: (argv: readonly string[]) => Promise<number>
}
process.exit(await main(argv)) // its watch over stdin would keep it alive
